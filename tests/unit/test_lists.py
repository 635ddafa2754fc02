from collections.abc import Sequence
from pathlib import Path

import pytest
from fake_llm import Article
from fakes import BagOfWords, Undecided

from ingest.pipeline import Ingestor
from qa.collection import Collection
from qa.grounding.lists import (
    Listing,
    introducing,
    likeliest_list,
    listed,
    listing,
    of_one_list,
    telling,
)
from qa.layout import is_part
from qa.retrieval.retriever import Retriever
from qa.schema import Document, Evidence, Passage
from qa.words import stems

TEXT = """# The garden

Membership costs 45 euros and includes three things:

- a plot of 12 square metres;
- the shared tools. They hang in the shed.
- two workshops.

Dogs are welcome.

## Opening hours

- Monday to Friday: 7:00 to 21:00
- Saturday: 8:00 to 20:00

| Plot | Size | Price |
|---|---|---|
| small | 12 m² | 45 euros |
| large | 24 m² | 80 euros |

Tools are cared for so:

- every week
  - oil the shears
  - sweep the shed
- every year
  - sharpen the spades

Three towns pay for it:
Aston, Brill and Corley.

The committee warns of one thing:
"""
INTRODUCTION = "Membership costs 45 euros and includes three things:"


class ByWords:
    """Takes a sentence to answer by the share of the question's words that it has."""

    def answers(self, question: str, passages: Sequence[Passage]) -> list[float]:
        asked = set(stems(question))
        shares = [len(asked & set(stems(it.text))) / len(asked) for it in passages]
        return [min(max(share, 0.01), 0.99) for share in shares]


@pytest.fixture
def evidence(collection: Collection, tmp_path: Path) -> list[Evidence]:
    return sentences_of(TEXT, collection, tmp_path)


def sentences_of(text: str, collection: Collection, tmp_path: Path) -> list[Evidence]:
    """All sentences, as a question with all their words would find them."""
    document = Document.make(text, title="The garden", uri="garden.md")
    Ingestor(collection, BagOfWords(), chunk_tokens=400).ingest(document)
    retriever = Retriever(
        collection,
        BagOfWords(),
        tmp_path / "lexical",
        candidates=60,
        evidence=40,
        rrf_k=60,
        ranker=ByWords(),
        ranker_weight=1,
        reranked=40,
    )
    return list(retriever.retrieve(text[:1500]).usable)


def found(evidence: Sequence[Evidence], beginning: str, answers: float = 0.9) -> Evidence:
    """A sentence; the others of ``evidence`` are left as they are."""
    sentence = next(item for item in evidence if item.text.startswith(beginning))
    return sentence.model_copy(update={"answers": answers})


def rated(evidence: Sequence[Evidence], **answers: float) -> list[Evidence]:
    """The evidence, each sentence rated by a word of it, and 0 without."""
    return [
        item.model_copy(
            update={"answers": max([0.0, *(it for key, it in answers.items() if key in item.text)])}
        )
        for item in evidence
    ]


class Rated(Undecided):
    """Rates a passage by a word of it."""

    def __init__(self, **answers: float) -> None:
        self._answers = answers

    def answers(self, question: str, passages: Sequence[Passage]) -> list[float]:
        assert all(not it.before for it in passages)
        return [
            max([0.01, *(rated for key, rated in self._answers.items() if key in it.text)])
            for it in passages
        ]


def asked(question: str, evidence: Sequence[Evidence], **answers: float) -> Listing:
    """What is quoted for the sentence that is rated best."""
    read = rated(evidence, **answers)
    best = max(read, key=lambda item: item.answers or 0)
    return listing(question, best, read, Rated(**answers))


def test_what_introduces_a_list_is_quoted_with_it(evidence: list[Evidence]) -> None:
    whole = asked("What does membership include?", evidence, includes=0.9)
    assert whole.text == (
        f"{INTRODUCTION} a plot of 12 square metres; the shared tools. They hang in the shed; "
        "two workshops"
    )
    assert [item.text for item in whole.proof] == [
        INTRODUCTION,
        "- a plot of 12 square metres;",
        "- the shared tools.",
        "They hang in the shed.",
        "- two workshops.",
    ]


def test_an_item_is_quoted_with_what_introduces_it(evidence: list[Evidence]) -> None:
    one = asked("How large is the plot?", evidence, square=0.9)
    assert one.text == f"{INTRODUCTION} a plot of 12 square metres"
    assert [item.text for item in one.proof] == [INTRODUCTION, "- a plot of 12 square metres;"]


