"""A registry that nobody closes is closed when it is dropped, and says nothing at the end."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.object_servers import S3Server

PROGRAM = """
import gc, json, sys
import regstore
url, options = json.loads(sys.argv[1])
registry = regstore.open(url, storage_options=options)
print(registry.repository("a").blobs.put(b"content").size)
{after}
"""


@pytest.mark.parametrize(
    "after", ["", "del registry; gc.collect()", "registry.close(); del registry; gc.collect()"]
)
def test_nothing_is_said_at_exit(seaweedfs: S3Server, after: str) -> None:
    where = json.dumps([seaweedfs.fresh_url(), dict(seaweedfs.storage_options)])
    argv = [
        sys.executable,
        "-W",
        "always::ResourceWarning",
        "-c",
        PROGRAM.format(after=after),
        where,
    ]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "7\n", "")
