"""The language model's part: a draft from numbered sentences, and nothing that is believed.

What the embedded LLM is known to do wrong shapes this: it is never asked to refuse (it refuses
what stands before it, or nothing), never to cite (a third of its numbers are wrong), and never
shown a straight double quote (it ends its own text at one). Refusing and citing are the checks'
part.
"""

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from qa.errors import FootnotedError, LLMFailedError
from qa.generation.llm import LLM
from qa.generation.prompt import Message, Prompt
from qa.schema import Evidence, Turn, Usage

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

_STRAIGHT_QUOTES = re.compile(r'"([^"]*)"')
_MARKS = re.compile(r"\s*\[\d{1,3}(?:\s*[,–-]\s*\d{1,3}){0,8}\]")
_CLAIM_END = re.compile(r"(?<=[.!?。！？])[”’\"')]*\s+(?=[“‘\"(]?[A-Z0-9À-Þ])|\s*\n+\s*")
_ABBREVIATION = re.compile(
    r"(?:\b(?:Mr|Mrs|Ms|Dr|Prof|Sr|Jr|St|No|vs|Gen|Sen|Rep|Gov|Inc|Ltd|Co|[A-Z])\.)\Z"
)
_CONVERSATION_TURNS = 4
"""Earlier messages shown when a follow-up is rewritten; older ones cost time and mislead."""


@dataclass(slots=True)
class Draft:
    """A draft while it grows.

    Attributes:
        text: all that has come so far.
        cut: whether the model ran into the length limit.
        usage: tokens, once the model has reported them.
    """

    text: str = ""
    cut: bool = False
    usage: Usage = Usage()

    def claims(self) -> list[str]:
        """The draft's sentences, without the footnote marks the model may have written."""
        return split_claims(self.text, cut=self.cut)


class Drafter:
    """Asks the language model for a draft.

    Args:
        llm: where the chat model comes from.
        answer: the prompt for answering.
        quote: the prompt for copying the words that answer; it begins like ``answer``, so that
            the model's server has most of it in its cache.
        verify: the question put after a draft: do the sentences state the answer?
        condense: the prompt for rewriting a follow-up.
        max_tokens: longest draft.
    """

    def __init__(
        self,
        llm: LLM,
        *,
        answer: Prompt,
        quote: Prompt,
        verify: Prompt,
        condense: Prompt,
        max_tokens: int,
    ) -> None:
        self.llm = llm
        self.prompt = answer
        self._quote = quote
        self._verify = verify
        self._condense = condense
        self._max_tokens = max_tokens

    def stream(self, question: str, evidence: Sequence[Evidence], draft: Draft) -> Iterator[str]:
        """Yield the draft piece by piece and gather it in ``draft``.

        Raises:
            LLMError: the model cannot be started or reached, or broke off.
        """
        messages = _messages(self.prompt, question, evidence)
        for chunk in self._call(messages, self._max_tokens):
            text = chunk.text
            if chunk.usage_metadata is not None:
                draft.usage = _usage(chunk.usage_metadata)
            if chunk.response_metadata.get("finish_reason") == "length":
                draft.cut = True
            if text:
                draft.text += text
                yield text

    def quote(self, question: str, evidence: Sequence[Evidence]) -> str:
        """The words of the evidence that answer, as the model copies them, unchecked.

        Raises:
            LLMError: the model cannot be started or reached, or broke off.
        """
        messages = _messages(self._quote, question, evidence)
        reply = "".join(chunk.text for chunk in self._call(messages, self._max_tokens))
        claims = split_claims(reply)
        return claims[0] if claims else ""

    def verify(self, question: str, evidence: Sequence[Evidence], draft: str) -> float | None:
        """Probability that the model says yes: the sentences state the answer.

        It is asked behind the prefix that the draft has just read, so it costs a few tokens.
        ``None`` where the provider gives no token probabilities.

        Raises:
            LLMError: the model cannot be started or reached, or broke off.
        """
        messages = [
            *_messages(self.prompt, question, evidence),
            ("assistant", draft),
            *self._verify.messages(),
        ]
        chunks = list(self._call(messages, 1, logprobs=True, top_logprobs=20))
        return _probability_of_yes([chunk.response_metadata for chunk in chunks])

    def condense(self, question: str, history: Sequence[Turn]) -> str:
        """Rewrite a follow-up so that it stands alone; the model's reply, unchecked.

        Raises:
            LLMError: the model cannot be started or reached, or broke off.
        """
        messages = self._condense.messages(
            conversation="\n".join(
                f"{turn.role.capitalize()}: {_shown(_MARKS.sub('', turn.content))}"
                for turn in history[-_CONVERSATION_TURNS:]
            ),
            question=_shown(question),
        )
        reply = "".join(chunk.text for chunk in self._call(messages, 64)).strip()
        return reply.splitlines()[0].strip() if reply else ""

    def _call(self, messages: list[Message], max_tokens: int, **options: Any) -> Iterator[Any]:
        model: BaseChatModel = self.llm.connect()
        try:
            yield from model.stream(messages, max_tokens=max_tokens, **options)
        except FootnotedError:
            raise
        except Exception as error:  # every provider has its own exceptions
            raise LLMFailedError(
                f"the language model {self.llm.name!r} failed: {_describe(error)}"
            ) from error


