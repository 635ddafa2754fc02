"""The objects that everything passes on: what is stored, what is found, what is answered.

Offsets are Python character offsets (code points) into the document's text, end exclusive.
"""

import hashlib
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from qa.errors import FootnotedError

NO_ANSWER = "Not in the sources."
"""What an abstention says; the only place where the phrase stands."""

DISAGREES = "Another sentence disagrees: “{}”"
ELSEWHERE = "Another document says: “{}”"
"""What is said of a sentence that contradicts the proof of an answer."""

Status = Literal["answered", "partial", "no_answer"]
Verdict = Literal["supported", "unsupported"]
UnsupportedPolicy = Literal["drop", "mark"]


# ── what is stored ──────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Span:
    """A sentence's place in its document's text: ``text[start:end]``."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Document:
    """One text to answer from, as a reader delivers it.

    Attributes:
        id: the document's id everywhere.
        key: what a newer version of the same document shares with this one: the id that the
            user gave, else the uri, else the id.
        text: the text exactly as read; every offset counts in it.
        title: what a reader would call it; never empty.
        uri: where it came from; empty for standard input.
    """

    id: str
    key: str
    text: str
    title: str
    uri: str = ""

    @classmethod
    def make(cls, text: str, *, title: str, uri: str = "", doc_id: str | None = None) -> "Document":
        """Build a document; without ``doc_id`` the id is a digest of the uri and the text."""
        identity = doc_id or digest(uri, text)
        return cls(id=identity, key=doc_id or uri or identity, text=text, title=title, uri=uri)

    @property
    def revision(self) -> str:
        """Changes exactly when anything that is stored changes."""
        return digest(self.id, self.title, self.uri, self.text)


@dataclass(frozen=True, slots=True)
class Chunk:
    """A run of whole sentences, the unit that is embedded and stored.

    The chunks of a document partition its text: each starts where the one before ended.

    Attributes:
        sentences: sentence bounds as offsets into the DOCUMENT, ascending.
        first_sentence: how many sentences of the document stand before this chunk.
    """

    index: int
    start: int
    end: int
    text: str
    sentences: tuple[Span, ...]
    first_sentence: int


@dataclass(frozen=True, slots=True)
class DocumentInfo:
    """What a collection knows of a document without reading its text.

    Attributes:
        revision: of the document.
        layout: changes exactly when the chunks, or their sentences, are cut elsewhere.
    """

    id: str
    key: str
    revision: str
    title: str
    uri: str
    chunks: int
    sentences: int
    characters: int
    layout: str = ""


DOCUMENT_HEAD = ("id", "title", "uri", "sentences", "characters")
"""What the command line and the server tell of a document."""


@dataclass(frozen=True, slots=True)
class StoredDocument:
    """A document read back from the collection: the concatenation of its chunks."""

    info: DocumentInfo
    text: str
    sentences: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Passage:
    """A sentence, or several, as the cross-encoder reads it.

    Attributes:
        title: of its document.
        before: the sentence before it, read but not judged; empty if there is none.
    """

    text: str
    title: str = ""
    before: str = ""


# ── what is found and answered ──────────────────────────────────────────────────────────────


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Quotation(_Frozen):
    """One sentence of a source, to the byte: ``text == source[start:end]``."""

    number: int = Field(ge=1, description="Its number in this answer.")
    sentence_id: str = Field(description="DOCUMENT_ID:START-END, stable while the document is.")
    document_id: str
    title: str
    uri: str
    start: int = Field(ge=0)
    end: int = Field(ge=1)
    sentence: int = Field(ge=1, description="Which sentence of the document, from 1.")
    text: str


class Found(_Frozen):
    """Where a sentence stands that the search considered, offered or not."""

    document_id: str
    start: int
    end: int
    answers: float | None = Field(default=None, description="As in ``Evidence``.")


class Evidence(Quotation):
    """A sentence offered to the language model, best first by ``number``."""

    score: float = Field(description="Rank score; comparable within one question only.")
    similarity: float = Field(default=0.0, description="Cosine of its chunk with the question.")
    answers: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="How likely it answers, by the cross-encoder; null: it was not read.",
    )
    neighbour: bool = Field(
        default=False,
        description="Offered for another's sake: it stands before that, or is of the same list.",
    )
    led_by: str | None = Field(
        default=None,
        description="Sentence id of another one, offered too, that names its document and led to "
        "it: the two prove together.",
    )
    before: tuple[str, ...] = Field(
        default=(),
        description="The sentences right before it, for antecedents; not cited. Of an item of a "
        "list or a row of a table the last is what introduces it.",
    )
    flagged: bool = Field(
        default=False,
        description="It addresses a language model: it proves nothing, and no model is shown it.",
    )


class Citation(Quotation):
    """A footnote."""


class Claim(_Frozen):
    """One statement of the answer, checked against the evidence."""

    text: str
    citations: list[int] = Field(description="Numbers of the footnotes that prove it together.")
    support: float = Field(ge=0, le=1, description="How well they prove it.")
    verdict: Verdict

    def footnoted(self) -> str:
        """The claim as it stands in an answer: with its marks, or struck through."""
        if self.verdict == "unsupported":
            return f"~~{self.text}~~"
        return " ".join([self.text, "".join(f"[{number}]" for number in self.citations)])


class Timings(_Frozen):
    """Milliseconds since the question arrived; ``None`` where it did not come to that."""

    retrieve: float | None = None
    first_evidence: float | None = None
    first_token: float | None = None
    first_claim: float | None = None
    total: float | None = None


class Usage(_Frozen):
    """Tokens as the language model's server counts them."""

    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            prompt_tokens=self.prompt_tokens + other.prompt_tokens,
            cached_tokens=self.cached_tokens + other.cached_tokens,
            completion_tokens=self.completion_tokens + other.completion_tokens,
        )


