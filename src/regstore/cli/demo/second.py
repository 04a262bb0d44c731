"""The second process of the demo: goes on with an upload that another process began.

``python -m regstore.cli.demo.second ROOT NAME UPLOAD_ID DIGEST``, with the rest of the content on
stdin. Prints one JSON document.
"""

from __future__ import annotations

import json
import os
import sys

import regstore
from regstore.cli.demo.story import CHUNK


def main(root: str, name: str, upload_id: str, digest: str) -> None:
    """Finish the upload, and say what was found and done."""
    with regstore.open(root) as registry:
        upload = registry.repository(name).uploads.resume(upload_id)
        offset, hashed = upload.offset, upload.digest()
        while chunk := sys.stdin.buffer.read(CHUNK):
            upload.write(chunk)
        descriptor = upload.commit(digest)
    answer = {"pid": os.getpid(), "offset": offset, "hashed": hashed, "size": descriptor.size}
    print(json.dumps(answer))


if __name__ == "__main__":
    main(*sys.argv[1:])
