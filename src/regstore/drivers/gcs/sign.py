"""URLs that anybody may use for a while: V4 signatures with a service account's key.

https://cloud.google.com/storage/docs/authentication/signatures. Written out here because gcsfs'
``sign`` makes a client of google-cloud-storage for it, which looks for a project at the metadata
server when it knows none.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from urllib.parse import quote, urlsplit

from google.auth.credentials import Signing

LONGEST = timedelta(days=7)
"""What the store allows at most."""
_ALGORITHM = "GOOG4-RSA-SHA256"


@dataclass(frozen=True, slots=True)
class Grant:
    """What a URL is to allow.

    :ivar endpoint: scheme and host, without a path.
    :ivar path: of the object, quoted, with its leading slash.
    :ivar expires: from *now* on; cut to :data:`LONGEST`.
    :ivar filename: under which a browser is to save it.
    """

    endpoint: str
    path: str
    method: Literal["GET", "HEAD"]
    now: datetime
    expires: timedelta
    filename: str | None = None


def can_sign(credentials: object) -> bool:
    """Return whether *credentials* can sign: a service account's key can, and impersonation."""
    return isinstance(credentials, Signing) and bool(credentials.signer_email)


def signed_url(credentials: Signing, grant: Grant) -> str:
    """Return the URL; may block where signing is a request to Google.

    :raises GoogleAuthError: signing is such a request, and it failed.
    """
    stamp = grant.now.strftime("%Y%m%dT%H%M%SZ")
    scope = f"{stamp[:8]}/auto/storage/goog4_request"
    query = _query(grant, f"{credentials.signer_email}/{scope}", stamp)
    canonical = (
        f"{grant.method}\n{grant.path}\n{query}\nhost:{urlsplit(grant.endpoint).netloc}\n\n"
        "host\nUNSIGNED-PAYLOAD"
    )
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    text = f"{_ALGORITHM}\n{stamp}\n{scope}\n{digest}".encode()
    signature: bytes = credentials.sign_bytes(text)  # type: ignore[no-untyped-call]
    return f"{grant.endpoint}{grant.path}?{query}&X-Goog-Signature={signature.hex()}"


def _query(grant: Grant, credential: str, stamp: str) -> str:
    seconds = int(min(grant.expires, LONGEST).total_seconds())
    fields = {
        "X-Goog-Algorithm": _ALGORITHM,
        "X-Goog-Credential": credential,
        "X-Goog-Date": stamp,
        "X-Goog-Expires": str(seconds),
        "X-Goog-SignedHeaders": "host",
    }
    if grant.filename is not None:
        name = quote(grant.filename, safe="")
        fields["response-content-disposition"] = f"attachment; filename*=UTF-8''{name}"
    return "&".join(f"{name}={quote(fields[name], safe='-_.~')}" for name in sorted(fields))