class Provenance(_Frozen):
    """What produced the answer."""

    llm: str
    embedder: str
    prompt: str
    collection: str
    collection_version: str


class Answer(_Frozen):
    """The one object that every face shows."""

    question: str
    standalone_question: str
    status: Status
    answer: str
    claims: list[Claim]
    citations: list[Citation]
    confidence: float = Field(ge=0, le=1)
    reason: str | None = Field(
        default=None,
        description="Why it abstained or dropped a claim, what disagrees, or what it set aside.",
    )
    timings_ms: Timings = Timings()
    usage: Usage = Usage()
    provenance: Provenance


class Turn(_Frozen):
    """One earlier message of a conversation."""

    role: Literal["user", "assistant"]
    content: str


# ── stream events ───────────────────────────────────────────────────────────────────────────


class EvidenceEvent(_Frozen):
    """The numbered sentences, before the language model starts.

    It comes again where a part of a question is looked for alone and more is found for it, with
    that behind what was offered before.

    Attributes:
        found: all sentences that the search considered, best first; for evaluation in this
            process, not sent to clients.
    """

    type: Literal["evidence"] = "evidence"
    standalone_question: str
    evidence: list[Evidence]
    found: list[Found] = Field(default=[], exclude=True)


class TokenEvent(_Frozen):
    """A piece of the draft, not checked yet."""

    type: Literal["token"] = "token"
    text: str


class ClaimEvent(_Frozen):
    """A checked claim with the footnotes it is the first to use."""

    type: Literal["claim"] = "claim"
    claim: Claim
    citations: list[Citation]


class AnswerEvent(_Frozen):
    """The whole answer; always last.

    Attributes:
        repeatable: whether the same question would be answered so again: not by a sentence that
            stands in for a language model which failed. For this process, not sent to clients.
    """

    type: Literal["answer"] = "answer"
    answer: Answer
    repeatable: bool = Field(default=True, exclude=True)


class ErrorEvent(_Frozen):
    """Takes the place of ``answer`` when something broke."""

    type: Literal["error"] = "error"
    code: str
    message: str
    help: str
    retryable: bool

    @classmethod
    def of(cls, error: FootnotedError) -> "ErrorEvent":
        """The event that an error is."""
        return cls(code=error.code, message=str(error), help=error.help, retryable=error.retryable)


Event = Annotated[
    EvidenceEvent | TokenEvent | ClaimEvent | AnswerEvent | ErrorEvent,
    Field(discriminator="type"),
]


def digest(*parts: str) -> str:
    """Sixteen hex digits of the SHA-256 of the parts, kept apart by a NUL."""
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def sentence_id(document_id: str, span: Span) -> str:
    """The stable id of a sentence."""
    return f"{document_id}:{span.start}-{span.end}"
