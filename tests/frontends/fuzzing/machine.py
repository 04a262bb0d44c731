"""Sequences of requests, each mostly right: uploads, pushes, pulls and deletions in odd orders."""

from __future__ import annotations

import gc
import os
import re
from collections.abc import Callable
from contextlib import suppress
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import ClassVar
from urllib.parse import unquote

from hypothesis import note
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

import regstore
from regstore.digest import Digest
from regstore.oci import OCTET_STREAM
from tests.frontends.fuzzing import oracle, values
from tests.frontends.fuzzing.doors import DOORS, Answer, Asked
from tests.images import Image

FOLDERS = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108 - each makes its own
ENDS = ("tags/list", "referrers/", "manifests/", "blobs/uploads/", "blobs/")
FIXED = ("/v2/", "/v2", "/", "/v2/_catalog", "/healthz", "/readyz", "/metrics", "//v2/", "*", "")

Headers = list[tuple[str, str]]


def open_descriptors(process: int | str = "self") -> int:
    return len([*Path(f"/proc/{process}/fd").iterdir()])


def open_files(below: Path) -> list[str]:
    """Return which files below *below* this process has open; it may have others, of others."""
    found = []
    for descriptor in Path("/proc/self/fd").iterdir():
        with suppress(OSError):  # closed meanwhile, as that of this very listing
            found.append(str(descriptor.readlink()))
    return [file for file in found if file.startswith(f"{below}/")]


