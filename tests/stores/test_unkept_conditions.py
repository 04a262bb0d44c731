"""A store whose conditions turn out to be no conditions, only when one is asked for."""

from __future__ import annotations

from typing_extensions import override

from regstore import Registry
from regstore.consistency.wrapper import WrapperDriver
from regstore.driver import ANY, Condition
from regstore.drivers.memory import MemoryDriver
from regstore.errors import UnsupportedMethodError
from tests.images import make_image


class KeepsNone(WrapperDriver):
    """Claims what its store does, and refuses to delete under a condition."""

    @override
    async def delete_file(
        self, path: str, condition: Condition = ANY, *, missing_ok: bool = False
    ) -> None:
        if condition.kind == "version":
            raise UnsupportedMethodError(path, self.name, "found out just now")
        await super().delete_file(path, condition, missing_ok=missing_ok)


def test_a_manifest_is_deleted_with_its_tags_all_the_same() -> None:
    driver = KeepsNone(MemoryDriver())
    assert driver.capabilities.conditional_delete
    repo = Registry(driver).repository("library/app")
    gone, kept = make_image("gone"), make_image("kept")
    gone.push(repo, "a", "b")
    kept.push(repo, "c")
    repo.manifests.delete(gone.digest)
    assert list(repo.tags.all()) == ["c"]
    assert list(repo.manifests.all()) == [kept.digest]
