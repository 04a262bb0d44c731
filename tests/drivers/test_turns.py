from __future__ import annotations

import threading

from regstore.drivers.generic.turns import Turns


def test_turns_come_in_the_order_in_which_they_were_asked_for() -> None:
    turns, order = Turns(), []

    def take(number: int) -> None:
        with turns:
            order.append(number)

    threads = [threading.Thread(target=take, args=(number,)) for number in range(4)]
    with turns:
        for number, thread in enumerate(threads):
            thread.start()
            while len(turns._waiting) <= number:  # noqa: SLF001 - nothing else tells who waits
                pass
    for thread in threads:
        thread.join()
    assert order == [0, 1, 2, 3]


def test_whoever_lets_go_does_not_go_before_who_waits() -> None:
    turns, ended, taken = Turns(), threading.Event(), 0

    def again_and_again() -> None:
        nonlocal taken
        while not ended.is_set():
            with turns:
                taken += 1

    reader = threading.Thread(target=again_and_again)
    reader.start()
    for _ in range(50):
        with turns:
            pass
    ended.set()
    reader.join()
    assert taken
    with turns:
        assert not turns._waiting  # noqa: SLF001 - nothing else tells who waits
