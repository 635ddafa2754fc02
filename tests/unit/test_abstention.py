from collections.abc import Callable

import pytest
from fake_llm import Article
from fakes import Undecided
from hypothesis import given
from hypothesis import strategies as st

from qa.grounding.abstention import like_answered, likeliest, misses, quotable
from qa.grounding.confidence import (
    FAR,
    confidence,
    lead,
    proof_score,
    quote_confidence,
    undecided,
)
from qa.grounding.contenders import contenders
from qa.grounding.cross_encoder import Reading
from qa.schema import Passage

Formula = Callable[..., float]

probabilities = st.floats(0, 1)


def sure_of_quotation(answers: float, judged: float | None = None) -> float:
    return quote_confidence(answers, 1.0, judged)


formulas = pytest.mark.parametrize("formula", [confidence, sure_of_quotation])


@formulas
@given(probabilities, probabilities)
def test_it_is_a_probability(formula: Formula, read: float, judged: float) -> None:
    assert 0 < formula(read) < 1
    assert 0 < formula(read, judged) < 1


@formulas
@given(probabilities, probabilities, probabilities)
def test_what_speaks_for_an_answer_never_makes_it_less_sure(
    formula: Formula, one: float, other: float, same: float
) -> None:
    low, high = sorted([one, other])
    assert formula(low) <= formula(high)
    assert formula(low, same) <= formula(high, same)
    assert formula(same, low) <= formula(same, high)


@formulas
def test_each_signal_counts(formula: Formula) -> None:
    assert formula(0.5) < formula(0.9)
    assert formula(0.5, 0.5) < formula(0.5, 0.9)
    assert formula(0.5, 0.5) < formula(0.9, 0.5)


@pytest.mark.parametrize("judged", [None, 0.5])
def test_what_is_far_ahead_is_surer(judged: float | None) -> None:
    assert quote_confidence(0.8, 0.0, judged) < quote_confidence(0.8, 1.0, judged)
    assert quote_confidence(0.8, 1.0, judged) < quote_confidence(0.8, FAR, judged)


@given(probabilities, probabilities)
def test_a_lead_has_bounds(one: float, other: float) -> None:
    assert -1 <= lead(one, other) <= FAR
    assert lead(one, one) == 0
    assert lead(one, other) >= 0 or one < other


class FindsLastName:
    """A reader that takes the last capital and what follows it for the answer."""

    def read(self, question: str, passages: list[Passage]) -> list[Reading]:
        begins = [max(at for at, it in enumerate(p.text) if it.isupper()) for p in passages]
        return [Reading(0.9, begin, begin + 4) for begin in begins]


def test_sentences_may_answer_alike() -> None:
    one, *others = map(
        Passage,
        ["They met in Rome.", "It was in Rome.", "They met in Oslo.", "They met. Did they?"],
    )
    alike = like_answered("Where did they meet?", one, others, FindsLastName())  # type: ignore[arg-type]
    assert alike == [True, False, False]
    bare = Passage("They met.")
    assert like_answered("Where did they meet?", bare, [bare], FindsLastName()) == [False]  # type: ignore[arg-type]


def test_the_judge_decides_where_the_cross_encoder_cannot() -> None:
    assert undecided(confidence(0.5))
    assert confidence(0.5, 0.05) < 0.2
    assert confidence(0.5, 0.95) > 0.8


def test_the_judge_is_not_asked_about_the_hopeless_and_the_certain() -> None:
    assert not undecided(confidence(0.005))
    assert not undecided(confidence(0.995))
    assert confidence(0.005) < 0.1 < confidence(0.995)


class Finds:
    """A reader that finds one answer in any sentence that has it."""

    def __init__(self, answer: str) -> None:
        self.answer = answer

    def read(self, question: str, passages: list[Passage]) -> list[Reading]:
        begins = [passage.text.index(self.answer) for passage in passages]
        return [Reading(0.9, begin, begin + len(self.answer)) for begin in begins]


MET = Article(["Ann met Bob in Rome in 1999."]).evidence()[0]


@pytest.mark.parametrize(
    ("question", "answer", "expected"),
    [
        ("Where did Ann meet Bob?", "Rome", True),
        ("When did Ann meet Bob?", "in 1999", True),
        ("When did Ann meet Bob?", "Rome", False),
        ("How many people met Bob?", "Ann", False),
        ("Why did Ann meet Bob in 1999?", "Rome", False),
    ],
)
def test_a_sentence_is_quoted_if_the_answer_in_it_is_of_the_kind_asked_for(
    question: str, answer: str, expected: bool
) -> None:
    assert quotable(question, Passage(MET.text), Finds(answer)) is expected  # type: ignore[arg-type]


