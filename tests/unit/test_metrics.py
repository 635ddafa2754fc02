import itertools
import math
import string
from random import Random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from eval.cases import Alternatives, GoldSpan
from eval.metrics import (
    answer_words,
    answered_rate,
    citation_f1,
    citation_precision,
    citation_recall,
    exact_match,
    fabricated_rate,
    false_answer_rate,
    is_free_text,
    matches,
    mrr,
    ndcg_at_k,
    normalize,
    recall_at_k,
    refusal_f1,
    refusal_precision,
    refusal_recall,
    str_em,
    strip_footnotes,
    token_f1,
    verbatim_rate,
)
from qa.schema import Quotation


def cite(start: int, end: int, doc: str = "d", text: str = "") -> Quotation:
    return Quotation(
        number=1,
        sentence_id=f"{doc}:{start}-{end}",
        document_id=doc,
        title="D",
        uri="",
        start=start,
        end=end,
        sentence=1,
        text=text,
    )


def gold(start: int, end: int, doc: str = "d") -> GoldSpan:
    return GoldSpan(doc, start, end, "")


def sentence(index: int) -> Quotation:
    return cite(10 * index, 10 * index + 10)


def gold_sentence(index: int) -> GoldSpan:
    return gold(10 * index, 10 * index + 10)


# ── answers ─────────────────────────────────────────────────────────────────────────────────


def squad_words(text: str) -> list[str]:
    """What the SQuAD script is documented to do, written without regular expressions."""
    kept = "".join(letter for letter in text.lower() if letter not in string.punctuation)
    words, word = [], ""
    for letter in kept + " ":
        if letter.isalnum() or letter == "_":
            word += letter
            continue
        words.append(word if word not in ("a", "an", "the") else " ")
        words.append(letter)
        word = ""
    return "".join(words).split()


def squad_f1(prediction: str, answer: str) -> float:
    predicted, accepted = squad_words(prediction), squad_words(answer)
    if not predicted or not accepted:
        return float(predicted == accepted)
    left, same = list(accepted), 0
    for word in predicted:
        if word in left:
            left.remove(word)
            same += 1
    if not same:
        return 0.0
    precision, recall = same / len(predicted), same / len(accepted)
    return 2 * precision * recall / (precision + recall)


phrase = st.lists(
    st.sampled_from(["The", "a", "An", "cat", "Cat's", "25-minute", "U.S.", "$", "“cat”", "\t"])
    | st.text(max_size=3),
    max_size=6,
).map(" ".join)
phrases = st.lists(phrase, min_size=1, max_size=4)


def test_normalize() -> None:
    assert normalize("  The U.S.  cat's a\tMAT, an 25-minute!") == "us cats mat 25minute"


def test_token_f1_by_hand() -> None:
    # 2 of 3 predicted words and 2 of 2 accepted ones: 2 * (2/3) * 1 / (2/3 + 1) = 0.8.
    assert token_f1("the mutual acquaintance Bob", ["a mutual acquaintance"]) == pytest.approx(0.8)
    assert token_f1("cat cat", ["cat"]) == pytest.approx(2 / 3)
    assert token_f1("dog", ["cat", "dog"]) == 1.0
    assert token_f1("the", ["cat"]) == 0.0


def test_exact_match_by_hand() -> None:
    assert exact_match("The White House.", ["Roosevelt Room", "white house"]) == 1.0
    assert exact_match("in the White House", ["white house"]) == 0.0


