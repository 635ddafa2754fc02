"""OpenAI's wire format: what its clients send, and what they understand."""

from collections.abc import Mapping
from typing import Annotated, Literal

from fastapi import Response
from pydantic import BaseModel, Discriminator, Field, Tag, field_validator, model_validator

from qa.errors import UnknownCollectionError
from qa.schema import Answer, Citation
from qa.schema import Usage as Tokens
from qa.server.problems import NAMED, CodedResponse, Problem
from qa.server.requests import Conversation, Text, validated

MODEL = "footnoted"
"""Answers from the default collection; MODEL/COLLECTION answers from another."""

_PATHS = ("/v1/chat/completions", "/v1/models")
_ERROR_TYPES = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}


# ── what clients send ───────────────────────────────────────────────────────────────────────


class Part(BaseModel):
    """A piece of a message; an assistant's may be a refusal."""

    type: Literal["text", "refusal"]
    text: Text | None = None
    refusal: Text | None = None

    @model_validator(mode="after")
    def _says_something(self) -> "Part":
        if getattr(self, self.type) is None:
            raise ValueError(f"it has no {self.type!r}")
        return self

    @property
    def said(self) -> str:
        """The piece itself."""
        return getattr(self, self.type) or ""


def _form(content: object) -> str | None:
    """Which form a content has; where errors tell a place, what holds a bracket is left out."""
    if isinstance(content, str):
        return "[text]"
    return "[parts]" if isinstance(content, list) else None


Content = Annotated[
    Annotated[Text, Tag("[text]")] | Annotated[list[Part], Tag("[parts]")],
    Discriminator(
        _form,
        custom_error_type="content_type",
        custom_error_message="must be a string or a list of parts",
    ),
]


class CompletionMessage(BaseModel):
    """A message; what others than users and assistants say is heeded nowhere."""

    role: Literal["user", "assistant", "system", "developer", "tool", "function"]
    content: Content | None = None

    @model_validator(mode="after")
    def _refuses_as_the_assistant(self) -> "CompletionMessage":
        parts = self.content if isinstance(self.content, list) else []
        if self.role == "user" and any(part.type == "refusal" for part in parts):
            raise ValueError("only an assistant's message may hold a refusal")
        return self

    @property
    def text(self) -> str:
        """The whole of it."""
        if isinstance(self.content, list):
            return "\n".join(part.said for part in self.content)
        return self.content or ""


class StreamOptions(BaseModel):
    """How a stream is to be."""

    include_usage: bool = False


class CompletionRequest(BaseModel):
    """A conversation to be gone on with. Sampling parameters, tools and the like are ignored."""

    model: str = Field(examples=[MODEL, f"{MODEL}/COLLECTION"])
    messages: list[CompletionMessage] = Field(
        min_length=1, examples=[[{"role": "user", "content": "Who arranged the call?"}]]
    )
    n: int | None = Field(default=None, description="1: a question has one answer.")
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    documents: list[Text] | None = Field(default=None, description="Not OpenAI's: as in /v1/chat.")
    evidence_only: bool = Field(default=False, description="Not OpenAI's: as in /v1/chat.")

    @field_validator("n")
    @classmethod
    def _one(cls, n: int | None) -> int | None:
        if n not in (None, 1):
            raise ValueError("must be 1, or left out: a question has one answer")
        return n

    def conversation(self) -> Conversation:
        """The same for ``/v1/chat``.

        Raises:
            UnknownCollectionError: there is no such model.
            RequestValidationError: the last message is not a user's.
        """
        spoken = [message for message in self.messages if message.role in ("user", "assistant")]
        return validated(
            Conversation,
            {
                "messages": [{"role": message.role, "content": message.text} for message in spoken],
                "collection": collection_of(self.model),
                "documents": self.documents,
                "evidence_only": self.evidence_only,
            },
        )


def collection_of(model: str) -> str:
    """The collection that a model answers from.

    Raises:
        UnknownCollectionError: no model goes by such a name.
    """
    name, slash, collection = model.partition("/")
    if name != MODEL or (slash and not collection):
        raise UnknownCollectionError(
            f"there is no model {model!r}", help="GET /v1/models lists the names."
        )
    return collection or "default"


