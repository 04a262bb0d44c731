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
