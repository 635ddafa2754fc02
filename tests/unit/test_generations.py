import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from qa.errors import BusyError
from qa.server.generations import Generations


def run(test: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(test, 10))


def test_first_come_first_served() -> None:
    async def test() -> None:
        queue = Generations(2, max_waiting=5, max_wait_seconds=60)
        order: list[int] = []

        async def ask(number: int) -> None:
            await queue.enter()
            order.append(number)

        asking = [asyncio.create_task(ask(number)) for number in range(5)]
        await asyncio.sleep(0)
        assert (order, queue.running, queue.waiting) == ([0, 1], 2, 3)
        for _ in range(3):
            queue.leave()
            await asyncio.sleep(0.01)
        assert (order, queue.running, queue.waiting) == ([0, 1, 2, 3, 4], 2, 0)
        await asyncio.gather(*asking)

    run(test())


def test_a_newcomer_does_not_overtake() -> None:
    async def test() -> None:
        queue = Generations(1, max_waiting=1, max_wait_seconds=60)
        await queue.enter()
        first = asyncio.create_task(queue.enter())
        await asyncio.sleep(0)
        queue.leave()
        with pytest.raises(BusyError):
            await queue.enter()
        await first

    run(test())


@pytest.mark.parametrize("room", [0, 3])
def test_beyond_the_bound_it_is_busy_at_once(room: int) -> None:
    async def test() -> None:
        queue = Generations(1, max_waiting=room, max_wait_seconds=60)
        waiting = [asyncio.create_task(queue.enter()) for _ in range(1 + room)]
        await asyncio.sleep(0)
        with pytest.raises(BusyError, match=f"1 answers .* {room} questions wait"):
            await queue.enter()
        for task in waiting:
            task.cancel()

    run(test())


def test_nobody_waits_longer_than_allowed() -> None:
    async def test() -> None:
        queue = Generations(1, max_waiting=1, max_wait_seconds=0.05)
        await queue.enter()
        with pytest.raises(BusyError, match=r"waited 0\.05 s"):
            await queue.enter()
        assert (queue.running, queue.waiting) == (1, 0)

    run(test())


def test_whoever_goes_leaves_the_queue_to_the_others() -> None:
    async def test() -> None:
        queue = Generations(1, max_waiting=2, max_wait_seconds=60)
        await queue.enter()
        gone, stays = (asyncio.create_task(queue.enter()) for _ in range(2))
        await asyncio.sleep(0)
        gone.cancel()
        await asyncio.sleep(0)
        assert queue.waiting == 1
        queue.leave()
        await stays
        assert (queue.running, queue.waiting) == (1, 0)

    run(test())


def test_a_turn_given_to_one_that_has_just_gone_is_passed_on() -> None:
    async def test() -> None:
        queue = Generations(1, max_waiting=2, max_wait_seconds=60)
        await queue.enter()
        gone, stays = (asyncio.create_task(queue.enter()) for _ in range(2))
        await asyncio.sleep(0)
        queue.leave()
        gone.cancel()
        await stays
        assert (queue.running, queue.waiting) == (1, 0)

    run(test())
