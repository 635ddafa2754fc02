"""What stands in for the slow parts, and articles to ask about."""

import math
import zlib
from collections.abc import Sequence

from qa.grounding.cross_encoder import Reading
from qa.retrieval.embedder import Embedder
from qa.schema import Document, Passage
from qa.words import stems

DIMENSION = 256


class BagOfWords(Embedder):
    """Unit vectors of hashed word stems: texts that share words are near each other.

    Attributes:
        embedded: every text that was embedded, in order.
    """

    name = "bag-of-words"
    dimension = DIMENSION

    def __init__(self) -> None:
        self.embedded: list[str] = []

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Embed ``texts``; shape (len(texts), DIMENSION)."""
        return [self.embed_query(text) for text in texts]

    def embed_query(self, text: str) -> list[float]:
        """Embed one text; without a content word it is the first axis."""
        self.embedded.append(text)
        counts = [0.0] * DIMENSION
        for stem in stems(text):
            counts[1 + zlib.crc32(stem.encode()) % (DIMENSION - 1)] += 1
        length = math.hypot(*counts)
        if length == 0:
            return [1.0] + counts[1:]
        return [count / length for count in counts]


class Undecided:
    """A cross-encoder that keeps the order it is given and leaves every claim to the judge."""

    def answers(self, question: str, passages: Sequence[Passage]) -> list[float]:
        """One half and falling, by a hair."""
        return [0.5 - place / 10_000 for place in range(len(passages))]

    def read(self, question: str, passages: Sequence[Passage]) -> list[Reading]:
        """The whole of each is the answer."""
        rated = zip(self.answers(question, passages), passages, strict=True)
        return [Reading(answers, 0, len(passage.text)) for answers, passage in rated]

    def supports(self, claim: str, passages: Sequence[Passage]) -> list[float]:
        """One half."""
        return [0.5 for _ in passages]


ARTICLES = (
    Document.make(
        "# The call\n\n"
        "Altman spoke with Trump for 25 minutes. A “mutual acquaintance” arranged the call. "
        "He declined to be named.\n\n"
        "The two talked about chips, power plants and Japan. Altman’s office confirmed the date. "
        "It gave no other details.\n",
        title="The call",
        uri="file:///articles/call.md",
    ),
    Document.make(
        "Stargate will cost 500 billion dollars. SoftBank and Oracle share the first 100 billion. "
        "The first building stands in Abilene, Texas. Its roof was finished in May. "
        "Critics doubt that the money is there.",
        title="Stargate",
        uri="file:///articles/stargate.md",
    ),
    Document.make(
        "Bees dance to tell each other where flowers are. The angle of the dance gives the "
        "direction. Its length gives the distance. Karl von Frisch decoded the dance in 1927.",
        title="How bees talk",
        doc_id="bees",
    ),
)
"""Three short articles; the last one's id was given by the user."""
