"""What Cloud Storage keeps, what its requests carry, and what its objects say of themselves."""

from __future__ import annotations

from regstore.driver import Capabilities
from regstore.drivers.objects.port import Limits

BATCH = 100
"""Requests in one, at most: https://cloud.google.com/storage/docs/batch"""
_LARGEST = 5 << 40
"""Bytes of the largest object: https://cloud.google.com/storage/quotas#objects"""
LIMITS = Limits(
    max_parts=100_000,
    delete_batch=BATCH,
    copy_size=_LARGEST,
    tells_missing=True,
    copies_ranges=False,
)
# https://cloud.google.com/storage/docs/consistency
CAPABILITIES = Capabilities(
    atomic_put=True,
    stable_reads=True,
    conditional_create=True,
    conditional_replace=True,
    conditional_delete=True,
    conditional_commit=True,
    conditional_copy=True,
    source_pinned_copy=True,
    unique_versions=True,
    server_side_copy=True,
    parked_notes=True,
    resume_scope="host",
    read_after_write=True,
    read_after_overwrite=True,
    list_after_write=True,
    staleness_bound=0.0,
    modified_is_commit_time=True,
    listing_start_after=True,
    ghost_directories=True,  # those that hold nothing but what is parked
    max_object_size=_LARGEST,
    clock_resolution=1.0,
)
METADATA = {"contentType": "application/octet-stream", "cacheControl": "no-cache, no-transform"}
"""What every object is stored with.

Public ones are cached for an hour unless they say otherwise, and then a tag that has moved is not
seen (https://cloud.google.com/storage/docs/caching); and nothing may decode on the way what says
that it is compressed.
"""
