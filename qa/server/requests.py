"""What clients send."""

from collections import Counter
from typing import Annotated, Any, Literal, TypeVar

from fastapi.exceptions import RequestValidationError
from pydantic import (
    AfterValidator,
    AliasChoices,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from ingest.decoding import UNNAMEABLE, UNSTORABLE
from ingest.readers import MAX_ADDRESS, MAX_ID, MAX_TITLE
from qa.schema import Document, Turn, UnsupportedPolicy

M = TypeVar("M", bound=BaseModel)

_LONGEST_FIRST_LINE = 80
"""The title goes before each chunk when that is embedded; a paragraph there would drown it."""


def _storable(text: str) -> str:
    if UNSTORABLE.search(text):
        raise ValueError("holds NUL characters or lone surrogates")
    return text


def _nameable(text: str) -> str:
    if UNNAMEABLE.search(text):
        raise ValueError("holds control characters or lone surrogates")
    return text


def _not_blank(text: str) -> str:
    if not text.strip():
        raise ValueError("is empty")
    return text


Text = Annotated[str, AfterValidator(_storable)]
FilledText = Annotated[Text, AfterValidator(_not_blank)]
_Identity = Annotated[
    str, Field(max_length=MAX_ID), AfterValidator(_nameable), AfterValidator(_not_blank)
]
_Address = Annotated[str, Field(max_length=MAX_ADDRESS), AfterValidator(_storable)]
CollectionName = Annotated[
    Text, Field(description="Up to 64 letters, digits, '-' and '_'.", examples=["default"])
]


class _Request(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Options(_Request):
    collection: CollectionName = "default"
    documents: list[Text] | None = Field(
        default=None,
        min_length=1,
        description="Ids of the documents to answer from; without it, all.",
        examples=[["stargate"]],
    )
    unsupported: UnsupportedPolicy = Field(
        default="drop", description="What becomes of claims that no sentence proves."
    )
    evidence_only: bool = Field(
        default=False, description="Answer with the proving sentence, without a language model."
    )


class Question(_Options):
    """A question to be answered from a collection."""

    question: Text = Field(examples=["Who arranged the call between Altman and Trump?"])

    @property
    def history(self) -> list[Turn]:
        """Nothing was said before."""
        return []


class Message(_Request):
    """A message of a conversation; what a system's says is heeded nowhere."""

    role: Literal["user", "assistant", "system"]
    content: Text


class Conversation(_Options):
    """A conversation whose last message is a question to be answered from a collection."""

    messages: list[Message] = Field(
        min_length=1,
        description="Oldest first; the last is the question, the others say what it refers to.",
        examples=[[{"role": "user", "content": "Who arranged the call?"}]],
    )

    @field_validator("messages")
    @classmethod
    def _ends_in_a_question(cls, messages: list[Message]) -> list[Message]:
        if messages[-1].role != "user":
            raise ValueError(f"the last one is the {messages[-1].role}'s, not the user's")
        return messages

    @property
    def question(self) -> str:
        """What is asked."""
        return self.messages[-1].content

    @property
    def history(self) -> list[Turn]:
        """What was said before."""
        return [
            Turn(role=message.role, content=message.content)
            for message in self.messages[:-1]
            if message.role != "system"
        ]


Asked = Question | Conversation


class NewCollection(_Request):
    """A collection to be made."""

    name: CollectionName


class TextDocument(_Request):
    """A document sent as text, which is kept to the character."""

    text: FilledText = Field(examples=["The call took 25 minutes. A mutual friend arranged it."])
    title: Text | None = Field(
        default=None,
        description="Without it, the id or the first line.",
        examples=["Stargate"],
    )
    doc_id: _Identity | None = Field(
        default=None,
        description="Its id from now on; without it, a digest of uri and text.",
        examples=["stargate"],
    )
    uri: _Address = Field(
        default="",
        validation_alias=AliasChoices("uri", "url"),
        description="Where it came from; 'url' says the same.",
        examples=["https://example.org/stargate"],
    )

    def document(self) -> Document:
        """The document to be stored."""
        line = " ".join(self.text.lstrip().splitlines()[0].split())
        title = " ".join((self.title or "").split()) or self.doc_id or ""
        return Document.make(
            self.text,
            title=_cut(title, MAX_TITLE) or _cut(line, _LONGEST_FIRST_LINE),
            uri=self.uri,
            doc_id=self.doc_id,
        )


class TextSubmission(TextDocument):
    """One document sent as text."""

    collection: CollectionName = "default"


class UrlSubmission(_Request):
    """A page to be fetched."""

    url: Annotated[_Address, AfterValidator(_not_blank)] = Field(
        examples=["https://example.org/article.html"]
    )
    collection: CollectionName = "default"


class UploadFields(_Request):
    """The fields of a form, beside its files."""

    collection: CollectionName = "default"
    doc_id: _Identity | None = None
    uri: _Address = ""


class TextsSubmission(_Request):
    """Several documents sent as text."""

    documents: list[TextDocument] = Field(min_length=1)
    collection: CollectionName = "default"

    @model_validator(mode="after")
    def _distinct(self) -> "TextsSubmission":
        keys = Counter(item.doc_id or item.uri for item in self.documents)
        for key, times in keys.items():
            if key and times > 1:
                raise ValueError(
                    f"{times} documents go by {key!r}: the last would replace the rest"
                )
        return self


def validated(model: type[M], body: Any) -> M:
    """``body`` as a ``model``.

    Raises:
        RequestValidationError: it has not the form that it must have.
    """
    try:
        return model.model_validate(body)
    except ValidationError as error:
        found = error.errors(include_url=False)
        raise RequestValidationError(
            [{**item, "loc": ("body", *item["loc"])} for item in found]
        ) from None


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 1].rstrip() + "…"
