from fake_llm import Article
from hypothesis import given
from hypothesis import strategies as st

from qa.grounding.citations import Footnotes
from qa.schema import Citation, Evidence

ARTICLE = Article(["Ann met “Bob”.", "He refused.\nTwice.", "They parted. 👩\u200d🚀", "Élan."])
OTHER = Article(["Cid ran.", "He fell."], id="other")
EVIDENCE = [*ARTICLE.evidence(), *OTHER.evidence(first_number=5)]
SOURCES = {ARTICLE.id: ARTICLE.text, OTHER.id: OTHER.text}

proofs = st.lists(st.sampled_from(EVIDENCE), min_size=1, max_size=3)


def test_sentences_are_numbered_by_their_first_use() -> None:
    footnotes = Footnotes()
    numbers, new = footnotes.cite([EVIDENCE[3]])
    assert (numbers, [note.number for note in new]) == ([1], [1])
    assert new[0].text == "Élan."
    numbers, new = footnotes.cite([EVIDENCE[0], EVIDENCE[3]])
    assert (numbers, [note.number for note in new]) == ([1, 2], [2])
    assert footnotes.cite([EVIDENCE[3]]) == ([1], [])
    assert [note.text for note in footnotes.cited()] == ["Élan.", "Ann met “Bob”."]


def test_a_footnote_is_the_sentence_that_was_offered() -> None:
    (item,) = OTHER.evidence(first_number=7)[1:]
    _, (note,) = Footnotes().cite([item])
    assert type(note) is Citation
    fields = set(Citation.model_fields) - {"number"}
    assert note.model_dump(include=fields) == item.model_dump(include=fields)
    assert note.number == 1
    assert item.number == 8


def test_nothing_cited_is_no_footnote() -> None:
    footnotes = Footnotes()
    assert footnotes.cite([]) == ([], [])
    assert footnotes.cited() == []


@given(st.lists(proofs, max_size=8))
def test_footnotes_have_no_gaps_and_each_sentence_one_number(
    all_proofs: list[list[Evidence]],
) -> None:
    footnotes = Footnotes()
    results = [footnotes.cite(proof) for proof in all_proofs]
    cited = footnotes.cited()
    assert [note.number for note in cited] == list(range(1, len(cited) + 1))
    assert [note for _, new in results for note in new] == cited
    first_uses = dict.fromkeys(item.sentence_id for proof in all_proofs for item in proof)
    assert [note.sentence_id for note in cited] == list(first_uses)
    for (numbers, _), proof in zip(results, all_proofs, strict=True):
        assert numbers == sorted(set(numbers))
        assert {cited[n - 1].sentence_id for n in numbers} == {item.sentence_id for item in proof}


@given(proofs)
def test_a_footnote_is_a_quotation(proof: list[Evidence]) -> None:
    footnotes = Footnotes()
    footnotes.cite(proof)
    for note in footnotes.cited():
        assert note.text == SOURCES[note.document_id][note.start : note.end]