# ── what they get ───────────────────────────────────────────────────────────────────────────


class UrlCitation(BaseModel):
    """Where a footnote's mark stands in the content, in code points, and what it points to."""

    url: str
    title: str
    start_index: int
    end_index: int


class Annotation(BaseModel):
    """A footnote's mark; ``citation`` is ours, the rest is OpenAI's."""

    type: Literal["url_citation"] = "url_citation"
    url_citation: UrlCitation
    citation: Citation


class CompletionReply(BaseModel):
    """What the assistant says."""

    role: Literal["assistant"] = "assistant"
    content: str
    refusal: None = None
    annotations: list[Annotation]


class Choice(BaseModel):
    """The one reply there is."""

    index: Literal[0] = 0
    message: CompletionReply
    logprobs: None = None
    finish_reason: Literal["stop"] = "stop"


class PromptTokensDetails(BaseModel):
    """What the prompt's tokens were."""

    cached_tokens: int


class Usage(BaseModel):
    """Tokens of the draft, as the language model's server counts them."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: PromptTokensDetails

    @classmethod
    def of(cls, tokens: Tokens) -> "Usage":
        """The usage of an answer."""
        return cls(
            prompt_tokens=tokens.prompt_tokens,
            completion_tokens=tokens.completion_tokens,
            total_tokens=tokens.prompt_tokens + tokens.completion_tokens,
            prompt_tokens_details=PromptTokensDetails(cached_tokens=tokens.cached_tokens),
        )


class Completion(BaseModel):
    """A whole reply."""

    id: str
    object: Literal["chat.completion"] = "chat.completion"
    created: int
    model: str
    choices: list[Choice]
    usage: Usage


class Model(BaseModel):
    """A collection to answer from."""

    id: str
    object: Literal["model"] = "model"
    created: int = Field(default=0, description="Nobody writes that down.")
    owned_by: Literal["footnoted"] = "footnoted"


class ModelList(BaseModel):
    """All models."""

    object: Literal["list"] = "list"
    data: list[Model]


class Error(BaseModel):
    """What went wrong and what to do about it."""

    message: str
    type: str
    param: str | None = Field(description="The field that is wrong.")
    code: str


class ErrorReply(BaseModel):
    """A reply that is not a success."""

    error: Error

    @classmethod
    def of(cls, problem: Problem) -> "ErrorReply":
        """A problem as OpenAI's clients know it."""
        code, param = problem.code, None
        if code == UnknownCollectionError.code:
            code, param = "model_not_found", "model"
        for wrong in (problem.model_extra or {}).get("errors", [])[:1]:
            param = ".".join(map(str, wrong["loc"][1:])) or None
        other = "server_error" if problem.status >= 500 else "invalid_request_error"
        return cls(
            error=Error(
                message=f"{problem.detail.rstrip('.')}. {problem.help.removeprefix(NAMED)}",
                type=_ERROR_TYPES.get(problem.status, other),
                param=param,
                code=code,
            )
        )


def annotations_of(answer: Answer) -> list[Annotation]:
    """One for each mark in the answer's text, in order."""
    citations = {citation.number: citation for citation in answer.citations}
    found: list[Annotation] = []
    start = 0
    for claim in answer.claims:
        at = start + len(claim.text) + 1
        for number in claim.citations:
            end = at + len(f"[{number}]")
            citation = citations[number]
            where = UrlCitation(
                url=citation.uri, title=citation.title, start_index=at, end_index=end
            )
            found.append(Annotation(url_citation=where, citation=citation))
            at = end
        start += len(claim.footnoted()) + 1
    return found


def reply_to(path: str, problem: Problem, headers: Mapping[str, str] | None = None) -> Response:
    """A problem as the reply to a request at ``path``: a problem document, but for OpenAI's."""
    if not path.startswith(_PATHS):
        return problem.reply(headers)
    return CodedResponse(
        ErrorReply.of(problem).model_dump(),
        400 if problem.status == 422 else problem.status,
        # Their client tries again whatever is 409 or 5xx, unless it is told.
        {
            "x-should-retry": str(problem.retryable).lower(),
            **problem.headers,
            **(headers or {}),
        },
        code=problem.code,
    )
