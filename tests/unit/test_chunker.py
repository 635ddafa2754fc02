import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.chunker import chunk
from qa.sentences import split_sentences
from qa.tokens import count_tokens

lines = st.sampled_from(
    [
        *(
            "# Heading",
            "Leading Names",
            "- an item",
            "One. Two. Three.",
            "今天很好。我们去吧！",
            "",
            " \t",
        ),
        *("Mr. Smith met the U.S. Secretary of State. They talked.", "\n\n\n", "word " * 80),
    ]
)
texts = st.one_of(st.text(max_size=300), st.lists(lines, max_size=30).map("\n".join))


@settings(deadline=None)  # the first example loads the vocabulary
@given(texts, st.integers(1, 60))
def test_chunks_partition_the_text(text: str, budget: int) -> None:
    sentences = split_sentences(text)
    chunks = chunk(text, sentences, budget)
    if not sentences:
        assert chunks == []
        return
    assert "".join(part.text for part in chunks) == text
    assert [part.index for part in chunks] == list(range(len(chunks)))
    assert [part.start for part in chunks] == [0, *(part.end for part in chunks[:-1])]
    assert all(part.text == text[part.start : part.end] for part in chunks)


@settings(deadline=None)  # the first example loads the vocabulary
@given(texts, st.integers(1, 60))
def test_chunks_hold_every_sentence_whole_and_in_order(text: str, budget: int) -> None:
    sentences = split_sentences(text)
    chunks = chunk(text, sentences, budget)
    assert [span for part in chunks for span in part.sentences] == sentences
    for part in chunks:
        assert part.sentences == tuple(sentences[part.first_sentence :][: len(part.sentences)])
        assert part.start <= part.sentences[0].start
        assert part.sentences[-1].end <= part.end


@settings(deadline=None)  # the first example loads the vocabulary
@given(texts, st.integers(1, 60))
def test_only_a_single_sentence_exceeds_the_budget(text: str, budget: int) -> None:
    for part in chunk(text, split_sentences(text), budget):
        assert len(part.sentences) == 1 or count_tokens(part.text) <= budget


def pack(text: str, budget: int) -> list[str]:
    return [part.text for part in chunk(text, split_sentences(text), budget)]


@pytest.mark.parametrize("text", ["", " \n\t\n "])
def test_no_sentences_no_chunks(text: str) -> None:
    assert pack(text, 10) == []


def test_chunks_are_filled() -> None:
    assert pack("One is here. Two is here. Three is here. Four is here.", 9) == [
        "One is here. Two is here. ",
        "Three is here. Four is here.",
    ]


def test_whitespace_belongs_to_the_chunk_before_it() -> None:
    assert pack("\n One is here. \n\n Two is here.\n", 6) == [
        "\n One is here. \n\n ",
        "Two is here.\n",
    ]


def test_a_sentence_over_the_budget_is_alone() -> None:
    long = "This one is very much longer than the budget of a chunk allows."
    assert pack(f"One. {long} Two.", 8) == ["One. ", f"{long} ", "Two."]


def test_a_heading_stays_with_its_text() -> None:
    text = "It began with one loaf. It went on.\n\n{}\n\nThe text of it is here. It ends."
    for heading in ("## Leading Names", "Leading Names", "The leading names are:"):
        chunks = pack(text.format(heading), 17)
        assert [part.startswith(heading) for part in chunks] == [False, True]


def test_a_list_of_short_lines_is_no_run_of_headings() -> None:
    assert len(pack("One thing\nTwo things\nThree things\nFour things\nFive things\nSix", 9)) == 2


def test_a_chunk_more_than_half_full_ends_with_its_paragraph() -> None:
    first, second = "It began with one loaf. It went on.", "The text is here. It is long. It ends."
    assert pack(f"{first}\n\n{second}", 16) == [f"{first}\n\n", second]


def test_a_paragraph_break_in_the_first_half_does_not_end_a_chunk() -> None:
    chunks = pack(
        "It began.\n\nThe text is here. It is long. It is longer. It ends. It is over.", 16
    )
    assert chunks[0].startswith("It began.\n\nThe text is here. It is long.")
