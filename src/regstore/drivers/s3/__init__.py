"""S3, and stores that speak its protocol."""

from __future__ import annotations

from regstore.drivers.s3.store import S3Store, s3_store

__all__ = ["S3Store", "s3_store"]
