import json
import math
import threading
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa.retrieval.lexical import LexicalIndex
from qa.words import stems

TEXTS = [
    ("call", "A mutual acquaintance arranged the call."),
    ("length", "The call took 25 minutes."),
    ("bees", "Bees dance to tell each other where flowers are."),
    ("money", "Stargate will cost 500 billion dollars."),
]
VOCABULARY = ["apple", "berry", "cherry", "date", "elder", "fig"]
corpora = st.lists(st.lists(st.sampled_from(VOCABULARY), min_size=1, max_size=6), min_size=1)
questions = st.lists(st.sampled_from(VOCABULARY), min_size=1, max_size=4)


@pytest.fixture
def index() -> LexicalIndex:
    return LexicalIndex.build(TEXTS)


def bm25(query: list[str], text: list[str], corpus: list[list[str]]) -> float:
    """Lucene's variant, k1 = 1.5, b = 0.75, from its formula."""
    average = sum(map(len, corpus)) / len(corpus)
    counts, score = Counter(text), 0.0
    for word in query:
        holders = sum(word in other for other in corpus)
        rarity = math.log(1 + (len(corpus) - holders + 0.5) / (holders + 0.5))
        length = 1 - 0.75 + 0.75 * len(text) / average
        score += rarity * counts[word] / (counts[word] + 1.5 * length)
    return score


# Searching


@given(corpora, questions)
def test_the_ranking_is_that_of_the_formula(corpus: list[list[str]], question: list[str]) -> None:
    index = LexicalIndex.build((str(place), " ".join(text)) for place, text in enumerate(corpus))
    stemmed = [stems(" ".join(text)) for text in corpus]
    query = stems(" ".join(question))
    expected = {str(place): bm25(query, text, stemmed) for place, text in enumerate(stemmed)}
    found = index.search(" ".join(question), len(corpus))
    assert set(found) == {key for key, score in expected.items() if score > 0}
    scores = [expected[key] for key in found]
    assert scores == pytest.approx(sorted(scores, reverse=True))


def test_what_shares_no_word_is_not_found(index: LexicalIndex) -> None:
    assert index.search("Who arranged the call?", 10) == ["call", "length"]
    assert index.search("Who wrote the opera?", 10) == []


def test_inflections_are_found(index: LexicalIndex) -> None:
    assert index.search("arranging", 10) == ["call"]
    assert index.search("a dancing bee", 10) == ["bees"]


@pytest.mark.parametrize("query", ["", "  ", "?!", "who was it?"])
def test_a_question_without_content_finds_nothing(index: LexicalIndex, query: str) -> None:
    assert index.search(query, 10) == []


def test_no_more_than_the_limit(index: LexicalIndex) -> None:
    assert index.search("call bees dollars", 2) == index.search("call bees dollars", 10)[:2]
    assert index.search("call", 0) == []


def test_a_limit_cuts_the_whole_ranking_off() -> None:
    words = ("call", "chip", "power", "plant", "japan")
    texts = [
        (str(number), " ".join(words[: 1 + number % 5]) * (1 + number % 3)) for number in range(60)
    ]
    index = LexicalIndex.build(texts)
    ranked = index.search("call chip power", 60)
    for limit in (1, 2, 7, 30, 59):
        assert index.search("call chip power", limit) == ranked[:limit]
        assert index.search("call chip power", limit, lambda _: True) == ranked[:limit]


def test_the_limit_counts_only_what_is_within(index: LexicalIndex) -> None:
    assert index.search("arranged call", 1, lambda key: key != "call") == ["length"]
    assert index.search("arranged call", 9, lambda key: False) == []


def test_equal_texts_stay_in_the_order_in_which_they_came() -> None:
    texts = ["equal", "equal but longer"]
    index = LexicalIndex.build((str(place), texts[place % 2]) for place in range(400))
    expected = [*range(0, 400, 2), *range(1, 400, 2)]
    assert index.search("equal", 400) == [str(place) for place in expected]


