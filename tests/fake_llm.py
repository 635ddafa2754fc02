"""A language model that says what it is told to say, and sentences to show it."""

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from langchain_core.language_models import BaseChatModel
from langchain_core.language_models.chat_models import generate_from_stream
from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.messages.ai import InputTokenDetails, UsageMetadata
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from pydantic import PrivateAttr

from qa.generation.drafter import Drafter
from qa.generation.judge import Judge
from qa.generation.prompt import load_prompt
from qa.schema import Evidence

_VERDICT_TOKENS = 8
_ROLES = {"system": "system", "human": "user", "ai": "assistant"}


@dataclass(frozen=True)
class Reply:
    """What the model says to one call.

    Attributes:
        text: all of it.
        pieces: how it streams; ``None`` for word by word.
        first: probabilities of its first token, reported if the caller asks for them; of the
            later ones it is certain.
        finish: the ``finish_reason``.
        tokens: prompt, cached and completion tokens, reported at the end.
        error: raised after the last piece.
    """

    text: str = ""
    pieces: Sequence[str] | None = None
    first: Mapping[str, float] | None = None
    finish: str = "stop"
    tokens: tuple[int, int, int] | None = None
    error: BaseException | None = None


def yes(probability: float) -> Reply:
    """A yes or no of which the model is so sure."""
    first = {"yes": probability, "no": 1 - probability}
    return Reply("yes" if probability > 0.5 else "no", first=first)


@dataclass
class Call:
    """One call of the model.

    Attributes:
        messages: role and content of what was sent.
        options: what else was sent.
        running: until the reply has ended, broken off or been abandoned.
    """

    messages: list[tuple[str, str]]
    options: dict[str, Any]
    running: bool = True

    @property
    def is_verdict(self) -> bool:
        """Whether it asks for a yes or no."""
        return self.options["max_tokens"] <= _VERDICT_TOKENS

    @property
    def text(self) -> str:
        """The contents of all messages."""
        return "\n".join(content for _, content in self.messages)


class FakeLLM:
    """Implements ``LLM`` by a queue of replies; remembers the calls.

    A call that finds the queue empty fails the test.

    Args:
        replies: what it says, in order; an endless iterator will do.
        sure: its yes to every question of a few tokens, or what gives it for a call; those take
            nothing from the queue then.
        name: the model's name.
        token_probabilities: whether it tells the probabilities of its first token.
    """

    def __init__(
        self,
        replies: Iterable[str | Reply] = (),
        *,
        sure: float | Callable[[Call], float] | None = None,
        name: str = "fake",
        token_probabilities: bool = True,
    ) -> None:
        self.name = name
        self.token_probabilities = token_probabilities
        self.calls: list[Call] = []
        self.connect_error: Exception | None = None
        self._replies = iter(replies)
        self._sure = sure

    def say(self, replies: Iterable[str | Reply]) -> None:
        """What it says from now on."""
        self._replies = iter(replies)

    def connect(self) -> BaseChatModel:
        """A chat model that takes its replies from this queue."""
        if self.connect_error is not None:
            raise self.connect_error
        return _FakeChatModel(self)

    def limit(self, max_tokens: int) -> dict[str, Any]:
        """The longest reply, in OpenAI's words."""
        return {"max_tokens": max_tokens}

    def start_in_background(self) -> None:
        """Nothing to load."""

    def close(self) -> None:
        """Nothing to free."""

    def take(self, call: Call) -> Reply:
        """Remember a call and find its reply."""
        self.calls.append(call)
        if self._sure is not None and call.is_verdict:
            return yes(self._sure(call) if callable(self._sure) else self._sure)
        reply = next(self._replies, None)
        if reply is None:
            pytest.fail(f"no reply is left for {call.messages}")
        return Reply(reply) if isinstance(reply, str) else reply

    @property
    def drafts(self) -> list[Call]:
        """The calls that asked for more than a yes or no."""
        return [call for call in self.calls if not call.is_verdict]


def drafter_on(llm: Any) -> Drafter:
    """A drafter with the released prompts."""
    return Drafter(
        llm,
        answer=load_prompt("answer/v1"),
        quote=load_prompt("quote/v1"),
        condense=load_prompt("condense/v1"),
        max_tokens=77,
    )


def judge_on(llm: Any) -> Judge:
    """A judge with the released prompt."""
    return Judge(llm, load_prompt("judge/v1"), max_tokens=_VERDICT_TOKENS)


class _FakeChatModel(BaseChatModel):
    _llm: FakeLLM = PrivateAttr()

    def __init__(self, llm: FakeLLM) -> None:
        super().__init__()
        self._llm = llm

    @property
    def _llm_type(self) -> str:
        return "fake"

    def _stream(
        self, messages: list[BaseMessage], stop: Any = None, run_manager: Any = None, **options: Any
    ) -> Iterator[ChatGenerationChunk]:
        call = Call([(_ROLES[message.type], str(message.content)) for message in messages], options)
        reply = self._llm.take(call)
        pieces = reply.pieces
        if pieces is None:
            pieces = re.findall(r"\s*\S+|\s+", reply.text)
        try:
            for number, piece in enumerate(pieces):
                metadata = {}
                if options.get("logprobs") and reply.first is not None:
                    probabilities = {piece: 1.0} if number else reply.first
                    metadata["logprobs"] = {"content": [_token(piece, probabilities)]}
                yield _chunk(piece, response_metadata=metadata)
            if reply.error is not None:
                raise reply.error
            yield _chunk("", response_metadata={"finish_reason": reply.finish})
            if reply.tokens is not None:
                yield _chunk("", usage_metadata=_usage(*reply.tokens))
        finally:
            call.running = False

    def _generate(self, *arguments: Any, **options: Any) -> ChatResult:
        return generate_from_stream(self._stream(*arguments, **options))


def _chunk(text: str, **fields: Any) -> ChatGenerationChunk:
    return ChatGenerationChunk(message=AIMessageChunk(content=text, **fields))


def _token(said: str, probabilities: Mapping[str, float]) -> dict[str, Any]:
    """A token with its probabilities as OpenAI's API reports them."""
    choices = [
        {"token": token, "logprob": math.log(probability) if probability else -9999.0}
        for token, probability in probabilities.items()
    ]
    return {"token": said, "logprob": -0.1, "top_logprobs": choices}


def _usage(prompt: int, cached: int, completion: int) -> UsageMetadata:
    return UsageMetadata(
        input_tokens=prompt,
        output_tokens=completion,
        total_tokens=prompt + completion,
        input_token_details=InputTokenDetails(cache_read=cached),
    )


@dataclass
class Article:
    """A document of whole sentences, one space apart.

    Attributes:
        sentences: its sentences.
        id: its id.
        title: its title.
    """

    sentences: Sequence[str]
    id: str = "article"
    title: str = "An article"
    text: str = field(init=False)

    def __post_init__(self) -> None:
        self.text = " ".join(self.sentences)

    def evidence(self, first_number: int = 1) -> list[Evidence]:
        """All its sentences as evidence, numbered as they stand."""
        offered: list[Evidence] = []
        start = 0
        for place, sentence in enumerate(self.sentences):
            end = start + len(sentence)
            offered.append(
                Evidence(
                    number=first_number + place,
                    sentence_id=f"{self.id}:{start}-{end}",
                    document_id=self.id,
                    title=self.title,
                    uri=f"{self.id}.md",
                    start=start,
                    end=end,
                    sentence=place + 1,
                    text=sentence,
                    score=1 / (first_number + place),
                    before=tuple(self.sentences[max(0, place - 2) : place]),
                )
            )
            start = end + 1
        return offered
