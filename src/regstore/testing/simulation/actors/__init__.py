"""Those who use the registry in a run: a step of a scenario is one call of what it names here."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from regstore.testing.simulation.actors.actor import Actor, Board
from regstore.testing.simulation.actors.collector import await_collector, collect
from regstore.testing.simulation.actors.deleting import delete_blob, delete_manifest
from regstore.testing.simulation.actors.listing import (
    list_manifests,
    list_repositories,
    list_tags,
)
from regstore.testing.simulation.actors.pushing import (
    mount,
    pull,
    pull_tag,
    push,
    push_manifest,
)
from regstore.testing.simulation.actors.referring import list_referrers, reindex
from regstore.testing.simulation.actors.stock import push_stock
from regstore.testing.simulation.actors.tagging import (
    create_tag,
    set_tag,
    swap_tag,
    untag,
    untag_if,
)
from regstore.testing.simulation.actors.uploading import (
    append_again,
    append_next,
    append_other,
    begin_upload,
    cancel_upload,
    commit_upload,
    purge_upload,
)
from regstore.testing.simulation.scenario import Step, Verb

VERBS: Final[Mapping[Verb, Callable[[Actor, Step], Awaitable[None]]]] = {
    "push": push,
    "push manifest": push_manifest,
    "push stock": push_stock,
    "pull": pull,
    "pull tag": pull_tag,
    "tag": set_tag,
    "create tag": create_tag,
    "swap tag": swap_tag,
    "untag": untag,
    "untag if": untag_if,
    "mount": mount,
    "begin upload": begin_upload,
    "append": append_next,
    "append other": append_other,
    "append again": append_again,
    "commit upload": commit_upload,
    "cancel upload": cancel_upload,
    "purge upload": purge_upload,
    "list tags": list_tags,
    "list manifests": list_manifests,
    "list repositories": list_repositories,
    "list referrers": list_referrers,
    "reindex": reindex,
    "delete manifest": delete_manifest,
    "delete blob": delete_blob,
    "collect": collect,
    "await collector": await_collector,
}
"""What each verb of a step does."""

__all__ = ["VERBS", "Actor", "Board"]