def _messages(prompt: Prompt, question: str, evidence: Sequence[Evidence]) -> list[Message]:
    ordered = enumerate(_reading_order(evidence), start=1)
    return prompt.messages(
        sentences="\n".join(f"[{number}] {_shown(item.text)}" for number, item in ordered),
        question=_shown(question),
    )


def split_claims(text: str, *, cut: bool = False) -> list[str]:
    """The sentences of a draft, footnote marks removed.

    Args:
        text: the draft.
        cut: drop an unfinished last sentence, unless it is all there is.
    """
    plain = _MARKS.sub("", text).strip()
    claims: list[str] = []
    start = 0
    for match in _CLAIM_END.finditer(plain):
        piece = plain[start : match.start()] + match.group().rstrip()
        if "\n" not in match.group() and _ABBREVIATION.search(piece):
            continue
        claims.append(piece)
        start = match.end()
    claims.append(plain[start:])
    claims = [claim.strip(" -*•\t") for claim in claims]
    claims = [claim for claim in claims if any(sign.isalnum() for sign in claim)]
    if cut and len(claims) > 1 and not claims[-1].rstrip("”’\"')").endswith((".", "!", "?")):
        claims.pop()
    return claims


def _reading_order(evidence: Sequence[Evidence]) -> list[Evidence]:
    """Documents by their best sentence, sentences as they stand in their document.

    Read in order, "He" finds whom it means; ranked order made the embedded LLM name the subject
    for the agent more often.
    """
    best = {item.document_id: item.number for item in reversed(evidence)}
    return sorted(evidence, key=lambda item: (best[item.document_id], item.start))


def _shown(text: str) -> str:
    """One line, with typographic quotes."""
    return _STRAIGHT_QUOTES.sub(r"“\1”", " ".join(text.split())).replace('"', "”")


def _probability_of_yes(metadata: Sequence[dict[str, Any]]) -> float | None:
    for reported in metadata:
        tokens = (reported.get("logprobs") or {}).get("content") or []
        if tokens:
            mass = {"yes": 0.0, "no": 0.0}
            for choice in tokens[0]["top_logprobs"]:
                word = choice["token"].strip().casefold()
                if word in mass:
                    mass[word] += math.exp(choice["logprob"])
            total = mass["yes"] + mass["no"]
            return mass["yes"] / total if total > 0 else None
    return None


def _usage(reported: Any) -> Usage:
    details = reported.get("input_token_details") or {}
    return Usage(
        prompt_tokens=reported.get("input_tokens", 0),
        cached_tokens=details.get("cache_read", 0) or 0,
        completion_tokens=reported.get("output_tokens", 0),
    )


def _describe(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else 'no message'}"
