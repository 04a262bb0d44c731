"""How many requests each operation may send, and how many were counted.

``docs/costs.md`` tells what was counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from tests.budgets.stores import Kind


class PerStore(NamedTuple):
    """A number of requests for each kind of store."""

    s3: int
    gcs: int
    azure: int

    def of(self, kind: Kind) -> int:
        number: int = getattr(self, kind)
        return number


@dataclass(frozen=True)
class Budget:
    """What an operation costs.

    :ivar counted: requests; on S3 those on moto, since SeaweedFS answers a copy otherwise than S3.
    :ivar at_most: where more are sent, a test fails.
    :ivar round_trips: at most, on any store.
    """

    operation: str
    counted: PerStore
    at_most: PerStore
    round_trips: int


def _same(number: int) -> PerStore:
    return PerStore(number, number, number)


BUDGETS = {
    budget.operation: budget
    for budget in (
        Budget("blob of up to 8 MiB from memory", _same(2), _same(2), 2),
        Budget("POST, PATCH, PUT of 1 MiB", PerStore(11, 12, 12), _same(12), 12),
        Budget("POST, PATCH, PUT of 20 MiB", PerStore(16, 16, 15), _same(16), 16),
        Budget("POST, PUT of 1 MiB", _same(6), _same(8), 6),
        Budget("POST, PUT of 20 MiB", PerStore(14, 11, 10), _same(14), 14),
        Budget("status of a parked upload", _same(2), _same(3), 2),
        Budget("cancel of a parked upload", PerStore(8, 6, 6), _same(9), 4),
        Budget("blob stat", _same(2), _same(2), 2),
        Budget("blob read", _same(2), _same(2), 1),
        Budget("mount", _same(3), _same(3), 3),
        Budget("manifest put, 8 layers and a config", _same(22), _same(24), 4),
        Budget("the same, where fresh links vouch", _same(13), _same(14), 4),
        Budget("manifest by tag", _same(3), _same(3), 2),
        Budget("manifest by digest", _same(2), _same(2), 1),
        Budget("untag", PerStore(5, 4, 4), _same(6), 5),
        # SeaweedFS: empty directories linger, so each tag is looked for once more. fake-gcs: no
        # conditions on deletions, so those under way when that is found out begin again.
        Budget("manifest delete, 100 tags name it", PerStore(510, 524, 509), _same(615), 65),
        Budget("referrers of a subject, 20 of them", _same(23), _same(24), 4),
        Budget("page of 100 tags out of 20,000", _same(1), _same(2), 2),
        Budget(
            "page of 100 repositories out of 10,000",
            PerStore(102, 103, 103),
            PerStore(104, 104, 108),  # Azurite closes idle connections, and a GET is sent again
            9,
        ),
        # Of GCS and Azure by arithmetic, from smaller trees.
        Budget("delete of a tree of 10,000 keys", PerStore(24, 112, 44), PerStore(25, 120, 60), 60),
    )
}

_LISTED = PerStore(1000, 1000, 5000)
_DELETED = PerStore(1000, 100, 256)
_LOOKED = 5


def delete_limit(kind: Kind, keys: int) -> int:
    """Return how many requests the deletion of a tree of so many *keys* may send."""
    return -(-keys // _LISTED.of(kind)) + -(-keys // _DELETED.of(kind)) + _LOOKED


DISTRIBUTION = {
    "blob of up to 8 MiB from memory": 19,
    "POST, PATCH, PUT of 1 MiB": 26,
    "POST, PATCH, PUT of 20 MiB": 27,
    "POST, PUT of 1 MiB": 19,
    "POST, PUT of 20 MiB": 20,
    "status of a parked upload": 5,
    "cancel of a parked upload": 8,
    "blob stat": 7,
    "blob read": 8,
    "mount": 3,
    "manifest put, 8 layers and a config": 23,
    "manifest by tag": 4,
    "manifest by digest": 3,
    "manifest delete, 100 tags name it": 306,
    "page of 100 tags out of 20,000": 20,
}
"""What CNCF distribution 2.8.2 sends with its s3 driver to SeaweedFS.

Without a cache of descriptors, and serving blobs itself instead of redirecting to the store.
"""
