"""Plain code over regstore's own I/O loop: from any thread, interrupted, forked, at exit."""

from __future__ import annotations

import asyncio
import gc
import signal
import subprocess
import sys
import threading
from collections.abc import AsyncGenerator, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from textwrap import dedent

import pytest

from regstore import Registry, _iothread
from regstore._loop import OwnLoopRuntime
from regstore._run import as_async
from regstore.drivers.memory import MemoryDriver
from regstore.testing.race import in_child

PATIENCE = 60.0  # seconds after which what should have happened is a failure


async def answer() -> int:
    await asyncio.sleep(0)
    return 42


async def numbers(count: int, closed: threading.Event) -> AsyncGenerator[int, None]:
    try:
        for number in range(count):
            await asyncio.sleep(0)
            yield number
    finally:
        closed.set()


def test_plain_code_gets_the_result_and_the_error() -> None:
    async def fail() -> None:
        await asyncio.sleep(0)
        raise KeyError("why")

    assert OwnLoopRuntime().run(answer()) == 42
    with pytest.raises(KeyError, match="why"):
        OwnLoopRuntime().run(fail())


def test_all_threads_and_runtimes_share_one_loop() -> None:
    everybody = threading.Barrier(32)

    async def where() -> tuple[asyncio.AbstractEventLoop, str]:
        await OwnLoopRuntime().sleep(0)
        return asyncio.get_running_loop(), threading.current_thread().name

    def call(_: int) -> tuple[asyncio.AbstractEventLoop, str]:
        everybody.wait(PATIENCE)
        return OwnLoopRuntime().run(where())

    with ThreadPoolExecutor(32) as pool:
        places = set(pool.map(call, range(32)))
    assert [name for _, name in places] == ["regstore-io"]


def test_the_loop_s_own_thread_is_refused_and_told_what_to_do() -> None:
    runtime = OwnLoopRuntime()

    async def nested() -> int:
        return runtime.run(answer())

    with pytest.raises(RuntimeError, match="leave it to another thread, or await the driver"):
        runtime.run(nested())


def test_context_variables_come_along_and_stay_apart() -> None:
    deadline: ContextVar[int] = ContextVar("deadline", default=0)

    async def look() -> int:
        seen = deadline.get()
        deadline.set(99)
        return seen

    deadline.set(7)
    assert OwnLoopRuntime().run(look()) == 7
    assert deadline.get() == 7


def test_a_call_that_is_cancelled_over_there_is_no_success() -> None:
    async def cancel_itself() -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        await asyncio.sleep(0)

    with pytest.raises(RuntimeError, match="cancelled"):
        OwnLoopRuntime().run(cancel_itself())


@pytest.mark.parametrize("ending", [SystemExit(3), KeyboardInterrupt()])
def test_what_would_end_a_loop_does_not_end_this_one(ending: BaseException) -> None:
    async def end() -> None:
        await asyncio.sleep(0)
        raise ending

    with pytest.raises(type(ending)):
        OwnLoopRuntime().run(end())
    assert OwnLoopRuntime().run(answer()) == 42


def test_offloaded_work_runs_in_another_thread() -> None:
    runtime = OwnLoopRuntime()
    name = runtime.run(runtime.offload(lambda: threading.current_thread().name))
    assert name not in {"regstore-io", threading.current_thread().name}


def test_offloaded_work_ends_before_its_cancelled_caller() -> None:
    runtime = OwnLoopRuntime()
    begun = threading.Event()
    go_on = threading.Event()
    log: list[str] = []

    def work() -> None:
        begun.set()
        assert go_on.wait(PATIENCE)
        log.append("worked")

    async def cancelled() -> None:
        task = asyncio.create_task(runtime.offload(work))
        await asyncio.to_thread(begun.wait, PATIENCE)
        task.cancel()
        for _ in range(10):
            await asyncio.sleep(0)
        assert not task.done()
        go_on.set()
        await asyncio.wait([task])
        log.append("cancelled")

    runtime.run(cancelled())
    assert log == ["worked", "cancelled"]


def test_an_iterator_gives_everything_in_order() -> None:
    closed = threading.Event()
    assert list(OwnLoopRuntime().iterate(numbers(1000, closed))) == list(range(1000))
    assert closed.is_set()


