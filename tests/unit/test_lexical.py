import errno
import math
import os
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from threading import Barrier, Thread

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa.errors import DiskFullError, StoreError
from qa.retrieval.lexical import LexicalIndex, LexicalSearch
from qa.words import stems

DOCUMENTS = {
    "news:1:": ["A mutual acquaintance arranged the call.", "The call took 25 minutes."],
    "bees:1:": ["Bees dance to tell each other where flowers are."],
    "money:1:": ["Stargate will cost 500 billion dollars.", "It is not a call for bids."],
}
VOCABULARY = ["apple", "berry", "cherry", "date", "elder", "fig"]
corpora = st.lists(st.lists(st.sampled_from(VOCABULARY), min_size=1, max_size=6), min_size=1)
questions = st.lists(st.sampled_from(VOCABULARY), min_size=1, max_size=4)


class Reader:
    """Reads sentences of documents, and notes of which.

    Attributes:
        asked: the revisions of each reading.
    """

    def __init__(self, documents: dict[str, Sequence[str]]) -> None:
        self.documents = documents
        self.asked: list[set[str]] = []

    def __call__(self, revisions: set[str]) -> Iterator[tuple[str, str, str]]:
        self.asked.append(revisions)
        for revision, texts in self.documents.items():
            if revision in revisions:
                yield from (
                    (revision, f"{revision}{place}", text) for place, text in enumerate(texts)
                )


def of(texts: Iterable[str], folder: Path) -> LexicalSearch:
    """The index of one document, whose keys are the places of its texts."""
    reader = Reader({"": list(texts)})
    return LexicalIndex(folder).bring_up_to([""], reader)


@pytest.fixture
def reader() -> Reader:
    return Reader(dict(DOCUMENTS))


@pytest.fixture
def index(tmp_path: Path) -> LexicalIndex:
    return LexicalIndex(tmp_path / "index")


@pytest.fixture
def found(index: LexicalIndex, reader: Reader) -> LexicalSearch:
    return index.bring_up_to(DOCUMENTS, reader)


def bm25(query: list[str], text: list[str], corpus: list[list[str]]) -> float:
    """Lucene's variant, k1 = 1.2, b = 0.75, from its formula."""
    average = sum(map(len, corpus)) / len(corpus)
    counts, score = Counter(text), 0.0
    for word in query:
        holders = sum(word in other for other in corpus)
        rarity = math.log(1 + (len(corpus) - holders + 0.5) / (holders + 0.5))
        length = 1 - 0.75 + 0.75 * len(text) / average
        score += rarity * counts[word] / (counts[word] + 1.2 * length)
    return score


# Searching


@given(corpora, questions)
def test_the_ranking_is_that_of_the_formula(
    tmp_path_factory: pytest.TempPathFactory, corpus: list[list[str]], question: list[str]
) -> None:
    search = of((" ".join(text) for text in corpus), tmp_path_factory.mktemp("index"))
    stemmed = [stems(" ".join(text)) for text in corpus]
    query = stems(" ".join(question))
    expected = {str(place): bm25(query, text, stemmed) for place, text in enumerate(stemmed)}
    found = search.search(" ".join(question), len(corpus))
    assert set(found) == {key for key, score in expected.items() if score > 0}
    scores = [expected[key] for key in found]
    assert scores == pytest.approx(sorted(scores, reverse=True))


def test_what_shares_no_word_is_not_found(found: LexicalSearch) -> None:
    assert found.search("Who arranged the call?", 9) == ["news:1:0", "money:1:1", "news:1:1"]
    assert found.search("Who wrote the opera?", 9) == []


def test_inflections_are_found(found: LexicalSearch) -> None:
    assert found.search("arranging", 10) == ["news:1:0"]
    assert found.search("a dancing bee", 10) == ["bees:1:0"]


@pytest.mark.parametrize("query", ["", "  ", "?!", "who was it?"])
def test_a_question_without_content_finds_nothing(found: LexicalSearch, query: str) -> None:
    assert found.search(query, 10) == []


