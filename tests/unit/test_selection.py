from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st
from runs import ask, small_suite

from eval.runner import run
from eval.selection import Shard, select
from qa.errors import UsageError


@given(st.integers(0, 60), st.integers(1, 12), st.none() | st.integers(1, 70), st.integers(0, 3))
def test_shards_are_disjoint_complete_and_even(
    questions: int, count: int, limit: int | None, seed: int
) -> None:
    cases = small_suite(questions).questions
    whole = select(cases, limit=limit, seed=seed)
    shards = [
        select(cases, limit=limit, seed=seed, shard=Shard(index, count))
        for index in range(1, count + 1)
    ]
    ids = [case.id for case in chain(*shards)]
    assert sorted(ids) == sorted(case.id for case in whole)
    assert max(map(len, shards)) - min(map(len, shards)) <= 1
    assert shards[0] == select(cases, limit=limit, seed=seed, shard=Shard(1, count))
    assert all(list(shard) == [case for case in whole if case in shard] for shard in shards)


def test_a_shard_is_read_and_written() -> None:
    assert Shard.parse("2/4") == Shard(2, 4)
    assert str(Shard.parse("2/4")) == "2/4"


@pytest.mark.parametrize("text", ["0/4", "5/4", "4", "1/0", "a/b", "1/2/3", "-1/2", ""])
def test_what_is_no_shard_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is not a shard"):
        Shard.parse(text)


def test_a_run_asks_its_shard_and_skips_what_has_been_asked() -> None:
    suite = small_suite(7)
    seen: list[tuple[int, int]] = []
    records = list(
        run(
            suite,
            ask,
            source_text=suite.text,
            shard=Shard(2, 2),
            skip={"q1", "q0"},
            on_progress=lambda done, total: seen.append((done, total)),
        )
    )
    assert [record.case_id for record in records] == ["q3", "q5"]
    assert seen == [(2, 3), (3, 3)]
