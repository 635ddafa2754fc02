"""Is a proof about what the question is about?

"The repair cost £236." has an amount for "How much does a new filter cost?", and the cross-encoder,
which learned from questions about the same article, takes it for an answer. Where many texts lie in
one collection, one of them has the kind of thing that is asked for.
"""

from collections.abc import Sequence

from qa.grounding.support import Similarity
from qa.schema import Evidence
from qa.words import share, stems

OF_A_QUOTATION, OF_A_CLAIM = 0.76, 0.6
"""How relevant a proof must be. Asked of other documents than their own, 386 questions of seven
suites had a sentence quoted 30 times, and 10 times since; of 260 right quotations 2 are lost. Of a
claim less is asked, for it has passed other checks: of 122 about their own documents 1 is lost
(docs/decisions/0018-confidence.md)."""

_WORDS = 0.7
"""What all words of the question in a document count beside the cosine."""

_FOR_WHAT = frozenset(
    stems(
        """many much old long far often high large big time year day date name number kind type
        first last happen call person people place reason way cost say said tell"""
    )
)
"""What is asked for, whatever the question is about."""


def relevance(
    question: str, proof: Sequence[Evidence], evidence: Sequence[Evidence], similarity: Similarity
) -> float:
    """The cosine of a question and a proof, and 0.7 times the share of the question's words.

    These may stand anywhere in what was offered of the proof's document: a paraphrase shares few
    words with its proof, and some with the text around. Of a single word nothing can be told: 1.

    Args:
        question: the whole of what is asked.
        proof: sentences that are to answer it.
        evidence: the sentences that were offered.
        similarity: cosine by the embedder.
    """
    title, document = proof[0].title, proof[0].document_id
    asked = frozenset(stems(question)) - _FOR_WHAT
    if len(asked) < 2:
        return 1.0
    offered = [*proof, *(item for item in evidence if item.document_id == document)]
    texts = [title, *(text for item in offered for text in (*item.before, item.text))]
    found = share(asked, {stem for text in texts for stem in stems(text)})
    said = " ".join(item.text for item in proof)
    return max(similarity(question, [said, f"{title}: {said}"])) + _WORDS * found