def test_an_iterator_gives_what_came_before_an_error_first() -> None:
    async def failing() -> AsyncGenerator[int, None]:
        yield 1
        yield 2
        raise KeyError("three")

    items = OwnLoopRuntime().iterate(failing())
    assert [next(items), next(items)] == [1, 2]
    with pytest.raises(KeyError, match="three"):
        next(items)
    assert list(items) == []


def test_an_iterator_is_closed_when_its_closing_returns() -> None:
    closed = threading.Event()
    items = OwnLoopRuntime().iterate(numbers(1000, closed))
    assert next(items) == 0
    assert not closed.is_set()
    items.close()
    assert closed.is_set()
    assert list(items) == []


def test_what_is_thrown_into_an_iterator_closes_it() -> None:
    closed = threading.Event()
    items = OwnLoopRuntime().iterate(numbers(1000, closed))
    next(items)
    with pytest.raises(KeyError, match="why"):
        items.throw(KeyError("why"))
    assert closed.is_set()


def test_a_dropped_iterator_is_closed_soon() -> None:
    closed = threading.Event()
    for _ in OwnLoopRuntime().iterate(numbers(1000, closed)):
        break
    assert closed.wait(PATIENCE)


@pytest.mark.parametrize("how", ["dropped", "closed"])
def test_an_iterator_that_ends_in_the_loop_s_own_thread_does_not_wait(how: str) -> None:
    runtime = OwnLoopRuntime()
    closed = threading.Event()
    held: list[Generator[int, None, None]] = [runtime.iterate(numbers(1000, closed))]
    next(held[0])

    async def end_it() -> bool:
        items = held.pop()
        if how == "closed":
            items.close()
        del items
        gc.collect()
        return closed.is_set()

    assert not runtime.run(end_it())
    assert closed.wait(PATIENCE)


def test_plain_items_are_asked_in_the_thread_they_come_from() -> None:
    runtime = OwnLoopRuntime()
    threads: set[int] = set()

    def items() -> Iterator[int]:
        for _ in range(3):
            threads.add(threading.get_ident())
            yield runtime.run(answer())

    async def collect() -> list[int]:
        return [item async for item in as_async(items())]

    assert runtime.run(collect()) == [42, 42, 42]
    assert threads == {threading.get_ident()}


def test_an_error_of_plain_items_is_raised_where_they_are_read() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise KeyError("why")

    async def collect(found: list[int]) -> str:
        try:
            found.extend([item async for item in as_async(items())])
        except KeyError:
            return "caught"
        return "not raised"

    assert OwnLoopRuntime().run(collect([])) == "caught"


def test_an_interruption_in_plain_items_ends_the_call() -> None:
    ended: list[str] = []

    def items() -> Iterator[int]:
        raise KeyboardInterrupt
        yield 1

    async def collect() -> None:
        try:
            async for _ in as_async(items()):
                pass
        finally:
            await asyncio.sleep(0)
            ended.append("ended")

    with pytest.raises(KeyboardInterrupt):
        OwnLoopRuntime().run(collect())
    assert ended == ["ended"]


def test_a_blob_is_copied_between_registries_of_the_loop() -> None:
    source = Registry(MemoryDriver(runtime=OwnLoopRuntime())).repository("a")
    target = Registry(MemoryDriver(runtime=OwnLoopRuntime())).repository("b")
    blob = source.blobs.put(b"layer" * 1000)
    with source.blobs.open(blob.digest) as reader:
        assert target.blobs.put(reader) == blob
    assert list(target.blobs.all()) == [blob.digest]


def test_a_child_has_a_loop_of_its_own_whatever_the_parent_does() -> None:
    runtime = OwnLoopRuntime()
    done = threading.Event()

    def work() -> None:
        while not done.is_set():
            assert runtime.run(answer()) == 42

    def child() -> None:
        assert runtime.run(answer()) == 42
        assert runtime.run(runtime.offload(lambda: 43)) == 43
        with pytest.raises(RuntimeError, match="before the fork"):
            list(begun)

    closed = threading.Event()
    begun = runtime.iterate(numbers(1000, closed))
    next(begun)
    with ThreadPoolExecutor(4) as pool:
        workers = [pool.submit(work) for _ in range(4)]
        try:
            for _ in range(5):
                assert in_child(child) == ""
        finally:
            done.set()
    for worker in workers:
        worker.result()
    assert len([next(begun) for _ in range(900)]) == 900


