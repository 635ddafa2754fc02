import threading

import pytest
from waiting import until

from qa.errors import BusyError
from qa.generation.interruption import Interrupted, Interruption
from qa.generation.queue import Free, Queue


class Asking(threading.Thread):
    """A question that holds its turn until it is let go."""

    def __init__(self, queue: Queue, order: list[int] | None = None, number: int = 0) -> None:
        super().__init__(daemon=True)
        self.let_go = threading.Event()
        self.interruption = Interruption()
        self.error: BaseException | None = None
        self._queue, self._order, self._number = queue, order, number
        self.start()

    def run(self) -> None:
        try:
            with self.interruption, self._queue.place() as place:
                place.wait()
                if self._order is not None:
                    self._order.append(self._number)
                assert self.let_go.wait(10)
        except (BusyError, Interrupted) as error:
            self.error = error

    def end(self) -> None:
        self.let_go.set()
        self.join(10)
        assert not self.is_alive()


def test_first_come_first_served() -> None:
    queue, order = Queue(2, max_waiting=5, max_wait_seconds=60), list[int]()
    asking = []
    for number in range(5):
        asking.append(Asking(queue, order, number))
        assert until(lambda: queue.running + queue.waiting == len(asking))
    assert until(lambda: len(order) == 2)
    assert (queue.running, queue.waiting) == (2, 3)
    for number, question in enumerate(asking):
        question.end()
        assert until(lambda so_far=number + 3: len(order) == min(so_far, 5))
    assert order[2:] == [2, 3, 4]
    assert (queue.running, queue.waiting) == (0, 0)


def test_a_newcomer_does_not_overtake() -> None:
    queue = Queue(1, max_waiting=1, max_wait_seconds=60)
    with queue.place() as first:
        first.wait()
        waits = Asking(queue)
        assert until(lambda: queue.waiting == 1)
    with queue.place() as newcomer:
        newcomer.reserve()
        assert until(lambda: (queue.running, queue.waiting) == (1, 1))
        waits.end()
        newcomer.wait()


@pytest.mark.parametrize("room", [0, 3])
def test_beyond_the_bound_it_is_busy_at_once(room: int) -> None:
    queue = Queue(1, max_waiting=room, max_wait_seconds=60)
    asking = []
    for _ in range(1 + room):
        asking.append(Asking(queue))
        assert until(lambda: queue.running + queue.waiting == len(asking))
    with queue.place() as place, pytest.raises(BusyError, match=f"1 answers .* {room} questions"):
        place.reserve()
    for question in asking:
        question.end()


def test_a_place_is_reserved_once() -> None:
    queue = Queue(1, max_waiting=0, max_wait_seconds=60)
    with queue.place() as place:
        for _ in range(2):
            place.reserve()
            place.wait()
        assert (queue.running, queue.waiting) == (1, 0)
    assert queue.running == 0


def test_who_needs_no_language_model_takes_no_place() -> None:
    queue = Queue(1, max_waiting=0, max_wait_seconds=60)
    with queue.place(), queue.place() as other:
        other.wait()
        assert queue.running == 1


def test_nobody_waits_longer_than_allowed() -> None:
    queue = Queue(1, max_waiting=1, max_wait_seconds=0.05)
    with queue.place() as first:
        first.wait()
        with queue.place() as second, pytest.raises(BusyError, match=r"waited 0\.05 s"):
            second.wait()
        assert (queue.running, queue.waiting) == (1, 0)


def test_whoever_goes_leaves_the_queue_to_the_others() -> None:
    queue = Queue(1, max_waiting=2, max_wait_seconds=60)
    with queue.place() as first:
        first.wait()
        goes = Asking(queue)
        assert until(lambda: queue.waiting == 1)
        stays = Asking(queue)
        assert until(lambda: queue.waiting == 2)
        goes.interruption.interrupt()
        goes.join(5)
        assert isinstance(goes.error, Interrupted)
        assert queue.waiting == 1
    stays.end()
    assert stays.error is None
    assert (queue.running, queue.waiting) == (0, 0)


def test_a_turn_that_came_to_one_who_has_gone_is_passed_on() -> None:
    queue = Queue(1, max_waiting=2, max_wait_seconds=60)
    first = queue.enter()
    gone = queue.enter()
    stays = queue.enter()
    queue.leave(first)
    assert gone.is_set() and not stays.is_set()
    queue.leave(gone)
    assert stays.is_set()
    assert (queue.running, queue.waiting) == (1, 0)


def test_alone_one_never_waits() -> None:
    with Free() as place:
        place.reserve()
        place.wait()
