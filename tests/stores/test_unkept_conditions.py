"""A store whose conditions turn out to be no conditions, only when one is asked for."""

from __future__ import annotations

import pytest
from typing_extensions import override

from regstore import ImmutableTags, Policy, Registry
from regstore.consistency import Checked, Measured
from regstore.consistency.wrapper import WrapperDriver
from regstore.driver import ANY, Condition
from regstore.drivers.memory import MemoryDriver
from regstore.errors import ConfigurationError, UnsupportedMethodError
from tests.consistency.liars import IgnoresConditions
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


def test_once_found_out_an_immutable_tag_is_refused_before_its_manifest_is_written() -> None:
    registry = Registry(
        Checked(Measured(IgnoresConditions(MemoryDriver()))),
        policy=Policy(tags=ImmutableTags("v*")),
    )
    repo = registry.repository("library/app")
    first, second = make_image("first"), make_image("second")
    with pytest.raises(UnsupportedMethodError, match="conditional_create"):
        first.push(repo, "v1")
    with pytest.raises(ConfigurationError, match="immutable tags need conditional writes"):
        second.push(repo, "v2")
    second.push(repo, "latest")
    assert list(repo.tags.all(verify=True)) == ["latest"]
    third = make_image("third")
    with pytest.raises(ConfigurationError, match="use another store, or no tag policy"):
        third.push(repo, "latest", "v3")
    assert set(repo.manifests.all()) == {first.digest, second.digest}
