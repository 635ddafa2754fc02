import pytest

from qa.server import rates
from qa.server.rates import Rates


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_minutes_worth_at_once_then_as_it_flows_in() -> None:
    clock = Clock()
    bucket = Rates(30, clock)
    assert [bucket.take("a") for _ in range(31)] == [0] * 30 + [2]
    clock.now += 1.5
    assert bucket.take("a") == pytest.approx(0.5)
    clock.now += 0.5
    assert bucket.take("a") == 0
    assert bucket.take("a") == 2
    clock.now += 3600
    assert [bucket.take("a") for _ in range(31)] == [0] * 30 + [2]


def test_clients_do_not_wait_for_each_other() -> None:
    bucket = Rates(1, Clock())
    assert (bucket.take("a"), bucket.take("b")) == (0, 0)
    assert bucket.take("a") == bucket.take("b") == 60


def test_no_limit() -> None:
    bucket = Rates(0, Clock())
    assert not any(bucket.take("a") for _ in range(1000))


def test_the_quietest_of_too_many_clients_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rates, "MAX_BUCKETS", 3)
    bucket = Rates(1, Clock())
    for client in ("a", "b", "c", "a", "d"):  # d is one too many, and b the quietest
        bucket.take(client)
    assert len(bucket._buckets) == 3
    assert [bucket.take(client) for client in ("a", "c", "d")] == [60, 60, 60]
    assert bucket.take("b") == 0
