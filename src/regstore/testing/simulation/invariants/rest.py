"""What is left when nobody is about to do anything any more.

- I3: a revision has its body and all that it refers to, a tag names a revision: except what
  somebody has asked to delete, whoever refers to it.
- What :func:`~regstore.testing.simulation.audit.audit` says besides; of uploads only where nobody
  crashed, where no request arrived twice and where whoever began a session in the store was told
  of it: what else is left of them is for a purge. I8 is in :mod:`.tags`, and who is not listed in
  :mod:`.referrers`. Of what is parked in uploads nothing where :meth:`Uploads.torn` says so.
"""

from __future__ import annotations

from collections.abc import Iterator

from regstore import layout
from regstore.testing.simulation.audit import audit, is_unlisted
from regstore.testing.simulation.invariants.facts import (
    Facts,
    Item,
    data_of,
    item_of,
    link_of,
    needs,
)
from regstore.testing.simulation.invariants.uploads import Uploads
from regstore.testing.simulation.keyspace import IMAGES, REPOSITORIES, TAGS
from regstore.testing.simulation.process import Crashed
from regstore.testing.simulation.violations import Violation


def at_rest(facts: Facts) -> Iterator[Violation]:
    """Yield what is wrong with what a run has left, or with what ever was there."""
    judged_elsewhere = {"I3", "I8"}
    if not _are_uploads_tidy(facts):
        judged_elsewhere |= {"I17", "I20"}
    torn = Uploads(facts).torn()
    for violation in audit(facts.bucket):
        is_torn = violation.invariant == "I17" and violation.key.startswith(torn)
        is_judged = violation.invariant in judged_elsewhere or is_unlisted(violation)
        if not is_judged and not is_torn:
            yield violation
    deleted = {item_of(each) for each in facts.ledger.of("delete blob", "delete manifest")}
    contents = facts.bucket.contents
    for name in REPOSITORIES:
        for image in IMAGES:
            item: Item = "manifest", name, str(image.digest)
            if link_of(item) in contents:
                yield from _whole(facts, item, deleted)
        for tag in TAGS:
            yield from _named(facts, name, tag, deleted)


def _whole(facts: Facts, item: Item, deleted: set[Item]) -> Iterator[Violation]:
    contents = facts.bucket.contents
    for each in needs(item):
        if data_of(each) not in contents:
            yield Violation("I3", f"the content of {each} is missing", link_of(item))
        if link_of(each) not in contents and each not in deleted:
            yield Violation("I3", f"{each} is missing", link_of(item))


def _named(facts: Facts, name: str, tag: str, deleted: set[Item]) -> Iterator[Violation]:
    path = layout.TagCurrentLink(name, tag).path
    for digest in facts.values(path, facts.end, facts.end):
        item: Item = "manifest", name, digest
        if digest and link_of(item) not in facts.bucket.contents and item not in deleted:
            yield Violation("I3", f"it names {digest}, which is no revision", path)


def _are_uploads_tidy(facts: Facts) -> bool:
    is_any_crashed = any(isinstance(each.error, Crashed) for each in facts.ledger.operations)
    begins = [each for each in facts.trace.requests if each.name == "begin"]
    is_all_heard = all(each.answered is not None for each in begins)
    is_any_again = facts.knobs.repeated or facts.is_any_late
    return is_all_heard and not is_any_crashed and not is_any_again