@pytest.mark.parametrize("query", ['"', "call AND (", "key:x", "call*", "a\x00b", "[1 TO 9]", "~2"])
def test_a_question_is_words_and_no_query_language(found: LexicalSearch, query: str) -> None:
    assert set(found.search(query, 9)) <= {"news:1:0", "news:1:1", "money:1:1"}


def test_no_more_than_the_limit(found: LexicalSearch) -> None:
    assert found.search("call bees dollars", 2) == found.search("call bees dollars", 10)[:2]
    assert found.search("call", 0) == []


def test_a_limit_cuts_the_whole_ranking_off(tmp_path: Path) -> None:
    words = ("call", "chip", "power", "plant", "japan")
    texts = [" ".join(words[: 1 + number % 5]) * (1 + number % 3) for number in range(60)]
    search = of(texts, tmp_path)
    ranked = search.search("call chip power", 60)
    assert len(ranked) > 30
    for limit in (1, 2, 7, 30, 59):
        assert search.search("call chip power", limit) == ranked[:limit]
        assert search.search("call chip power", limit, [""]) == ranked[:limit]


def test_the_limit_counts_only_what_is_within(found: LexicalSearch) -> None:
    assert found.search("arranged call", 1, ["money:1:", "bees:1:"]) == ["money:1:1"]
    assert found.search("arranged call", 9, ["nonsense"]) == []
    assert found.search("arranged call", 9, []) == []


def test_where_one_looks_does_not_change_the_order(tmp_path: Path) -> None:
    texts = ["call", "call of the wild geese", "geese", "wild geese call", "call call call"]
    search = of(texts, tmp_path)
    assert search.search("wild call", 9, [""]) == search.search("wild call", 9)


def test_equal_texts_stay_in_the_order_in_which_they_came(tmp_path: Path) -> None:
    texts = ["equal", "equal but longer"]
    search = of((texts[place % 2] for place in range(400)), tmp_path)
    expected = [*range(0, 400, 2), *range(1, 400, 2)]
    assert search.search("equal", 400) == [str(place) for place in expected]


@pytest.mark.parametrize("texts", [[], [""], ["what was it", "…"]])
def test_texts_without_words_can_be_indexed(texts: list[str], tmp_path: Path) -> None:
    search = of(texts, tmp_path)
    assert len(search) == len(texts)
    assert search.search("anything", 10) == []


# Bringing it up to date


def test_only_what_is_missing_is_read(index: LexicalIndex, reader: Reader) -> None:
    index.bring_up_to(["news:1:"], reader)
    assert reader.asked == [{"news:1:"}]
    found = index.bring_up_to(["news:1:", "bees:1:"], reader)
    assert reader.asked[1:] == [{"bees:1:"}]
    assert found.search("call bees", 9) == ["bees:1:0", "news:1:0", "news:1:1"]
    index.bring_up_to(["bees:1:", "news:1:"], reader)
    LexicalIndex(index._folder.parent).bring_up_to(["bees:1:", "news:1:"], reader)
    assert len(reader.asked) == 2


def test_what_is_gone_is_not_found(index: LexicalIndex, reader: Reader) -> None:
    index.bring_up_to(DOCUMENTS, reader)
    reader.documents["news:2:"] = ["Nobody arranged a call."]
    found = index.bring_up_to(["news:2:", "bees:1:"], reader)
    assert found.search("arranged call bees dollars", 9) == ["news:2:0", "bees:1:0"]
    assert len(found) == 2
    assert len(index.bring_up_to([], reader)) == 0
    assert index.bring_up_to(["bees:1:"], reader).search("bees", 9) == ["bees:1:0"]


def test_a_search_stays_as_it_is(index: LexicalIndex, reader: Reader) -> None:
    before = index.bring_up_to(["news:1:"], reader)
    index.bring_up_to(["bees:1:"], reader)
    assert before.search("arranged bees", 9) == ["news:1:0"]
    shutil.rmtree(index._folder)
    assert before.search("arranged bees", 9) == ["news:1:0"]


