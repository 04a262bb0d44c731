"""Operations on one tag, and on the manifests that it names."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from regstore import ABSENT, AsyncRegistry
from regstore.digest import Digest
from regstore.errors import (
    ManifestUnknownError,
    TagConflictError,
    UnsupportedMethodError,
)
from regstore.oci import OCI_INDEX, OCI_MANIFEST, parse_document
from regstore.tags import Expect
from regstore.testing.simulation.exploring.operation import (
    NAME,
    Check,
    Ending,
    Operation,
    Run,
    is_done,
)
from regstore.testing.simulation.violations import Violation

TAG: Final = "v1"


def manifest(text: str, subject: bytes | None = None) -> bytes:
    """Return a manifest that refers to nothing but its *subject*."""
    refers = ""
    if subject is not None:
        refers = (
            f',"subject":{{"mediaType":"{OCI_INDEX}","digest":"{Digest.of(subject)}",'
            f'"size":{len(subject)}}}'
        )
    body = (
        f'{{"schemaVersion":2,"mediaType":"{OCI_INDEX}","manifests":[],'
        f'"annotations":{{"text":"{text}"}}{refers}}}'
    )
    return body.encode()


def image(config: bytes, *layers: bytes) -> bytes:
    """Return the manifest of an image."""
    first, *rest = (
        f'{{"mediaType":"text/plain","digest":"{Digest.of(data)}","size":{len(data)}}}'
        for data in (config, *layers)
    )
    body = (
        f'{{"schemaVersion":2,"mediaType":"{OCI_MANIFEST}","config":{first},'
        f'"layers":[{",".join(rest)}]}}'
    )
    return body.encode()


OLD: Final = manifest("old")
NEW: Final = manifest("new")
OTHER: Final = manifest("other")
REFERRER: Final = manifest("referrer", OLD)


def tagged(*bodies: bytes, tag: bytes | None = OLD) -> Run:
    """Push *bodies*, and make the tag name *tag*, where that is one."""

    async def prepare(registry: AsyncRegistry, told: str) -> str:
        for body in bodies:
            tags = [TAG] if body == tag else []
            await registry.repository(NAME).manifests.put(body, tags=tags)
        return told

    return prepare


async def indexed(registry: AsyncRegistry, told: str) -> str:
    """Push OLD and what refers to it, and build the index of referrers."""
    await tagged(OLD, REFERRER)(registry, told)
    await registry.repository(NAME).referrers.reindex()
    return told


async def listed_though_gone(registry: AsyncRegistry, told: str) -> str:
    """Push OLD, and list what refers to it, which was deleted while it was added."""
    await indexed(registry, told)
    repository, digest = registry.repository(NAME), Digest.of(REFERRER)
    await repository.manifests.delete(digest)
    document = parse_document(NAME, REFERRER)
    await repository.referrers.add(document, document.describe(digest, len(REFERRER)))
    return told


async def unlisted(registry: AsyncRegistry, told: str) -> str:
    """Push OLD, and what refers to it: that as other software does, which has no index."""
    await tagged(OLD, REFERRER)(registry, told)
    referrers = registry.repository(NAME).referrers
    await referrers.remove(parse_document(NAME, REFERRER), Digest.of(REFERRER))
    return told


def set_tag(body: bytes) -> Operation:
    """Make the tag name *body*, whatever it names now."""

    async def run(registry: AsyncRegistry, told: str) -> None:
        del told
        await registry.repository(NAME).tags.set(TAG, Digest.of(body))

    return Operation("tag", run, may_raise=(ManifestUnknownError,))


def expectation(body: bytes | None) -> Expect:
    """Return what says that the tag names *body*, or nothing."""
    return ABSENT if body is None else Digest.of(body)


def swap(body: bytes, expect: bytes | None) -> Operation:
    """Make the tag name *body* if it names *expect*, or nothing."""
    expected = expectation(expect)

    async def run(registry: AsyncRegistry, told: str) -> None:
        del told
        await registry.repository(NAME).tags.set(TAG, Digest.of(body), expected)

    return Operation("swap", run, may_raise=(TagConflictError, UnsupportedMethodError))


def untag(expect: bytes | None = None) -> Operation:
    """Delete the tag, if it names *expect*, where that is asked for."""
    expected = {} if expect is None else {"expect": Digest.of(expect)}

    async def run(registry: AsyncRegistry, told: str) -> None:
        del told
        await registry.repository(NAME).tags.delete(TAG, **expected)

    errors = (TagConflictError, UnsupportedMethodError, ManifestUnknownError)
    return Operation("untag", run, may_raise=errors, repeated=(ManifestUnknownError,))


def push(body: bytes, tag: str | None = None) -> Operation:
    """Push a manifest, and make the tag name it, where one is given."""

    async def run(registry: AsyncRegistry, told: str) -> object:
        del told
        tags = [] if tag is None else [tag]
        return await registry.repository(NAME).manifests.put(body, tags=tags)

    return Operation("push", run)


def push_over(body: bytes, expect: bytes | None) -> Operation:
    """Push a manifest, and make the tag name it if that names *expect*, or nothing."""
    digest, expected = Digest.of(body), expectation(expect)

    async def run(registry: AsyncRegistry, told: str) -> object:
        del told
        manifests = registry.repository(NAME).manifests
        return await manifests.put(body, digest=digest, tags=[TAG], expect=expected)

    return Operation("push over", run, may_raise=(TagConflictError, UnsupportedMethodError))


def delete(body: bytes) -> Operation:
    """Delete a manifest."""

    async def run(registry: AsyncRegistry, told: str) -> None:
        del told
        await registry.repository(NAME).manifests.delete(Digest.of(body))

    errors = (ManifestUnknownError,)
    return Operation("delete manifest", run, may_raise=errors, repeated=errors)


def reindex() -> Operation:
    """Build the index of referrers anew."""

    async def run(registry: AsyncRegistry, told: str) -> object:
        del told
        return await registry.repository(NAME).referrers.reindex()

    return Operation("reindex", run)


def list_referrers() -> Operation:
    """Tell what refers to OLD; the index is built for that, where it is not complete."""

    async def run(registry: AsyncRegistry, told: str) -> object:
        del told
        found = registry.repository(NAME).referrers.all(Digest.of(OLD))
        return [each.digest async for each in found]

    return Operation("list referrers", run)


def named(ending: Ending) -> Digest | None:
    """Return what the tag names."""
    try:
        return ending.registry.repository(NAME).tags.get(TAG)
    except ManifestUnknownError:
        return None


def ends_as(*bodies: bytes | None) -> Check:
    """Return a check that the tag names one of *bodies*."""
    allowed = {None if body is None else Digest.of(body) for body in bodies}

    def check(ending: Ending) -> Iterator[Violation]:
        if named(ending) not in allowed:
            yield Violation("I7", f"it names {named(ending)}, not one of {allowed}", TAG)

    return check


def one_winner(ending: Ending) -> Iterator[Violation]:
    """Check that of changes that expect the same, one was made: there is something to win."""
    winners = [result for result in ending.results if is_done(result)]
    if len(winners) != 1:
        yield Violation("I9", f"{len(winners)} have changed it from the same value", TAG)


def referrers_are_true(ending: Ending) -> Iterator[Violation]:
    """Check that the index has what refers to OLD, and nothing else."""
    listed, real = _referrers(ending)
    if listed != real:
        yield Violation("referrers", f"{listed} are listed, and {real} are there", "")


def referrers_are_listed(ending: Ending) -> Iterator[Violation]:
    """Check that the index has what refers to OLD.

    It may have what is gone, until the next reindex, where that was deleted while it was added: the
    other order, to forget after the deletion, would lose what is pushed again meanwhile.
    """
    listed, real = _referrers(ending)
    if not listed >= real:
        yield Violation("referrers", f"{listed} are listed, and {real} are there", "")


def _referrers(ending: Ending) -> tuple[set[Digest], set[Digest]]:
    """Return what the index says, and what is true."""
    repository = ending.registry.repository(NAME)
    listed = {descriptor.digest for descriptor in repository.referrers.all(Digest.of(OLD))}
    referrer = Digest.of(REFERRER)
    return listed, {referrer} if repository.manifests.exists(referrer) else set()