def test_an_item_below_a_heading_stands_alone(evidence: list[Evidence]) -> None:
    one = asked("When is it open on Saturday?", evidence, Saturday=0.9, Monday=0.5)
    assert one.text == "Saturday: 8:00 to 20:00"
    assert len(one.proof) == 1


def test_the_list_is_meant_where_other_items_answer_too(evidence: list[Evidence]) -> None:
    question = "What are the opening hours?"
    both = asked(question, evidence, Saturday=0.9, Monday=0.5)
    assert both.text == "Monday to Friday: 7:00 to 21:00; Saturday: 8:00 to 20:00"
    assert [item.answers for item in both.proof] == [0.5, 0.9]
    assert len(asked(question, evidence, Saturday=0.9, Monday=0.1).proof) == 1


def test_a_list_within_a_list_is_introduced_by_its_item(evidence: list[Evidence]) -> None:
    one = asked("How often are the shears oiled?", evidence, shears=0.9, week=0.5)
    assert one.text == "every week: oil the shears"
    assert [item.text for item in one.proof] == ["- every week", "- oil the shears"]
    week = asked("What is done every week?", evidence, week=0.9)
    assert week.text == "every week: oil the shears; sweep the shed"
    year = asked("When are the spades sharpened?", evidence, year=0.9)
    assert [item.text for item in year.proof] == ["- every year", "- sharpen the spades"]


def test_a_sentence_above_a_list_need_not_introduce_it(evidence: list[Evidence]) -> None:
    above = "Dogs are welcome."
    items = [
        it.model_copy(update={"before": (above,)}) if it.text.startswith("- Monday") else it
        for it in evidence
    ]
    assert len(asked("Are dogs welcome?", items, Dogs=0.9).proof) == 1


def test_a_row_is_said_with_its_head_and_both_are_quoted(evidence: list[Evidence]) -> None:
    row = asked("What does a large plot cost?", evidence, large=0.9, small=0.8)
    assert row.text == "Plot: large; Size: 24 m²; Price: 80 euros"
    assert [item.text.split("\n")[0] for item in row.proof] == [
        "| Plot | Size | Price |",
        "| large | 24 m² | 80 euros |",
    ]


def test_what_a_head_says_is_not_said_where_it_is_not_quoted(evidence: list[Evidence]) -> None:
    without = [item for item in evidence if not item.text.startswith("| Plot")]
    row = asked("What does a large plot cost?", without, large=0.9)
    assert (row.text, len(row.proof)) == ("large, 24 m², 80 euros", 1)


def test_the_head_of_a_table_is_not_what_is_announced() -> None:
    announced, head = Article(["The prices are:", "| Plot | Price |\n|---|---|"]).evidence()
    assert listing("What are the prices?", announced, [announced, head], Rated()).proof == ()


@pytest.mark.parametrize(("items", "whole"), [(20, True), (21, False)])
def test_a_long_list_is_not_quoted_as_if_it_were_whole(items: int, whole: bool) -> None:
    texts = ["These towns pay:", *(f"- town {number}" for number in range(items))]
    first, *towns = Article(texts).evidence()
    towns = [it.model_copy(update={"before": (first.text,)}) for it in towns]
    offered = [first, *towns]
    reader = Rated(town=0.9)
    assert bool(listing("Which towns pay?", first, offered, reader).proof) is whole
    best = towns[0].model_copy(update={"answers": 0.9})
    quoted = listing("Which towns pay?", best, [first, best, *towns[1:]], reader)
    assert len(quoted.proof) == (21 if whole else 2)


def test_what_is_announced_may_be_a_sentence(evidence: list[Evidence]) -> None:
    towns = asked("Which towns pay for it?", evidence, towns=0.9)
    assert towns.text == "Three towns pay for it: Aston, Brill and Corley"
    assert len(towns.proof) == 2


def test_an_announcement_alone_proves_nothing(evidence: list[Evidence]) -> None:
    assert asked("What does the committee warn of?", evidence, warns=0.9).proof == ()


def test_a_plain_sentence_is_quoted_as_it_is(evidence: list[Evidence]) -> None:
    dogs = asked("What of dogs?", evidence, Dogs=0.9)
    assert (dogs.text, len(dogs.proof)) == ("Dogs are welcome.", 1)