class Fuzz(RuleBasedStateMachine):
    """One server over a directory of its own; each request is checked, and in the end the store."""

    kind: ClassVar[str]
    requests: ClassVar = count(1)
    watch: ClassVar[Callable[[int, Answer], object]] = lambda _number, _answer: None

    def __init__(self) -> None:
        super().__init__()
        self._folder = TemporaryDirectory(dir=FOLDERS)
        self._above = Path(self._folder.name)
        self._root = oracle.place(self._above)
        self._door = DOORS[self.kind](self._root)
        self._locations: list[str] = []
        self._held: dict[str, str] = {}

    def ask(
        self,
        method: str,
        target: str,
        body: bytes = b"",
        headers: Headers | None = None,
        lie: int | None = 0,
    ) -> Answer:
        """Send a request, and check the answer.

        :param lie: bytes by which the announced length is wrong; ``None`` to announce none.
        """
        announced = None if lie is None else max(len(body) + lie, 0)
        asked = Asked(
            method, target, tuple(headers or ()), body, announced, lie is None and not body
        )
        note(f"{method} {target:.300} {headers!r:.300} {len(body)} bytes, {announced} announced")
        answer = self._door.ask(asked)
        type(self).watch(next(self.requests), answer)
        oracle.check_answer(asked, answer, self._root)
        self._remember(asked, answer)
        return answer

    def _remember(self, asked: Asked, answer: Answer) -> None:
        location, digest = answer.header("Location"), answer.header("Docker-Content-Digest")
        if answer.status == 202 and location:
            self._locations.append(location)
        elif answer.status == 201 and location and digest:
            self._held[location] = digest
            stem = location.rpartition("/")[0]
            for tag in (answer.header("OCI-Tag") or "").split(", "):
                if tag:
                    self._held[f"{stem}/{tag}"] = digest
        elif answer.status == 202:
            self._forget(unquote(asked.path))

    def _forget(self, path: str) -> None:
        digest = self._held.pop(path, None)
        if digest is not None and path.endswith(digest) and "/manifests/" in path:
            stem = path.rpartition("/")[0]
            gone = [key for key in self._held if key.rpartition("/")[0] == stem]
            for key in gone:
                if self._held[key] == digest:
                    del self._held[key]

    def teardown(self) -> None:
        with self._folder:
            with self._door:
                self._check_held()
            oracle.check_surroundings(self._above)
            oracle.check_store(self._root)
            oracle.check_contents(self._root)
        self._check_descriptors()

    def _check_held(self) -> None:
        """What was pushed and not deleted is still pulled, and is what it is called."""
        for path, digest in self._held.items():
            answer = self._door.ask(Asked("GET", path))
            assert answer.status == 200, (path, answer)
            assert Digest.of(answer.body, Digest(digest).algorithm) == digest, path

    def _check_descriptors(self) -> None:
        if open_files(self._above):
            gc.collect()
        assert not open_files(self._above), "files were left open"

    def location(self, which: int, name: str) -> str:
        """One of the uploads begun so far, or of none."""
        if not self._locations or which == 9:
            return f"/v2/{name}/blobs/uploads/{'0' * which}"
        return self._locations[-1 - which % len(self._locations)]

    @initialize(name=values.one(values.NAMES))
    def hold_something(self, name: str) -> None:
        with regstore.open(str(self._root)) as registry:
            repository = registry.repository(name)
            for content in values.BLOBS:
                digest = repository.blobs.put(content).digest
                self._held[f"/v2/{name}/blobs/{digest}"] = digest
            for image in values.IMAGES:
                self._held[f"/v2/{name}/manifests/{image.digest}"] = image.digest
                image.push_manifest(repository)

    @rule(
        method=values.methods,
        fixed=values.one(FIXED),
        query=values.queries,
        headers=st.lists(values.odd_headers, max_size=3),
    )
    def visit(self, method: str, fixed: str, query: str, headers: Headers) -> None:
        self.ask(method, f"{fixed}?{query}", headers=headers)

    @rule(
        method=values.methods,
        name=values.names,
        end=values.one(ENDS),
        last=st.one_of(values.hostile, values.references),
        query=values.queries,
        headers=st.lists(values.odd_headers, max_size=3),
        body=st.one_of(values.content, values.documents),
        lie=values.one((0, 0, -1, 1, 5000, None)),
    )
    def knock(  # noqa: PLR0913, PLR0917 - one parameter for each thing that can be wrong
        self,
        method: str,
        name: str,
        end: str,
        last: str,
        query: str,
        headers: Headers,
        body: bytes,
        lie: int | None,
    ) -> None:
        self.ask(method, f"/v2/{name}/{end}{last}?{query}", body, headers, lie)

    @rule(method=values.methods, path=values.nested, query=values.queries)
    def stray(self, method: str, path: str, query: str) -> None:
        self.ask(method, f"/{path}?{query}")

    @rule(name=values.names, query=values.queries)
    def begin(self, name: str, query: str) -> None:
        self.ask("POST", f"/v2/{name}/blobs/uploads/?{query}")

    @rule(name=values.one(values.NAMES))
    def begin_well(self, name: str) -> None:
        assert self.ask("POST", f"/v2/{name}/blobs/uploads/").status == 202

    @rule(
        which=st.integers(0, 9),
        name=values.one(values.NAMES),
        body=values.content,
        odd=values.is_odd,
        content_range=values.chunk_ranges,
        lie=values.one((0, 0, 0, -1, 1, 5000, None)),
    )
    def patch(
        self, which: int, name: str, body: bytes, odd: bool, content_range: str, lie: int | None
    ) -> None:
        headers = [("Content-Type", OCTET_STREAM)]
        if odd:
            headers.append(("Content-Range", content_range))
        self.ask("PATCH", self.location(which, name), body, headers, lie)

    @rule(which=st.integers(0, 9), name=values.one(values.NAMES), body=values.content)
    def patch_in_order(self, which: int, name: str, body: bytes) -> None:
        """Go on where the server says, as a client does that lost its answers."""
        location = self.location(which, name)
        told = self.ask("GET", location).header("Range") or "0-0"
        match = re.fullmatch(r"0-(\d+)", told)
        assert match, told
        start = int(match[1]) + 1 if match[1] != "0" else 0
        extra = [("Content-Range", f"{start}-{start + len(body) - 1}")] if body else []
        self.ask("PATCH", location, body, extra)

    @rule(which=st.integers(0, 9), start=st.integers(0, 30), body=values.content)
    def patch_elsewhere(self, which: int, start: int, body: bytes) -> None:
        extra = [("Content-Range", f"{start}-{start + max(len(body), 1) - 1}")]
        answer = self.ask("PATCH", self.location(which, "a"), body, extra)
        assert answer.status != 416 or answer.header("Range"), answer

    @rule(
        which=st.integers(0, 9),
        name=values.one(values.NAMES),
        digest=values.digests,
        body=values.content,
        lie=values.one((0, 0, -1, 1, None)),
    )
    def finish(self, which: int, name: str, digest: str, body: bytes, lie: int | None) -> None:
        self.ask("PUT", f"{self.location(which, name)}?digest={digest}", body, lie=lie)

    @rule(which=st.integers(0, 9), name=values.one(values.NAMES), body=values.content)
    def finish_well(self, which: int, name: str, body: bytes) -> None:
        target = f"{self.location(which, name)}?digest={Digest.of(body)}"
        self.ask("PUT", target, body)

    @rule(which=st.integers(0, 9), method=values.methods, query=values.queries)
    def handle_upload(self, which: int, method: str, query: str) -> None:
        self.ask(method, f"{self.location(which, 'a')}?{query}")

    @rule(
        name=values.names,
        content=values.content,
        algorithm=values.one(("sha256", "sha256", "sha512")),
        wrong=values.is_odd,
        lie=values.one((0, 0, 0, 1, -1, None)),
    )
    def push_blob(
        self, name: str, content: bytes, algorithm: str, wrong: bool, lie: int | None
    ) -> None:
        digest = Digest.of(content + b"!" * wrong, algorithm)
        self.ask("POST", f"/v2/{name}/blobs/uploads/?digest={digest}", content, lie=lie)

    @rule(name=values.names, digest=values.digests, source=values.names, anywhere=values.is_odd)
    def mount(self, name: str, digest: str, source: str, anywhere: bool) -> None:
        given = "" if anywhere else f"&from={source}"
        self.ask("POST", f"/v2/{name}/blobs/uploads/?mount={digest}{given}")

    @rule(
        name=values.names,
        reference=values.references,
        body=values.documents,
        kind=values.types,
        query=values.queries,
        headers=st.lists(values.conditions, max_size=1),
        lie=values.one((0, 0, 0, 1, -1, None)),
    )
    def push_document(
        self,
        name: str,
        reference: str,
        body: bytes,
        kind: str,
        query: str,
        headers: Headers,
        lie: int | None,
    ) -> None:
        headers = [("Content-Type", kind), *headers]
        self.ask("PUT", f"/v2/{name}/manifests/{reference}?{query}", body, headers, lie)

    @rule(
        name=values.one(values.NAMES),
        manifest=values.one(values.MANIFESTS),
        tag=st.one_of(st.none(), values.tags),
        query=st.one_of(st.just(""), values.queries),
        headers=st.lists(values.conditions, max_size=1),
    )
    def push_manifest(
        self, name: str, manifest: Image, tag: str | None, query: str, headers: Headers
    ) -> None:
        headers = [("Content-Type", manifest.media_type), *headers]
        target = f"/v2/{name}/manifests/{tag or manifest.digest}?{query}"
        self.ask("PUT", target, manifest.manifest, headers)

    @rule(
        method=values.one(("GET", "GET", "HEAD", "DELETE")),
        name=values.names,
        reference=values.references,
        headers=st.lists(values.odd_headers, max_size=2),
    )
    def take_manifest(self, method: str, name: str, reference: str, headers: Headers) -> None:
        self.ask(method, f"/v2/{name}/manifests/{reference}", headers=headers)

    @rule(
        method=values.one(("GET", "GET", "GET", "HEAD", "DELETE")),
        name=values.names,
        digest=values.digests,
        wanted=st.one_of(st.none(), values.ranges),
        headers=st.lists(values.conditions, max_size=2),
    )
    def take_blob(
        self, method: str, name: str, digest: str, wanted: str | None, headers: Headers
    ) -> None:
        part = [] if wanted is None else [("Range", wanted)]
        self.ask(method, f"/v2/{name}/blobs/{digest}", headers=[*headers, *part])

    @rule(
        name=values.names,
        end=st.one_of(st.just("tags/list"), values.digests.map("referrers/{}".format)),
        n=values.numbers,
        last=values.hostile,
        kind=values.hostile,
        headers=st.lists(values.odd_headers, max_size=1),
    )
    def list_something(
        self, name: str, end: str, n: str, last: str, kind: str, headers: Headers
    ) -> None:
        query = f"n={n}&last={last}&artifactType={kind}"
        self.ask("GET", f"/v2/{name}/{end}?{query}", headers=headers)

    @rule(
        which=st.integers(0, 30),
        method=values.one(("GET", "GET", "GET", "HEAD", "DELETE")),
        wanted=st.one_of(st.none(), values.ranges),
        headers=st.lists(st.one_of(values.conditions, values.odd_headers), max_size=1),
    )
    def take_what_is_held(
        self, which: int, method: str, wanted: str | None, headers: Headers
    ) -> None:
        if self._held:
            path = sorted(self._held)[which % len(self._held)]
            part = [] if wanted is None else [("Range", wanted)]
            allowed = {200, 202, 206, 304, 400, 412, 416}
            assert self.ask(method, path, headers=[*headers, *part]).status in allowed


def machine(kind: str, watch: Callable[[int, Answer], object]) -> type[Fuzz]:
    """Return a machine for the server of this *kind* that tells *watch* of every request."""
    fields = {"kind": kind, "requests": count(1), "watch": staticmethod(watch)}
    return type(f"Fuzz{kind.title()}", (Fuzz,), fields)