@pytest.mark.parametrize(
    ("prediction", "answer", "expected"),
    [
        ("A “mutual acquaintance” arranged it.", "mutual acquaintance", 1.0),
        ("It lasted a 25-minute call", "25 minute", 1.0),
        ("It was Trump's idea", "Trump", 1.0),
        ("It was Trump’s idea", "Trump", 1.0),
        ("In the US it is", "U.S.", 1.0),
        ("He now announced it", "no", 0.0),
        ("It cost $1,000", "1000", 1.0),
        ("It cost $1000", "100", 0.0),
        ("anything", "The", 0.0),
        ("電話は25分だった。", "25分", 1.0),
        ("電話は25分だった。", "電話", 1.0),
        ("電話は25分だった。", "5分", 0.0),
        ("電話は25分だった。", "話電", 0.0),
        ("トム・クック氏だ", "クック", 1.0),
        ("他是蒂姆·库克。", "蒂姆·库克", 1.0),
        ("เขาพูดกับทรัมป์", "ทรัมป์", 1.0),
        ("ปีนี้", "ปิ", 0.0),
        ("彼はCookと話した", "Cook", 1.0),
        ("彼はCookと話した", "Coo", 0.0),
        ("", "x", 0.0),
    ],
)
def test_str_em_finds_whole_words(prediction: str, answer: str, expected: float) -> None:
    assert str_em(prediction, ["zzz", answer]) == expected


def test_without_accepted_answers_there_is_no_score() -> None:
    assert [metric("x", []) for metric in (str_em, exact_match, token_f1)] == [None] * 3


def test_strip_footnotes() -> None:
    assert strip_footnotes("He did. [1][12] She [sic] did too. [3]") == "He did. She [sic] did too."


def test_footnotes_are_no_words() -> None:
    assert answer_words("He did it. [1][12] She [sic] did too. [3]") == 7
    assert answer_words(" [1]") == 0


@settings(deadline=None)
@given(phrase, phrases)
@example("a-an", ["the"])
@example("", [""])
def test_answers_agree_with_the_squad_script(prediction: str, answers: list[str]) -> None:
    assert normalize(prediction).split() == squad_words(prediction)
    expected = max(squad_words(prediction) == squad_words(answer) for answer in answers)
    assert exact_match(prediction, answers) == float(expected)
    best = max(squad_f1(prediction, answer) for answer in answers)
    assert token_f1(prediction, answers) == pytest.approx(best)


@settings(deadline=None)
@given(phrase, phrases, st.randoms(use_true_random=False))
def test_answer_bounds_and_order(prediction: str, answers: list[str], random: Random) -> None:
    shuffled = answers.copy()
    random.shuffle(shuffled)
    for metric in (str_em, exact_match, token_f1):
        value = metric(prediction, answers)
        assert value is not None
        assert 0 <= value <= 1
        assert metric(prediction, shuffled) == value
    exact, loose = exact_match(prediction, answers), token_f1(prediction, answers)
    assert exact is not None and loose is not None and exact <= loose


# ── citations ───────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("cited", "span", "expected"),
    [
        (cite(0, 10), gold(0, 10), True),
        (cite(0, 10), gold(5, 100), True),  # 5 of the shorter one's 10
        (cite(0, 10), gold(6, 100), False),  # 4 of 10
        (cite(0, 100), gold(98, 102), True),  # 2 of the shorter one's 4
        (cite(0, 10), gold(10, 20), False),
        (cite(5, 5), gold(0, 10), False),
        (cite(0, 10, "e"), gold(0, 10), False),
    ],
)
def test_matches(cited: Quotation, span: GoldSpan, expected: bool) -> None:
    assert matches(cited, span) is expected


def test_citations_by_hand() -> None:
    alternatives: Alternatives = ((gold_sentence(0),), (gold_sentence(1), gold_sentence(2)))
    cited = [sentence(1), sentence(5), sentence(6)]
    assert citation_precision(cited, alternatives) == pytest.approx(1 / 3)
    assert citation_recall(cited, alternatives) == pytest.approx(1 / 2)
    assert citation_f1(cited, alternatives) == pytest.approx(0.4)
    # Right in either alternative, complete in the first.
    assert citation_precision([sentence(0), sentence(1)], alternatives) == 1.0
    assert citation_recall([sentence(0), sentence(1)], alternatives) == 1.0


def test_citing_nothing_scores_nothing() -> None:
    alternatives: Alternatives = ((gold_sentence(0),),)
    metrics = (citation_precision, citation_recall, citation_f1)
    assert [metric([], alternatives) for metric in metrics] == [0.0] * 3
    assert [metric([sentence(0)], ()) for metric in metrics] == [None] * 3