def test_a_list_is_introduced_by_what_was_offered(evidence: list[Evidence]) -> None:
    item = found(evidence, "- two workshops")
    introduction = introducing(item, evidence)
    assert introduction is not None
    assert introduction.text == INTRODUCTION
    assert introducing(item, [item]) is None
    assert introducing(found(evidence, "- Saturday"), evidence) is None
    assert introducing(found(evidence, "Dogs"), evidence) is None


@pytest.mark.parametrize(
    ("claim", "parts"),
    [
        (
            "It includes workshops and a plot.",
            ["- a plot of 12 square metres;", "- two workshops."],
        ),
        ("It includes two workshops and a plot of 12 square metres.", ["- a plot", "- two"]),
        ("It includes 12 workshops and two plots.", []),
        ("It includes workshops.", []),
        ("It includes workshops and a plot, and dogs run around in the north.", []),
        ("It opens at 7:00 from Monday to Friday, and at 8:00 on Saturday.", ["- Mon", "- Sat"]),
        ("It opens at 8:00 on Monday, and at 7:00 on Saturday.", []),
        ("A small plot costs 45 euros, a large one 80 euros.", ["| small", "| large"]),
        ("A small plot costs 80 euros, a large one 45 euros.", []),
    ],
)
def test_the_parts_that_a_claim_tells_of_prove_together(
    evidence: list[Evidence], claim: str, parts: list[str]
) -> None:
    question = "What of a small plot, and what of Monday?"  # its words do not make them one
    found = [
        it.text
        for members in listed(claim, question, evidence)
        for it in members
        if is_part(it.text)
    ]
    row = [text for text in found if not text.startswith("| Plot")]
    assert len(row) == len(parts)
    assert all(text.startswith(part) for text, part in zip(row, parts, strict=True))


def test_a_part_gives_way_to_one_that_has_more_of_the_question(evidence: list[Evidence]) -> None:
    small, large, plot = (found(evidence, it) for it in ("| small", "| large", "- a plot"))
    asked_of = [small, large, plot]
    assert telling("What does a large plot cost?", asked_of) == [large, plot]
    assert telling("What does a plot cost?", asked_of) == asked_of
    assert telling("Is a large plot dearer than a small one?", asked_of) == asked_of


def test_a_word_of_the_head_gives_no_row_the_way() -> None:
    head = "|  | Brook 350 | Brook 550 |\n|---|---|---|"
    rows = ["| Weight | 4.2 kg | 5.6 kg |", "| Power | 350 W | 550 W |"]
    evidence = Article([head, *rows]).evidence()
    weight, power = (
        it.model_copy(update={"before": (head,)}) for it in evidence if it.text in rows
    )
    assert telling("How heavy is the Brook 350?", [weight, power]) == [weight, power]
    assert telling("What power has the Brook 350?", [weight, power]) == [power]


def test_a_row_tells_what_it_has_a_word_of(evidence: list[Evidence]) -> None:
    row = found(evidence, "| large")
    assert telling("What is the price for a garage?", [row]) == []
    assert telling("What is the price for a large one?", [row]) == [row]
    assert telling("What is the price?", [row]) == [row]
    sentence = found(evidence, "Dogs")
    assert telling("What is the price for a garage?", [sentence]) == [sentence]


@pytest.mark.parametrize(
    ("question", "introduction", "tells"),
    [
        ("Who plays on Saturday?", "FRIDAY 11 JULY", False),
        ("Who plays on Friday?", "FRIDAY 11 JULY", True),
        ("Who plays in August?", "Friday, 11 July", False),
        ("Who plays in July?", "## Programme", True),
        ("Who played in 2019?", "## 2021", False),
        ("Who played in 1931?", "## 2021", True),  # the item has it
        ("Who plays at nine?", "FRIDAY 11 JULY", True),
        ("What is new in 4.1.2?", "## 4.1.1", False),
        ("What is new in 4.1.1?", "## 4.1.1", True),
        ("May I march on?", "FRIDAY 11 JULY", True),
    ],
)
def test_a_list_of_another_day_does_not_tell(question: str, introduction: str, tells: bool) -> None:
    _, item = Article([introduction, "- The Owls, founded in 1931"]).evidence()
    assert (telling(question, [item]) == [item]) is tells
    (sentence,) = Article(["The Owls play on Friday."]).evidence()
    assert telling(question, [sentence]) == [sentence]


