"""``Retrying`` asks again where that cannot do harm, and tells where nobody knows."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

import pytest
from typing_extensions import override

from regstore import layout
from regstore.consistency import RetryBudget, RetryCounts, Retrying, deadline, is_lasting
from regstore.digest import Digest
from regstore.driver import (
    ANY,
    IF_ABSENT,
    Capabilities,
    Condition,
    Content,
    StorageDriver,
    if_version,
)
from regstore.drivers.memory import MemoryDriver
from regstore.errors import (
    DriverError,
    IncompleteReadError,
    NotYetVisibleError,
    PathExistsError,
    PathNotFoundError,
    PermissionDeniedError,
    PreconditionFailedError,
    ThrottledError,
    TransientError,
)
from regstore.testing.faults import Lag, LaggingDriver
from tests.consistency.faulty import Fault, Faulty
from tests.places import VirtualRuntime

DIGEST = "sha256:" + "ab" * 32
BLOB = f"docker/registry/v2/blobs/sha256/ab/{'ab' * 32}/data"
TAG = "docker/registry/v2/repositories/app/_manifests/tags/latest/current/link"
UPLOAD = "docker/registry/v2/repositories/app/_uploads/0123456789abcdef0123456789abcdef"


class Doubtful(LaggingDriver):
    """Of which nobody may know how long it lags."""

    def __init__(self, inner: StorageDriver, lag: Lag, bound: float | None) -> None:
        super().__init__(inner, lag)
        self._bound = bound

    @property
    @override
    def capabilities(self) -> Capabilities:  # type: ignore[override] # as in WrapperDriver
        return replace(super().capabilities, staleness_bound=self._bound)


Setting = tuple[Retrying, Faulty, MemoryDriver, VirtualRuntime]


class Versioned(MemoryDriver):
    """Whose versions come again with the same content, as ETags of S3 do."""

    capabilities = replace(MemoryDriver.capabilities, unique_versions=False)


def setting(driver: type[MemoryDriver] = MemoryDriver, **options: Any) -> Setting:  # noqa: ANN401
    runtime = VirtualRuntime()
    store = driver(runtime=runtime)
    faulty = Faulty(store)
    return Retrying(faulty, **options), faulty, store, runtime


def stored(driver: StorageDriver, path: str) -> bytes | None:
    try:
        return driver.runtime.run(driver.get_content(path)).data
    except PathNotFoundError:
        return None


def put(driver: StorageDriver, path: str, data: bytes = b"old") -> str:
    return driver.runtime.run(driver.put_content(path, data)) or ""


READS: dict[str, Callable[[StorageDriver], Coroutine[Any, Any, object]]] = {
    "stat": lambda driver: driver.stat("a"),
    "get_content": lambda driver: driver.get_content("a"),
    "reader": lambda driver: driver.reader("a"),
    "writer": lambda driver: driver.writer("b"),
}


@pytest.mark.parametrize("name", READS)
@pytest.mark.parametrize("fault", ["refused", "request lost", "answer lost"])
def test_what_changes_nothing_is_repeated(name: str, fault: Fault) -> None:
    retrying, faulty, store, runtime = setting()
    put(store, "a")
    faulty.plan = [fault, fault]
    runtime.run(READS[name](retrying))
    assert faulty.requests == {name: 3}
    assert retrying.counts == RetryCounts(calls=1, retries=2)


@pytest.mark.parametrize(
    "error",
    [PathNotFoundError("a"), PermissionDeniedError("a"), NotYetVisibleError("a"), DriverError("a")],
    ids=lambda error: type(error).__name__,
)
def test_what_will_not_pass_is_raised_at_once(error: DriverError) -> None:
    retrying, faulty, _, runtime = setting()
    for call in (retrying.stat("a"), retrying.put_content("a", b"")):
        faulty.plan = [error]
        with pytest.raises(type(error)) as caught:
            runtime.run(call)
        assert caught.value is error
    assert retrying.counts.retries == 0
    assert retrying.counts.gave_up == 0


def test_content_that_came_short_is_read_again() -> None:
    retrying, faulty, store, _ = setting()
    put(store, "a")
    faulty.plan = [IncompleteReadError("a")]
    assert stored(retrying, "a") == b"old"


def test_attempts_are_bounded() -> None:
    retrying, faulty, _, runtime = setting(limit=3)
    faulty.plan = ["refused"] * 9
    with pytest.raises(TransientError):
        runtime.run(retrying.stat("a"))
    assert retrying.counts == RetryCounts(calls=1, retries=2, gave_up=1)


def test_patience_is_bounded() -> None:
    budget = RetryBudget(per_minute=1e6, burst=1e6)
    retrying, faulty, _, runtime = setting(limit=1000, patience=5.0, budget=budget)
    faulty.plan = ["refused"] * 1000
    with pytest.raises(TransientError):
        runtime.run(retrying.stat("a"))
    assert 3.0 <= runtime.monotonic() <= 5.0


def test_the_store_is_left_alone_for_as_long_as_it_asks() -> None:
    retrying, faulty, store, runtime = setting()
    put(store, "a")
    faulty.plan = [ThrottledError("a", retry_after=7.0)]
    runtime.run(retrying.stat("a"))
    assert 7.0 <= runtime.monotonic() < 7.1


def test_a_budget_that_is_spent_ends_retries() -> None:
    retrying, faulty, _, runtime = setting(budget=RetryBudget(share=0.0, per_minute=1.0))
    faulty.plan = ["refused"] * 9
    with pytest.raises(TransientError):
        runtime.run(retrying.stat("a"))
    assert retrying.counts == RetryCounts(calls=1, retries=1, gave_up=1, over_budget=1)


@pytest.mark.parametrize(
    ("path", "lasting"),
    [
        (BLOB, True),
        (layout.LayerLink("app", Digest(DIGEST)).path, True),
        (layout.RevisionLink("app", Digest(DIGEST)).path, True),
        (UPLOAD + "/startedat", True),
        (layout.ReferrersComplete("app").path, True),
        (UPLOAD + "/hashstates/sha256/0", False),
        (TAG, False),
        (TAG.replace("current/link", f"index/sha256/{'ab' * 32}/link"), True),
        ("docker/registry/regstore/v1/caps.json", False),
        ("anything/else", False),
        ("", False),
    ],
)
def test_lasting_paths_are_those_that_tell_their_content(path: str, lasting: bool) -> None:
    assert is_lasting(path) is lasting


@pytest.mark.parametrize("fault", ["refused", "request lost", "answer lost"])
@pytest.mark.parametrize("condition", [ANY, IF_ABSENT], ids=["any", "absent"])
def test_content_under_its_digest_is_written_again(fault: Fault, condition: Condition) -> None:
    retrying, faulty, store, runtime = setting()
    faulty.plan = [fault]
    runtime.run(retrying.put_content(BLOB, b"x", condition))
    assert stored(store, BLOB) == b"x"


def test_a_tag_that_was_written_is_not_written_twice() -> None:
    retrying, faulty, store, runtime = setting()
    faulty.plan = ["answer lost"]
    version = runtime.run(retrying.put_content(TAG, b"x"))
    assert runtime.run(store.get_content(TAG)).version == version
    assert faulty.requests["put_content"] == 1
    assert retrying.counts.resolved_unknown == 1


@pytest.mark.parametrize("condition", [ANY, IF_ABSENT], ids=["any", "absent"])
def test_a_tag_that_somebody_else_has_set_meanwhile_is_left_alone(condition: Condition) -> None:
    retrying, faulty, store, runtime = setting()
    faulty.plan = ["answer lost"]
    runtime.plans = [(0.0, lambda: put(store, TAG, b"newer"))]
    with pytest.raises(TransientError) as caught:
        runtime.run(retrying.put_content(TAG, b"x", condition))
    assert caught.value.outcome_unknown
    assert stored(store, TAG) == b"newer"
    assert retrying.counts.gave_up == 1


@pytest.mark.parametrize("condition", [ANY, IF_ABSENT], ids=["any", "absent"])
def test_a_tag_that_somebody_has_deleted_meanwhile_stays_deleted(condition: Condition) -> None:
    retrying, faulty, store, runtime = setting()
    faulty.plan = ["answer lost"]
    runtime.plans = [(0.0, lambda: runtime.run(store.delete(TAG)))]
    with pytest.raises(TransientError, match="answer lost"):
        runtime.run(retrying.put_content(TAG, b"x", condition))
    assert stored(store, TAG) is None


@pytest.mark.parametrize("bound", [3.0, None])
def test_on_a_store_that_lags_an_old_value_is_not_taken_for_the_one_that_was_lost(
    bound: float | None,
) -> None:
    runtime = VirtualRuntime()
    store = MemoryDriver(runtime=runtime)
    lagging = Doubtful(store, Lag(get=3.0, stat=3.0), bound)
    faulty = Faulty(lagging)
    retrying = Retrying(faulty)
    for value in (b"x", b"y"):
        put(lagging, TAG, value)
        runtime.run(runtime.sleep(1))
    faulty.plan = ["request lost"]
    with pytest.raises(TransientError, match="request lost"):
        runtime.run(retrying.put_content(TAG, b"x"))
    assert stored(store, TAG) == b"y"
    assert runtime.clock.seconds >= lagging.capabilities.lag
    faulty.plan = ["answer lost"]
    runtime.run(retrying.put_content(TAG, b"x"))
    assert stored(store, TAG) == b"x"


def test_who_has_no_time_to_look_is_told_that_nobody_knows() -> None:
    runtime = VirtualRuntime()
    faulty = Faulty(LaggingDriver(MemoryDriver(runtime=runtime), Lag(get=3.0)))
    faulty.plan = ["answer lost"]
    with deadline(runtime, 2.0), pytest.raises(TransientError) as caught:
        runtime.run(Retrying(faulty).put_content(TAG, b"x"))
    assert caught.value.outcome_unknown
    assert runtime.clock.seconds < 2.0


def test_on_a_store_that_lags_a_miss_is_not_taken_for_a_deletion() -> None:
    runtime = VirtualRuntime()
    store = MemoryDriver(runtime=runtime)
    lagging = LaggingDriver(store, Lag(get=3.0, stat=3.0))
    put(lagging, TAG)
    faulty = Faulty(lagging)
    faulty.plan = ["request lost"]
    with pytest.raises(TransientError, match="request lost"):
        runtime.run(Retrying(faulty).delete_file(TAG))
    assert stored(store, TAG) == b"old"


def test_a_write_that_certainly_failed_is_repeated_anywhere() -> None:
    retrying, faulty, store, runtime = setting()
    for is_conditional in (False, True):
        version = put(store, TAG)
        condition = if_version(version) if is_conditional else ANY
        faulty.plan = ["refused", ThrottledError(TAG)]
        runtime.run(retrying.put_content(TAG, b"x", condition))
        assert stored(store, TAG) == b"x"


def test_a_swap_whose_answer_was_lost_is_success() -> None:
    retrying, faulty, store, runtime = setting()
    old = put(store, TAG)
    faulty.plan = ["answer lost"]
    new = runtime.run(retrying.put_content(TAG, b"x", if_version(old)))
    assert runtime.run(store.get_content(TAG)).version == new
    assert faulty.requests["put_content"] == 1


def test_a_swap_that_never_arrived_is_sent_again() -> None:
    retrying, faulty, store, runtime = setting()
    old = put(store, TAG)
    faulty.plan = ["request lost"]
    runtime.run(retrying.put_content(TAG, b"x", if_version(old)))
    assert stored(store, TAG) == b"x"


def test_where_versions_come_again_a_swap_is_not_sent_twice() -> None:
    retrying, faulty, store, runtime = setting(Versioned)
    old = put(store, TAG)
    faulty.plan = ["request lost"]
    with pytest.raises(TransientError, match="request lost"):
        runtime.run(retrying.put_content(TAG, b"x", if_version(old)))
    assert stored(store, TAG) == b"old"


class Late(Faulty):
    """Whose lost request arrives right after somebody has looked for it."""

    late: Coroutine[Any, Any, object] | None = None

    @override
    async def get_content(self, path: str, *, must_exist: bool = False) -> Content:
        content = await super().get_content(path, must_exist=must_exist)
        late, self.late = self.late, None
        if late is not None:
            await late
        return content


def test_a_swap_that_arrives_late_is_known_by_its_bytes() -> None:
    _, _, store, runtime = setting()
    old = if_version(put(store, TAG))
    faulty = Late(store)
    faulty.late = store.put_content(TAG, b"x", old)
    faulty.plan = ["request lost"]
    retrying = Retrying(faulty)
    version = runtime.run(retrying.put_content(TAG, b"x", old))
    assert runtime.run(store.get_content(TAG)).version == version
    assert faulty.requests["put_content"] == 2


def test_what_cannot_be_looked_at_stays_unknown() -> None:
    retrying, faulty, _, runtime = setting()
    faulty.plan = ["request lost", PermissionDeniedError(TAG)]
    with pytest.raises(TransientError, match="request lost") as caught:
        runtime.run(retrying.put_content(TAG, b"x"))
    assert caught.value.outcome_unknown


def test_a_conflict_with_somebody_else_is_a_conflict() -> None:
    retrying, faulty, store, runtime = setting()
    put(store, TAG)
    faulty.plan = ["refused"]
    with pytest.raises(PathExistsError):
        runtime.run(retrying.put_content(TAG, b"old", IF_ABSENT))
    with pytest.raises(PreconditionFailedError):
        runtime.run(retrying.put_content(TAG, b"old", if_version("another")))


DELETES: dict[str, Callable[[StorageDriver, str], Coroutine[Any, Any, None]]] = {
    "delete": lambda driver, path: driver.delete(path),
    "delete_file": lambda driver, path: driver.delete_file(path),
}


@pytest.mark.parametrize("name", DELETES)
def test_what_is_gone_was_deleted(name: str) -> None:
    retrying, faulty, store, runtime = setting()
    put(store, TAG)
    faulty.plan = ["answer lost"]
    runtime.run(DELETES[name](retrying, TAG))
    assert faulty.requests[name] == 1
    assert stored(store, TAG) is None


@pytest.mark.parametrize("name", DELETES)
def test_what_was_stored_again_meanwhile_is_not_deleted(name: str) -> None:
    retrying, faulty, store, runtime = setting()
    put(store, TAG)
    faulty.plan = ["answer lost"]
    runtime.plans = [(0.0, lambda: put(store, TAG, b"newer"))]
    with pytest.raises(TransientError) as caught:
        runtime.run(DELETES[name](retrying, TAG))
    assert caught.value.outcome_unknown
    assert stored(store, TAG) == b"newer"


@pytest.mark.parametrize("name", DELETES)
def test_an_upload_that_is_still_there_is_deleted_again(name: str) -> None:
    retrying, faulty, store, runtime = setting()
    put(store, UPLOAD + "/startedat")
    faulty.plan = ["request lost"]
    runtime.run(DELETES[name](retrying, UPLOAD + "/startedat"))
    assert stored(store, UPLOAD + "/startedat") is None


def test_a_version_is_deleted_once_whatever_gets_lost() -> None:
    retrying, faulty, store, runtime = setting()
    for fault in ("request lost", "answer lost"):
        version = put(store, TAG)
        faulty.plan = [fault]
        runtime.run(retrying.delete_file(TAG, if_version(version)))
        assert stored(store, TAG) is None


def test_what_was_never_there_is_not_found_after_a_refusal() -> None:
    retrying, faulty, _, runtime = setting()
    faulty.plan = ["refused"]
    with pytest.raises(PathNotFoundError):
        runtime.run(retrying.delete_file(TAG))


@pytest.mark.parametrize("fault", ["refused", "answer lost"])
def test_what_was_moved_is_found_at_its_destination(fault: Fault) -> None:
    retrying, faulty, store, runtime = setting()
    put(store, "a")
    faulty.plan = [fault]
    runtime.run(retrying.move("a", "b"))
    assert (stored(store, "a"), stored(store, "b")) == (None, b"old")


def test_a_move_is_repeated_onto_content_of_the_same_digest_alone() -> None:
    retrying, faulty, store, runtime = setting()
    for destination in (BLOB, "b"):
        put(store, "a")
        faulty.plan = ["request lost"]
        if destination == BLOB:
            runtime.run(retrying.move("a", destination))
            assert stored(store, BLOB) == b"old"
        else:
            with pytest.raises(TransientError):
                runtime.run(retrying.move("a", destination))
            assert stored(store, "a") == b"old"


@pytest.mark.parametrize("fault", ["refused", "request lost", "answer lost"])
@pytest.mark.parametrize("condition", [ANY, IF_ABSENT], ids=["any", "absent"])
def test_a_copy_to_its_digest_is_repeated(fault: Fault, condition: Condition) -> None:
    retrying, faulty, store, runtime = setting()
    put(store, "a")
    faulty.plan = [fault]
    runtime.run(retrying.copy("a", BLOB, condition))
    assert stored(store, BLOB) == b"old"


def test_a_copy_elsewhere_is_not_repeated_once_its_answer_was_lost() -> None:
    retrying, faulty, store, runtime = setting()
    put(store, "a")
    faulty.plan = ["answer lost"]
    runtime.plans = [(0.0, lambda: put(store, "b", b"newer"))]
    with pytest.raises(TransientError):
        runtime.run(retrying.copy("a", "b"))
    assert stored(store, "b") == b"newer"
