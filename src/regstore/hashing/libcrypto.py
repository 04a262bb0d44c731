"""SHA-2 by libcrypto's low-level functions, whose contexts are plain memory.

The contexts are ``SHA256_CTX`` and ``SHA512_CTX`` of OpenSSL's ``include/openssl/sha.h``: eight
words of the chaining state, the number of bits in two words (low, high), a block, the number of
bytes in it, the length of the digest. OpenSSL 1.1 to 3 and LibreSSL agree on that. A library that
does not is found out by the self-test in :mod:`regstore.hashing.backends`, which reads a context
before anything is ever written into one.
"""

from __future__ import annotations

import _hashlib
import ctypes
import struct
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Final, Self

from regstore.hashing.sha2 import SHA2, ChainingState, Variant

_CONTEXT_BYTES: Final = 512
"""More than twice what any known context takes, so that an unknown one does not overrun it."""

_SONAMES: Final = ("libcrypto.so.3", "libcrypto.so.1.1")
"""Where Python carries an OpenSSL of its own whose functions are hidden, Linux may have another.
Only there: macOS aborts a process that opens its ``libcrypto.dylib``."""

_Function = Callable[..., object]
_Scalar = ctypes.c_void_p | ctypes.c_size_t
_Context = ctypes.Array[ctypes.c_char]


class _View(ctypes.Structure):
    """``Py_buffer``, which is part of CPython's stable ABI since 3.11."""

    _fields_ = (
        ("buf", ctypes.c_void_p),
        ("obj", ctypes.c_void_p),
        ("len", ctypes.c_ssize_t),
        ("itemsize", ctypes.c_ssize_t),
        ("readonly", ctypes.c_int),
        ("ndim", ctypes.c_int),
        ("format", ctypes.c_void_p),
        ("shape", ctypes.c_void_p),
        ("strides", ctypes.c_void_p),
        ("suboffsets", ctypes.c_void_p),
        ("internal", ctypes.c_void_p),
    )
    buf: int | None
    len: int


_get_buffer = ctypes.pythonapi.PyObject_GetBuffer
_get_buffer.argtypes = (ctypes.py_object, ctypes.c_void_p, ctypes.c_int)
_release_buffer = ctypes.pythonapi.PyBuffer_Release
_release_buffer.argtypes = (ctypes.c_void_p,)
_release_buffer.restype = None


def _function(library: ctypes.CDLL, name: str, *types: type[_Scalar]) -> _Function:
    function = library[name]
    function.argtypes = types
    return function


class _Functions:
    """The functions of one variant, and what their context looks like.

    :raises AttributeError: the library lacks them.
    """

    def __init__(self, library: ctypes.CDLL, variant: Variant) -> None:
        prefix = variant.name.upper()
        self.variant = variant
        words = f"=8{variant.word}2{variant.word}{variant.block}s2I"
        pointer, size = ctypes.c_void_p, ctypes.c_size_t
        self.layout: struct.Struct = struct.Struct(words)
        self.init: _Function = _function(library, f"{prefix}_Init", pointer)
        self.update: _Function = _function(library, f"{prefix}_Update", pointer, pointer, size)
        self.final: _Function = _function(library, f"{prefix}_Final", pointer, pointer)

    def new_context(self) -> _Context:
        context = ctypes.create_string_buffer(_CONTEXT_BYTES)
        self.init(context)
        return context


class LibcryptoEngine:
    """A hash under way.

    The context is taken out of its place while it is in use. So a second thread meets an error
    and not a half-written context, with which libcrypto would overrun its memory.
    """

    __slots__ = ("_functions", "_place")

    def __init__(self, functions: _Functions, context: _Context) -> None:
        self._functions = functions
        self._place = [context]

    def _take(self) -> _Context:
        try:
            return self._place.pop()
        except IndexError:
            raise RuntimeError(
                "another thread is using this hasher: wait for it, or work on a copy()"
            ) from None

    def update(self, data: bytes | bytearray | memoryview) -> None:
        """Take more bytes, without copying them and without the interpreter's lock."""
        context = self._take()
        try:
            if isinstance(data, bytes):
                self._functions.update(context, data, len(data))
            else:
                self._update_from(context, data)
        finally:
            self._place.append(context)

    def _update_from(self, context: _Context, data: bytearray | memoryview) -> None:
        view = _View()
        _get_buffer(data, ctypes.byref(view), 0)
        try:
            self._functions.update(context, view.buf, view.len)
        finally:
            _release_buffer(ctypes.byref(view))

    def _duplicate(self) -> _Context:
        context = self._take()
        try:
            return type(context).from_buffer_copy(context)
        finally:
            self._place.append(context)

    @property
    def size(self) -> int:
        """Bytes taken so far."""
        return self.export().size

    def digest(self) -> bytes:
        """Return the hash of the bytes taken so far."""
        digest = ctypes.create_string_buffer(self._functions.variant.digest_size)
        self._functions.final(digest, self._duplicate())
        return digest.raw

    def export(self) -> ChainingState:
        """Return the state."""
        layout, bits = self._functions.layout, self._functions.variant.word_bits
        *words, low, high, block, fill, _ = layout.unpack_from(self._duplicate())
        return ChainingState(tuple(words), block[:fill], (high << bits | low) >> 3)

    def copy(self) -> Self:
        """Return an independent engine in the same state."""
        return type(self)(self._functions, self._duplicate())


class LibcryptoBackend:
    """Makes engines of all variants.

    :raises AttributeError: the library lacks the functions.
    """

    def __init__(self, library: ctypes.CDLL) -> None:
        self._functions = {name: _Functions(library, SHA2[name]) for name in SHA2}

    def start(self, variant: Variant) -> LibcryptoEngine:
        """Return an engine that has taken nothing yet."""
        functions = self._functions[variant.name]
        return LibcryptoEngine(functions, functions.new_context())

    def restore(self, variant: Variant, state: ChainingState) -> LibcryptoEngine:
        """Return an engine in ``state``."""
        functions = self._functions[variant.name]
        context = functions.new_context()
        digest_size = functions.layout.unpack_from(context)[-1]
        high, low = divmod(state.size * 8, 1 << variant.word_bits)
        fields = (*state.words, low, high, state.tail, len(state.tail), digest_size)
        functions.layout.pack_into(context, 0, *fields)
        return LibcryptoEngine(functions, context)


def backends() -> Iterator[LibcryptoBackend]:
    """Yield a backend for each libcrypto in reach, first the one that :mod:`hashlib` uses.

    That one is asked for through the extension module that is linked to it: the dynamic linker
    looks a name up in a library's dependencies as well, on Linux and on macOS.
    """
    for name in (getattr(_hashlib, "__file__", None), *_SONAMES):
        with suppress(OSError, AttributeError):
            yield LibcryptoBackend(ctypes.CDLL(name))