def test_verbatim_rate() -> None:
    source = {"d": "Ada wrote it."}
    cited = [cite(0, 3, text="Ada"), cite(0, 3, text="ada"), cite(0, 3, "gone", "Ada")]
    assert verbatim_rate(cited, source.get) == pytest.approx(1 / 3)
    assert verbatim_rate([], source.get) is None


def test_fabricated_rate() -> None:
    assert fabricated_rate([sentence(0), sentence(1)], [sentence(1)]) == 0.5
    assert fabricated_rate([sentence(0)], []) == 1.0
    assert fabricated_rate([], [sentence(0)]) is None


bounds = st.tuples(st.integers(0, 30), st.integers(1, 15), st.sampled_from("de"))
cited_lists = st.lists(bounds.map(lambda it: cite(it[0], it[0] + it[1], it[2])), max_size=5)
gold_spans = bounds.map(lambda it: gold(it[0], it[0] + it[1], it[2]))
golds = st.lists(
    st.lists(gold_spans, min_size=1, max_size=4, unique=True).map(tuple), min_size=1, max_size=3
).map(tuple)


@settings(deadline=None)
@given(cited_lists, golds, st.randoms(use_true_random=False))
def test_citation_bounds_and_order(
    cited: list[Quotation], alternatives: Alternatives, random: Random
) -> None:
    shuffled, turned = cited.copy(), [tuple(reversed(each)) for each in alternatives]
    random.shuffle(shuffled)
    random.shuffle(turned)
    for metric in (citation_precision, citation_recall, citation_f1):
        value = metric(cited, alternatives)
        assert value is not None
        assert 0 <= value <= 1
        assert metric(shuffled, tuple(turned)) == pytest.approx(value)
    exact = [cite(span.start, span.end, span.doc_id) for span in alternatives[0]]
    assert citation_f1(exact, alternatives) == 1.0


# ── retrieval ───────────────────────────────────────────────────────────────────────────────


def test_retrieval_by_hand() -> None:
    alternatives: Alternatives = ((gold_sentence(1), gold_sentence(3)),)
    ranked = [sentence(0), sentence(1), sentence(2), sentence(3)]
    assert recall_at_k(ranked, alternatives, 1) == 0.0
    assert recall_at_k(ranked, alternatives, 3) == 0.5
    assert recall_at_k(ranked, alternatives, 8) == 1.0
    assert mrr(ranked, alternatives) == 0.5
    dcg, ideal = 1 / math.log2(3) + 1 / math.log2(5), 1 + 1 / math.log2(3)
    assert ndcg_at_k(ranked, alternatives, 4) == pytest.approx(dcg / ideal)


def test_the_pieces_of_one_gold_span_gain_once() -> None:
    ranked = [cite(0, 10), cite(10, 20), sentence(5)]
    alternatives: Alternatives = ((gold(0, 20), gold_sentence(5)),)
    dcg, ideal = 1 + 1 / math.log2(4), 1 + 1 / math.log2(3)
    assert ndcg_at_k(ranked, alternatives, 3) == pytest.approx(dcg / ideal)


def test_one_sentence_that_holds_all_of_the_gold_needs_one_rank() -> None:
    alternatives: Alternatives = ((gold(0, 10), gold(10, 20)),)
    both = cite(0, 20)
    assert recall_at_k([both], alternatives, 1) == ndcg_at_k([both], alternatives, 10) == 1.0
    assert ndcg_at_k([sentence(9), both], alternatives, 10) == pytest.approx(1 / math.log2(3))
    # What is not among the first k could have been there, in a rank of its own.
    half = 1 / (1 + 1 / math.log2(3))
    assert ndcg_at_k([cite(0, 10), sentence(9), both], alternatives, 2) == pytest.approx(half)


def test_nothing_found_and_nothing_to_find() -> None:
    alternatives: Alternatives = ((gold_sentence(0),),)
    assert mrr([], alternatives) == mrr([sentence(1)], alternatives) == 0.0
    assert recall_at_k([], alternatives, 8) == ndcg_at_k([], alternatives, 8) == 0.0
    assert mrr([sentence(0)], ()) is None
    assert recall_at_k([sentence(0)], (), 8) is ndcg_at_k([sentence(0)], (), 8) is None