def test_parts_are_of_one_list_that_one_sentence_introduces(evidence: list[Evidence]) -> None:
    monday, saturday, plot = (
        found(evidence, beginning) for beginning in ("- Monday", "- Saturday", "- a plot")
    )
    assert of_one_list(monday, saturday)
    assert not of_one_list(monday, plot)
    assert not of_one_list(found(evidence, "Membership"), plot)


RECIPES = """# Recipes

## Pancakes

Ingredients:

- 200 g flour
- 2 eggs

## Tomato soup

Ingredients:

- 1 kg tomatoes
- 2 onions
"""


@pytest.fixture
def recipes(collection: Collection, tmp_path: Path) -> list[Evidence]:
    """All sentences of a text with two lists that the same word introduces."""
    return sentences_of(RECIPES, collection, tmp_path)


def test_two_lists_that_the_same_word_introduces_are_two(recipes: list[Evidence]) -> None:
    pancakes = ["Ingredients:", "- 200 g flour", "- 2 eggs"]
    soup = ["Ingredients:", "- 1 kg tomatoes", "- 2 onions"]
    question = "What are the ingredients?"
    for best, expected in (("flour", pancakes), ("eggs", pancakes), ("onions", soup)):
        answers = dict.fromkeys(("flour", "eggs", "tomatoes", "onions"), 0.5) | {best: 0.9}
        quoted = asked(question, recipes, **answers)
        assert [item.text for item in quoted.proof] == expected
        assert quoted.proof[0].sentence == quoted.proof[1].sentence - 1
    flour, onions = found(recipes, "- 200"), found(recipes, "- 2 onions")
    assert not of_one_list(flour, onions)


def test_what_introduces_one_of_two_lists_has_its_items(recipes: list[Evidence]) -> None:
    for item in [it for it in recipes if it.text == "Ingredients:"]:
        quoted = listing("What are the ingredients?", item, recipes, Rated())
        assert [it.sentence for it in quoted.proof] == [item.sentence + n for n in range(3)]


def test_a_claim_that_mixes_two_lists_is_not_proved(recipes: list[Evidence]) -> None:
    question = "What are the ingredients?"
    assert listed("The ingredients are 200 g flour and 2 eggs.", question, recipes)
    assert not listed("The ingredients are 200 g flour and 1 kg tomatoes.", question, recipes)


RECIPE = """You need a deep pot.

## Ingredients

- 300 g flour
- 11 g salt

## Steps

1. Mix both.
2. Wait for a night.
"""


@pytest.mark.parametrize(
    ("question", "pot", "listed", "beats"),
    [
        ("Which ingredients do I need?", 0.7, 0.4, True),  # it is asked for by its name
        ("Which ingredients do I need?", 0.9, 0.4, False),
        ("What do I need?", 0.7, 0.4, False),
        ("What do I need?", 0.3, 0.4, True),
    ],
)
def test_a_list_that_answers_as_a_whole_is_the_likeliest_answer(
    collection: Collection, tmp_path: Path, question: str, pot: float, listed: float, beats: bool
) -> None:
    evidence = rated(sentences_of(RECIPE, collection, tmp_path), pot=pot)
    whole = likeliest_list(question, evidence, Rated(**{"Ingredients: 300 g flour": listed}))
    assert whole is not None
    assert whole.listing.text == "300 g flour; 11 g salt"
    assert [it.text for it in whole.listing.proof] == ["- 300 g flour", "- 11 g salt"]
    assert whole.first == whole.listing.proof[0]
    assert whole.answers == listed
    assert whole.beats(found(evidence, "You need", pot)) is beats
    assert not whole.beats(whole.first)


def test_what_introduces_a_list_is_quoted_with_all_of_it(evidence: list[Evidence]) -> None:
    whole = likeliest_list("What does it include?", evidence, Rated(workshops=0.8))
    assert whole is not None
    quoted = asked("What does membership include?", evidence, includes=0.9)
    assert whole.listing.text == quoted.text
    assert [it.text for it in whole.listing.proof] == [it.text for it in quoted.proof]


def test_where_one_thing_is_asked_no_list_is_read(evidence: list[Evidence]) -> None:
    assert likeliest_list("When does it open?", evidence, Rated(Monday=0.8)) is None
    (alone,) = Article(["It has a plot."]).evidence()
    assert likeliest_list("What does it have?", [alone], Rated(plot=0.8)) is None


def test_a_head_of_empty_cells_introduces_nothing() -> None:
    head, row = Article(["|  |  |\n|---|---|", "| Weight | 13.6 kg |"]).evidence()
    assert row.before == (head.text,)
    assert introducing(row, [head, row]) is None