@pytest.mark.parametrize("texts", [[], [("a", "")], [("a", "what was it"), ("b", "…")]])
def test_texts_without_words_can_be_indexed(texts: list[tuple[str, str]], tmp_path: Path) -> None:
    index = LexicalIndex.build(texts)
    assert index.search("anything", 10) == []
    index.save(tmp_path / "v")
    loaded = LexicalIndex.load(tmp_path / "v")
    assert loaded is not None and loaded.search("anything", 10) == []


# Keeping it on disk


@given(corpora, questions)
def test_a_saved_index_finds_the_same(
    tmp_path_factory: pytest.TempPathFactory, corpus: list[list[str]], question: list[str]
) -> None:
    folder = tmp_path_factory.mktemp("index") / "v"
    index = LexicalIndex.build((f"ü{place}", " ".join(text)) for place, text in enumerate(corpus))
    index.save(folder)
    loaded = LexicalIndex.load(folder)
    assert loaded is not None
    assert loaded.search(" ".join(question), 9) == index.search(" ".join(question), 9)


def test_there_is_none_to_load(tmp_path: Path) -> None:
    assert LexicalIndex.load(tmp_path / "v") is None
    (tmp_path / "v").mkdir()
    assert LexicalIndex.load(tmp_path / "v") is None
    (tmp_path / "v" / "ids.json").write_text('["call", ')
    assert LexicalIndex.load(tmp_path / "v") is None


def test_saving_removes_older_versions(index: LexicalIndex, tmp_path: Path) -> None:
    index.save(tmp_path / "c" / "old")
    (tmp_path / "other").mkdir()
    index.save(tmp_path / "c" / "new")
    assert not (tmp_path / "c" / "old").exists()
    assert (tmp_path / "c" / "new").exists()
    assert (tmp_path / "other").exists()


@pytest.mark.parametrize("version", ["v", "w"])
def test_two_who_save_at_once_do_not_disturb_each_other(
    index: LexicalIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    dumps = json.dumps
    outcomes: list[Exception | None] = []

    def save_another() -> None:
        try:
            outcomes.append(LexicalIndex.build(TEXTS).save(tmp_path / version))
        except Exception as error:
            outcomes.append(error)

    other = threading.Thread(target=save_another)

    def another_begins(*args: object) -> str:
        monkeypatch.setattr(json, "dumps", dumps)
        other.start()
        other.join(timeout=1)  # it may wait for this one
        return dumps(*args)

    monkeypatch.setattr(json, "dumps", another_begins)
    index.save(tmp_path / "v")
    other.join()
    assert outcomes == [None]
    loaded = LexicalIndex.load(tmp_path / "v") or LexicalIndex.load(tmp_path / version)
    assert loaded is not None and loaded.search("arranged call", 9) == ["call", "length"]


def test_a_version_once_saved_stays_as_it_is(index: LexicalIndex, tmp_path: Path) -> None:
    index.save(tmp_path / "v")
    LexicalIndex.build([("other", "other")]).save(tmp_path / "v")
    assert json.loads((tmp_path / "v" / "ids.json").read_text()) == [key for key, _ in TEXTS]
    assert [path.name for path in tmp_path.iterdir()] == ["v"]


def test_an_index_that_cannot_be_written_whole_is_not_there(
    index: LexicalIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> str:
        raise MemoryError

    monkeypatch.setattr(json, "dumps", fail)
    with pytest.raises(MemoryError):
        index.save(tmp_path / "v")
    assert list(tmp_path.iterdir()) == []


def test_a_loaded_index_outlives_its_folder(index: LexicalIndex, tmp_path: Path) -> None:
    index.save(tmp_path / "old")
    loaded = LexicalIndex.load(tmp_path / "old")
    LexicalIndex.build([]).save(tmp_path / "new")
    assert not (tmp_path / "old").exists()
    assert loaded is not None and loaded.search("arranged call", 9) == ["call", "length"]