def test_after_many_changes_it_is_what_it_would_be_anew(
    index: LexicalIndex, tmp_path: Path
) -> None:
    reader = Reader({f"{number}:": [f"Bees dance {number} times."] for number in range(40)})
    held: list[str] = []
    for number in range(40):
        held = [*held, f"{number}:"][-9:]
        found = index.bring_up_to(held, reader)
    anew = LexicalIndex(tmp_path / "anew").bring_up_to(held, reader)
    assert set(found.search("bees", 99)) == set(anew.search("bees", 99))
    assert len(found) == len(anew) == 9
    for number in range(31, 40):
        assert found.search(f"{number} bees", 1) == [f"{number}:0"]


def test_what_breaks_off_leaves_it_as_it_was(index: LexicalIndex, reader: Reader) -> None:
    index.bring_up_to(["news:1:"], reader)

    def broken(revisions: set[str]) -> Iterator[tuple[str, str, str]]:
        yield "bees:1:", "bees:1:0", "Bees dance."
        raise MemoryError

    with pytest.raises(MemoryError):
        index.bring_up_to(["bees:1:"], broken)
    found = index.bring_up_to(["news:1:"], reader)
    assert found.search("arranged bees", 9) == ["news:1:0"]
    assert reader.asked == [{"news:1:"}]


def test_two_at_once_do_not_disturb_each_other(index: LexicalIndex, reader: Reader) -> None:
    together = Barrier(4)
    outcomes: list[object] = []

    def bring_up(revisions: Sequence[str]) -> None:
        try:
            together.wait()
            for _ in range(5):
                found = LexicalIndex(index._folder.parent).bring_up_to(revisions, reader)
                outcomes.append(len(found) == sum(len(DOCUMENTS[name]) for name in revisions))
        except Exception as error:
            outcomes.append(error)

    wanted = [["news:1:"], ["news:1:", "bees:1:"], [*DOCUMENTS], ["money:1:"]]
    threads = [Thread(target=bring_up, args=(revisions,)) for revisions in wanted]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes == [True] * 20


# The folder


def test_what_another_version_left_is_removed(index: LexicalIndex, reader: Reader) -> None:
    old = index._folder.parent / "0123456789abcdef"
    old.mkdir(parents=True)
    (old / "ids.json").touch()
    assert index.bring_up_to(["bees:1:"], reader).search("bees", 9) == ["bees:1:0"]
    assert not old.exists()


@pytest.mark.parametrize("name", ["meta.json", ".managed.json"])
@pytest.mark.parametrize("content", ["", "{", "[]"])
def test_a_broken_index_is_built_again(
    index: LexicalIndex, reader: Reader, name: str, content: str
) -> None:
    index.bring_up_to(["bees:1:"], reader)
    (index._folder / name).write_text(content)
    assert index.bring_up_to(["bees:1:"], reader).search("bees", 9) == ["bees:1:0"]


def test_an_index_with_a_file_missing_is_built_again(index: LexicalIndex, reader: Reader) -> None:
    index.bring_up_to(["bees:1:"], reader)
    for path in index._folder.glob("*.term"):
        path.unlink()
    assert index.bring_up_to(["bees:1:"], reader).search("bees", 9) == ["bees:1:0"]


def test_what_else_fails_says_what_to_do(index: LexicalIndex) -> None:
    def failing(revisions: set[str]) -> Iterator[tuple[str, str, str]]:
        raise ValueError("Data corrupted")
        yield

    with pytest.raises(StoreError, match="lexical index fails: Data corrupted") as error:
        index.bring_up_to(["bees:1:"], failing)
    assert error.value.help == f"Delete {str(index._folder)!r}; it is built again."


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_told_apart(index: LexicalIndex, number: int) -> None:
    def full(revisions: set[str]) -> Iterator[tuple[str, str, str]]:
        raise ValueError(f"An IO error occurred: '{os.strerror(number)} (os error {number})'")
        yield

    with pytest.raises(DiskFullError, match="no space left"):
        index.bring_up_to(["bees:1:"], full)


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path, reader: Reader) -> None:
    (tmp_path / "lexical").touch()
    with pytest.raises(StoreError, match="cannot write to .*lexical"):
        LexicalIndex(tmp_path / "lexical" / "news").bring_up_to(["bees:1:"], reader)