@settings(deadline=None)
@given(
    st.permutations(range(5)),
    st.lists(st.sets(st.integers(0, 4), min_size=1), min_size=1, max_size=3),
    st.integers(1, 6),
)
def test_ranking_agrees_with_brute_force(order: list[int], sets: list[set[int]], k: int) -> None:
    def dcg(ranking: tuple[int, ...], relevant: set[int]) -> float:
        return sum(
            float(item in relevant) / math.log2(place + 2) for place, item in enumerate(ranking[:k])
        )

    def ideal(relevant: set[int]) -> float:
        return max(dcg(other, relevant) for other in itertools.permutations(range(5)))

    ranked = [sentence(index) for index in order]
    alternatives = tuple(tuple(gold_sentence(index) for index in each) for each in sets)
    best = max(dcg(tuple(order), each) / ideal(each) for each in sets)
    assert ndcg_at_k(ranked, alternatives, k) == pytest.approx(best)
    found = max(len(each & set(order[:k])) / len(each) for each in sets)
    assert recall_at_k(ranked, alternatives, k) == pytest.approx(found)
    first = min(order.index(index) for each in sets for index in each)
    assert mrr(ranked, alternatives) == pytest.approx(1 / (first + 1))


@settings(deadline=None)
@given(cited_lists, golds, st.integers(1, 6))
def test_retrieval_bounds(ranked: list[Quotation], alternatives: Alternatives, k: int) -> None:
    turned = tuple(tuple(reversed(each)) for each in reversed(alternatives))
    values = recall_at_k(ranked, alternatives, k), ndcg_at_k(ranked, alternatives, k)
    assert values == (recall_at_k(ranked, turned, k), ndcg_at_k(ranked, turned, k))
    for value in (*values, mrr(ranked, alternatives)):
        assert value is not None
        assert 0 <= value <= 1 + 1e-12
    deeper = recall_at_k(ranked, alternatives, k + 1)
    assert deeper is not None and values[0] is not None and deeper >= values[0]


# ── abstention ──────────────────────────────────────────────────────────────────────────────


def test_abstention_of_one_question() -> None:
    metrics = (answered_rate, false_answer_rate, refusal_precision, refusal_recall)

    def scores(answered: bool, answerable: bool) -> list[float | None]:
        return [metric(answered, answerable=answerable) for metric in metrics]

    assert scores(answered=True, answerable=True) == [1.0, None, None, None]
    assert scores(answered=False, answerable=True) == [0.0, None, 0.0, None]
    assert scores(answered=True, answerable=False) == [None, 1.0, None, 0.0]
    assert scores(answered=False, answerable=False) == [None, 0.0, 1.0, 1.0]


def test_refusal_f1_by_hand() -> None:
    # Refused: 2 unanswerable and 1 answerable; 1 unanswerable answered. P = R = 2/3.
    answered = [False, False, False, True, True]
    answerable = [False, False, True, False, True]
    assert refusal_f1(answered, answerable) == pytest.approx(2 / 3)
    assert refusal_f1([True], [True]) is None
    assert refusal_f1([True], [False]) == 0.0


@settings(deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.booleans()), max_size=12))
def test_refusal_f1_is_the_harmonic_mean(pairs: list[tuple[bool, bool]]) -> None:
    precisions = [refusal_precision(done, answerable=could) for done, could in pairs]
    recalls = [refusal_recall(done, answerable=could) for done, could in pairs]
    kept = [[value for value in values if value is not None] for values in (precisions, recalls)]
    means = [sum(values) / len(values) if values else 0.0 for values in kept]
    value = refusal_f1([done for done, _ in pairs], [could for _, could in pairs])
    if not any(kept):
        assert value is None
    else:
        total = sum(means)
        assert value == pytest.approx(2 * means[0] * means[1] / total if total else 0.0)


@pytest.mark.parametrize(("words", "free"), [(1, False), (12, False), (13, True)])
def test_free_text_is_more_than_twelve_words(words: int, free: bool) -> None:
    assert is_free_text(" ".join(["word"] * words) + " [1]") is free
