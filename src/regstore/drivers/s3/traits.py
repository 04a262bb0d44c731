"""What S3 promises, and what one of its requests can carry."""

from __future__ import annotations

from regstore.driver import Capabilities
from regstore.drivers.objects.port import Limits

CAPABILITIES = Capabilities(
    atomic_put=True,
    stable_reads=True,
    conditional_create=True,
    conditional_replace=True,
    conditional_delete=True,
    conditional_commit=True,
    conditional_copy=True,
    source_pinned_copy=True,
    unique_versions=False,
    server_side_copy=True,
    parked_notes=True,
    resume_scope="host",
    read_after_write=True,
    read_after_overwrite=True,
    list_after_write=True,
    staleness_bound=0.0,
    modified_is_commit_time=False,
    listing_start_after=True,
    ghost_directories=True,
    redirect=True,
    max_object_size=5 << 40,
    max_parts=10_000,
    clock_resolution=1.0,
)
"""Of Amazon S3; other stores promise less, which a probe finds out.

Consistency: user guide, "Amazon S3 data consistency model" (strong since December 2020).
Conditions: "Add preconditions to S3 operations with conditional requests" (PutObject and
CompleteMultipartUpload 2024, DeleteObject and CopyObject 2025). Versions are ETags: a digest of the
content unless it is encrypted, so the same bytes give the same version again. ``modified`` of an
object that came in parts is when its upload began ("Working with object metadata"). Sizes and
numbers of parts: "Amazon S3 multipart upload limits". Empty directories linger on SeaweedFS.
"""

LIMITS = Limits(
    part_size=8 << 20,
    min_part=5 << 20,
    max_parts=10_000,
    delete_batch=1000,
    list_page=1000,
    copy_size=5 << 30,
    tells_missing=False,
    copies_ranges=True,
    keeps_sessions=True,
)