def test_the_number_of_a_footnote_is_no_amount() -> None:
    cited = Passage("Since 2019 cyclists ride on it.[8]")
    reader = Finds("cyclists ride on it.[8]")
    assert not quotable("How many ride on the footbridge?", cited, reader)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("claim", "answer", "expected"),
    [
        ("Ann met Bob in Rome.", "Rome", False),
        ("Ann met Bob.", "Rome", True),
        ("It was in rome", "in Rome in 1999", False),
        ("Ann met Bob.", "Ann met Bob", False),  # the question has it all: nothing is missed
        ("Ann met Bob.", "", False),
        ("Ann did meet Bob.", "Ann met Bob in Rome in 1999.", False),  # it tells no place
    ],
)
def test_a_claim_misses_an_answer_of_which_it_has_no_word(
    claim: str, answer: str, expected: bool
) -> None:
    reader = Finds(answer)
    assert misses(claim, "Where did Ann meet Bob?", MET, reader) is expected  # type: ignore[arg-type]


class Tells:
    """A cross-encoder that answers from a table and notes what it has read."""

    def __init__(self, **answers: float) -> None:
        self.table = answers
        self.read: list[Passage] = []

    def answers(self, question: str, passages: list[Passage]) -> list[float]:
        self.read += passages
        return [self.table[item.text] for item in passages]


PROOF = tuple(Article(["one", "two"], id="a", title="Numbers").evidence())


@pytest.mark.parametrize(("rated", "read"), [(0.3, []), (None, ["two", "two"])])
def test_a_sentence_that_was_read_is_not_read_again(rated: float | None, read: list[str]) -> None:
    proof = (PROOF[1].model_copy(update={"answers": rated}),)
    reader = Tells(two=0.8)
    assert proof_score("How many?", proof, reader) == pytest.approx(0.8 if rated is None else rated)
    assert [item.text for item in reader.read] == read


def test_two_sentences_are_read_as_one_passage_with_and_without_their_title() -> None:
    proof = tuple(item.model_copy(update={"answers": 0.9}) for item in PROOF)
    reader = Tells(**{"one two": 0.8})
    assert proof_score("How many?", proof, reader) == pytest.approx(0.8)
    assert [(item.text, item.title) for item in reader.read] == [
        ("one two", "Numbers"),
        ("one two", ""),
    ]


def test_a_reader_that_cannot_tell_leaves_it_to_the_judge() -> None:
    assert undecided(confidence(proof_score("How many?", PROOF, Undecided())))


@pytest.mark.parametrize(
    ("answers", "expected"), [((None, None), None), ((None, 0.1), 1), ((0.4, 0.3), 0)]
)
def test_the_likeliest_sentence_is_one_that_was_read(
    answers: tuple[float | None, ...], expected: int | None
) -> None:
    evidence = [
        item.model_copy(update={"answers": rated})
        for item, rated in zip(PROOF, answers, strict=True)
    ]
    assert likeliest(evidence) == (None if expected is None else evidence[expected])


def test_drafts_are_made_from_what_may_hold_the_answer() -> None:
    offered = Article([f"Sentence {number}." for number in range(7)]).evidence()
    rated = [0.8, 0.1, 0.17, 0.15, None, 0.01]
    ranked = [
        item.model_copy(update={"answers": answers, "before": ()})
        for item, answers in zip(offered, rated, strict=False)
    ]
    ranked[2] = ranked[2].model_copy(update={"before": (offered[6].text,)})
    stray = offered[5].model_copy(update={"neighbour": True, "text": "It rained."})
    needed = offered[6].model_copy(update={"neighbour": True})
    kept = contenders([*ranked, stray, needed])
    assert kept == [ranked[0], ranked[1], ranked[2], ranked[4], needed]
    led = needed.model_copy(
        update={"neighbour": False, "answers": 0.9, "led_by": ranked[3].sentence_id}
    )
    kept = contenders([*ranked, led])
    assert kept == [ranked[0], ranked[1], ranked[4], led, ranked[3]]
    assert contenders(ranked[:1]) == ranked[:1]
    assert contenders([]) == []


def test_the_rest_of_a_list_is_drafted_from() -> None:
    first, one, other = Article(
        ["The fees are:", "- adults: 8 euros", "- dogs: 2 euros"]
    ).evidence()
    beside = {"before": (first.text,), "neighbour": True}
    items = [one.model_copy(update=beside), other.model_copy(update=beside)]
    sure = first.model_copy(update={"answers": 0.9})
    assert contenders([sure, *items]) == [sure, *items]
    ranked = items[0].model_copy(update={"answers": 0.9, "neighbour": False})
    assert contenders([ranked, items[1]]) == [ranked, items[1]]
    stray = items[1].model_copy(update={"before": ("It rained.",)})
    assert contenders([sure, stray]) == [sure]
