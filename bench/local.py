"""What the local directory costs, as ratios against a physical limit measured in the same run.

Run by ``make bench``. Each figure is the median of rounds in which the sides take turns, so that
a machine whose speed drifts changes both. Sizes are bytes.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import regstore

MIB = 1 << 20
MANIFEST = "application/vnd.oci.image.manifest.v1+json"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mib", type=int, default=1024, help="size of the blob")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--dir", default=None, help="where to work; a temporary directory else")
    parser.add_argument("--memory-of", default=None, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.memory_of:
        report_memory(Path(options.memory_of))
        return
    with tempfile.TemporaryDirectory(dir=options.dir) as work:
        bench(Path(work), options.mib, options.rounds)


def bench(work: Path, mib: int, rounds: int) -> None:
    source = make_file(work / "source", mib)
    print(f"{mib} MiB blob, {rounds} rounds, median of each side\n")
    ingest(work, source, rounds)
    read_back(work, source, rounds)
    manifest_by_tag(work, rounds)
    peak_memory(source, work)


def ingest(work: Path, source: Path, rounds: int) -> None:
    registry = regstore.open(str(work / "ingest"))
    repository = registry.repository("bench/ingest")
    digest = openssl_digest(source)

    def hashed_and_copied() -> None:
        openssl_digest(source)
        copy_and_sync(source, work / "copy")

    def uploaded() -> None:
        upload = repository.uploads.create()
        for chunk in chunks(source):
            upload.write(chunk)
        upload.commit(digest)

    def reset() -> None:
        shutil.rmtree(work / "ingest", ignore_errors=True)
        (work / "copy").unlink(missing_ok=True)

    compare(
        "ingest / (openssl dgst + copy and fsync)",
        uploaded,
        hashed_and_copied,
        rounds,
        target=1.15,
        reset=reset,
    )


def read_back(work: Path, source: Path, rounds: int) -> None:
    repository = regstore.open(str(work / "read")).repository("bench/read")
    digest = repository.blobs.put(chunks(source)).digest
    with repository.blobs.open(digest) as reader:
        file = reader.local_file()
    with (work / "out").open("wb", buffering=0) as sink, Path(os.devnull).open("wb") as null:

        def streamed() -> None:
            with repository.blobs.open(digest) as blob:
                null.writelines(blob)

        def cat() -> None:
            subprocess.run(["cat", str(file)], stdout=null, check=True)

        def cat_through_pipe() -> None:
            with subprocess.Popen(["cat", str(file)], stdout=subprocess.PIPE) as process:
                assert process.stdout is not None
                while process.stdout.read(MIB):
                    pass

        compare("read back / cat", streamed, cat, rounds, target=1.2)
        compare("read back / cat through a pipe", streamed, cat_through_pipe, rounds)
        del sink


def manifest_by_tag(work: Path, rounds: int) -> None:
    root = work / "manifest"
    repository = regstore.open(str(root)).repository("bench/manifest")
    config = repository.blobs.put(b"{}")
    document = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": config.to_json(),
        "layers": [config.to_json() for _ in range(8)],
    }
    repository.manifests.put(json.dumps(document).encode(), tags=["latest"])
    files = three_files(root)
    shared = asyncio.Runner()
    asynchronous = regstore.AsyncRegistry.open(str(root)).repository("bench/manifest")

    def plain() -> None:
        for _ in range(1000):
            for file in files:
                with open(file, "rb") as stream:  # noqa: PTH123 - the plainest read there is
                    stream.read()

    def by_tag() -> None:
        for _ in range(1000):
            repository.manifests.get("latest")

    async def by_tag_async() -> None:
        for _ in range(1000):
            await asynchronous.manifests.get("latest")

    compare("manifest by tag / three plain file reads", by_tag, plain, rounds, target=5.0)
    compare("manifest by tag, async / sync", lambda: shared.run(by_tag_async()), by_tag, rounds)
    shared.close()


def peak_memory(source: Path, work: Path) -> None:
    command = [sys.executable, __file__, "--memory-of", str(source), "--dir", str(work)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    print(f"{'peak memory of the upload above import':50} {done.stdout.strip()} (target 48 MiB)")


def report_memory(source: Path) -> None:
    before = kibibytes("VmRSS")
    with tempfile.TemporaryDirectory(dir=source.parent) as root:
        regstore.open(root).repository("bench/memory").blobs.put(chunks(source))
    print(f"{(kibibytes('VmHWM') - before) / 1024:.1f} MiB")


def kibibytes(field: str) -> int:
    """Return what Linux knows of this process's memory (``proc_pid_status(5)``)."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition(f"{field}:")[2].split()[0])


def compare(
    title: str,
    ours: Callable[[], object],
    peer: Callable[[], object],
    rounds: int,
    target: float | None = None,
    reset: Callable[[], object] = lambda: None,
) -> None:
    """Print the ratio of two actions that take turns."""
    pairs = []
    for _ in range(rounds):
        reset()
        pairs.append((timed(ours), timed(peer)))
    ratio = statistics.median(one / other for one, other in pairs)
    mine, theirs = (statistics.median(side) for side in zip(*pairs, strict=True))
    wanted = f"(target {target})" if target else ""
    print(f"{title:50} {ratio:6.2f}   {mine:7.3f} s / {theirs:7.3f} s {wanted}")


def timed(action: Callable[[], object]) -> float:
    """Return the seconds that *action* takes on a disk that has nothing else left to write."""
    os.sync()
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def make_file(path: Path, mib: int) -> Path:
    rng = random.Random(7)
    with path.open("wb") as stream:
        for _ in range(mib):
            stream.write(rng.randbytes(MIB))
    return path


def chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb", buffering=0) as stream:
        while chunk := stream.read(MIB):
            yield chunk


def openssl_digest(path: Path) -> str:
    command = ["openssl", "dgst", "-sha256", "-r", str(path)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return f"sha256:{done.stdout.split()[0]}"


def copy_and_sync(source: Path, target: Path) -> None:
    """Copy through user space, as everything that also hashes must."""
    with source.open("rb", buffering=0) as reader, target.open("wb", buffering=0) as writer:
        while chunk := reader.read(MIB):
            writer.write(chunk)
        os.fsync(writer.fileno())


def three_files(root: Path) -> list[str]:
    """Return the files that reading a manifest by tag must open."""
    current = next(root.rglob("current/link"))
    encoded = current.read_text().partition(":")[2]
    revision = next(root.rglob(f"revisions/sha256/{encoded}/link"))
    return [str(current), str(revision), str(next(root.rglob(f"{encoded}/data")))]


if __name__ == "__main__":
    main()