def test_a_lock_held_at_the_fork_does_not_hold_up_the_child() -> None:
    def child() -> None:
        assert OwnLoopRuntime().run(answer()) == 42

    with _iothread._process.lock:  # noqa: SLF001 - nobody else can hold it just then
        assert in_child(child) == ""


PRELUDE = """
    import asyncio, os, signal, sys, threading, time
    from regstore._loop import OwnLoopRuntime
    runtime = OwnLoopRuntime()
    async def answer():
        await asyncio.sleep(0)
        return 42
    async def for_ever(cleaned="cleaned up", grave=None):
        try:
            print("running", flush=True)
            await asyncio.get_running_loop().create_future()
        finally:
            print(cleaned, flush=True)
            await (grave or asyncio.sleep)(0)
    async def numbers():
        try:
            for number in range(1000):
                await asyncio.sleep(0)
                yield number
        finally:
            await asyncio.sleep(0)
"""


def program(text: str) -> list[str]:
    return [sys.executable, "-W", "error", "-c", dedent(PRELUDE) + dedent(text)]


@contextmanager
def running(text: str) -> Iterator[subprocess.Popen[bytes]]:
    pipe = subprocess.PIPE
    with subprocess.Popen(program(text), stdout=pipe, stderr=pipe) as process:
        try:
            yield process
        finally:
            process.kill()


def test_ctrl_c_cancels_the_call_and_waits_for_its_end() -> None:
    text = """
        async def slowly(_):
            for _ in range(1000):
                await asyncio.sleep(0)
            print("ended", flush=True)
        try:
            runtime.run(for_ever("cleaning", slowly))
        except KeyboardInterrupt:
            print("interrupted", flush=True)
        print(runtime.run(answer()), flush=True)
    """
    with running(text) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"running\n"
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=PATIENCE)
    said = b"cleaning\nended\ninterrupted\n42\n"
    assert (out, err, process.returncode) == (said, b"", 0)


def test_a_second_ctrl_c_does_not_wait() -> None:
    text = """
        async def stuck(_):
            await asyncio.get_running_loop().create_future()
        try:
            runtime.run(for_ever("cleaning", stuck))
        except KeyboardInterrupt:
            print("interrupted", flush=True)
            os._exit(0)
    """
    with running(text) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"running\n"
        process.send_signal(signal.SIGINT)
        assert process.stdout.readline() == b"cleaning\n"
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=PATIENCE)
    assert (out, err, process.returncode) == (b"interrupted\n", b"", 0)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("", "", id="unused"),
        pytest.param("print(runtime.run(answer()))", "42\n", id="used"),
        pytest.param("print(runtime.run(runtime.offload(lambda: 1)))", "1\n", id="offloaded"),
        pytest.param(
            "items = runtime.iterate(numbers()); print(next(items))", "0\n", id="iterator"
        ),
        pytest.param(
            """
            from contextlib import suppress
            begun = threading.Event()
            async def work():
                begun.set()
                await for_ever()
            def wait():
                with suppress(RuntimeError):
                    runtime.run(work())
            threading.Thread(target=wait, daemon=True).start()
            begun.wait()
            """,
            "running\ncleaned up\n",
            id="under_way",
        ),
        pytest.param(
            """
            import warnings
            runtime.run(answer())
            with warnings.catch_warnings(action="ignore"):
                child = os.fork()
            if child:
                os.waitpid(child, 0)
            print(runtime.run(answer()), flush=True)
            """,
            "42\n42\n",
            id="forked",
        ),
        pytest.param(
            """
            import atexit
            atexit.register(lambda: print(runtime.run(answer())))
            """,
            "42\n",
            id="exit_handler",
        ),
    ],
)
def test_the_interpreter_exits_at_once_and_in_silence(text: str, said: str) -> None:
    done = subprocess.run(
        program(text), capture_output=True, text=True, check=False, timeout=PATIENCE
    )
    assert (done.stdout, done.stderr, done.returncode) == (said, "", 0)


def test_a_limiter_made_before_a_fork_bounds_the_child_too() -> None:
    runtime = OwnLoopRuntime()
    limiter = runtime.limiter(1)

    async def enter() -> int:
        async with limiter:
            return await answer()

    def child() -> None:
        assert runtime.run(enter()) == 42

    runtime.run(limiter.acquire())
    assert in_child(child) == ""
