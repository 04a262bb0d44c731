"""Filesystems that are one connection: how it is set up, when it is lost, how it ends.

Only fsspec's ``sftp`` is known to be one, over paramiko; others have a pool that mends itself, or
nothing is known of them.
"""

from __future__ import annotations

import socket

from fsspec import AbstractFileSystem

from regstore.drivers.generic.traits import innermost, traits_of

ANSWER_SECONDS = 60.0
"""How long a server may keep an answer back; neither fsspec nor paramiko sets an end."""


def is_connection(fs: AbstractFileSystem) -> bool:
    """Whether *fs* is one connection, which does not come back by itself."""
    return traits_of(type(innermost(fs))).connection


def prepare(fs: AbstractFileSystem) -> None:
    """Set what neither fsspec nor paramiko does.

    Requests of 32 KiB end in a small packet, which waits 40 ms for the answer to the one before
    (RFC 896) unless TCP is told not to.
    """
    if is_connection(fs):
        channel = innermost(fs).ftp.get_channel()
        channel.settimeout(ANSWER_SECONDS)
        channel.get_transport().sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def is_alive(fs: AbstractFileSystem) -> bool:
    """Whether nothing is known to have ended the connection."""
    channel = innermost(fs).ftp.get_channel()
    return bool(channel.get_transport().is_active() and not channel.closed)


def end(fs: AbstractFileSystem) -> None:
    """Close the connection, if *fs* is one."""
    if is_connection(fs):
        innermost(fs).client.close()
