"""The language model's part: a draft from numbered sentences, and nothing that is believed.

What the embedded LLM is known to do wrong shapes this: it is never asked to refuse (it refuses
what stands before it, or nothing), never to cite (a third of its numbers are wrong), and never
shown a straight double quote (it ends its own text at one). Refusing and citing are the checks'
part.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from qa.errors import LLMFailedError
from qa.generation.llm import LLM, stream_chat
from qa.generation.prompt import Prompt, show_sentences, typographic
from qa.schema import Evidence, Turn, Usage
from qa.sentences import split_sentences
from qa.tracing import span
from qa.words import plain, without_marks

_LIST_MARK = re.compile(r"[-*•]+ |\d{1,2}[.)] ")
_ASKS_FOR_WORDS = re.compile(
    r"\b(?:what|how|which words)\b.*\b(?:say|said|ask|asked|tell|told|call|called|describe|"
    r"described|words|reply|replied|respond|responded|comment|commented|quote|quoted|claim|claimed)\b",
    re.IGNORECASE,
)
"""Asked what somebody said, the embedded LLM reports that he said something."""

_REASONS = ("finish_reason", "stop_reason", "done_reason")
"""What providers call why a reply ended: OpenAI and Google, Anthropic, Ollama."""
_LIMITS = ("length", "max_tokens", "MAX_TOKENS")
"""What they call it that the reply would have been longer than it may be."""

_CONDENSED_TOKENS = 64
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

    def ended_claims(self) -> list[str]:
        """Those of them that stay as they are, however the draft goes on.

        What a full stop ends is known by the word behind it, which may not be whole yet.
        """
        claims = split_claims(self.text)
        return claims[:-1] if claims and " " in claims[-1] else claims[:-2]


@dataclass(frozen=True, slots=True)
class Rewriting:
    """A follow-up as the model rewrote it.

    Attributes:
        text: its reply, unchecked.
        prompt: the label of the prompt.
        usage: tokens.
    """

    text: str
    prompt: str
    usage: Usage


class Drafter:
    """Asks the language model for a draft.

    Args:
        llm: where the chat model comes from.
        answer: the prompt for answering.
        quote: the prompt for copying the words that answer, where a question asks for words.
        condense: the prompt for rewriting a follow-up.
        max_tokens: longest draft.
    """

    def __init__(
        self,
        llm: LLM,
        *,
        answer: Prompt,
        quote: Prompt,
        condense: Prompt,
        max_tokens: int,
    ) -> None:
        self.llm = llm
        self._answer = answer
        self._quote = quote
        self._condense = condense
        self._max_tokens = max_tokens

    @property
    def prompts(self) -> list[str]:
        """The labels of all prompts that it may use."""
        return [prompt.label for prompt in (self._answer, self._quote, self._condense)]

    def prompt_for(self, question: str) -> Prompt:
        """What an answer to ``question`` is drafted by."""
        return self._quote if _ASKS_FOR_WORDS.search(question) else self._answer

    def stream(self, question: str, evidence: Sequence[Evidence], draft: Draft) -> Iterator[str]:
        """Yield the draft piece by piece and gather it in ``draft``.

        Raises:
            LLMError: the model cannot be started or reached, broke off, or came to the length limit
                before it wrote a word. One that ends without a word has nothing to say.
        """
        messages = self.prompt_for(question).messages(
            sentences=show_sentences(evidence), question=typographic(question)
        )
        with span("draft"):
            for chunk in stream_chat(self.llm, messages, max_tokens=self._max_tokens):
                if chunk.usage_metadata is not None:
                    draft.usage += _usage(chunk.usage_metadata)
                if any(chunk.response_metadata.get(name) in _LIMITS for name in _REASONS):
                    draft.cut = True
                if chunk.text:
                    text = _whole(chunk.text)
                    draft.text += text
                    yield text
        if draft.cut and not draft.text.strip():
            raise LLMFailedError(
                f"the language model {self.llm.name!r} came to the limit of {self._max_tokens} "
                "tokens before it wrote a word",
                help="Raise FOOTNOTED_LLM__MAX_TOKENS, for a model that thinks before it writes, "
                "or take another by FOOTNOTED_LLM__MODEL.",
            )

    @span("condense")
    def condense(self, question: str, history: Sequence[Turn]) -> "Rewriting":
        """Rewrite a follow-up so that it stands alone.

        Raises:
            LLMError: the model cannot be started or reached, or broke off.
        """
        messages = self._condense.messages(
            conversation="\n".join(
                f"{turn.role.capitalize()}: {typographic(without_marks(turn.content))}"
                for turn in history[-_CONVERSATION_TURNS:]
            ),
            question=typographic(question),
        )
        chunks = list(stream_chat(self.llm, messages, max_tokens=_CONDENSED_TOKENS))
        reply = _whole("".join(chunk.text for chunk in chunks)).strip()
        usage = sum((_usage(it.usage_metadata) for it in chunks if it.usage_metadata), Usage())
        return Rewriting(
            reply.splitlines()[0].strip() if reply else "", self._condense.label, usage
        )


def split_claims(text: str, *, cut: bool = False) -> list[str]:
    """The sentences of a draft, footnote marks removed.

    Args:
        text: the draft.
        cut: drop an unfinished last sentence, unless it is all there is.
    """
    claims: list[str] = []
    for line in text.splitlines():
        unmarked = without_marks(" ".join(line.split()))
        listed = _LIST_MARK.match(unmarked)
        said = unmarked[listed.end() :] if listed else unmarked
        claims += [said[it.start : it.end] for it in split_sentences(said)]
    claims = [plain(claim).strip(" -*•\t") for claim in claims]
    claims = [claim for claim in claims if any(sign.isalnum() for sign in claim)]
    if cut and len(claims) > 1 and not claims[-1].rstrip("”’\"')").endswith((".", "!", "?")):
        claims.pop()
    return claims


def _whole(text: str) -> str:
    """``text`` without halves of surrogate pairs, which cannot be sent on as JSON."""
    return text.encode("utf-8", "replace").decode()


def _usage(reported: Any) -> Usage:
    details = reported.get("input_token_details") or {}
    return Usage(
        prompt_tokens=reported.get("input_tokens", 0),
        cached_tokens=details.get("cache_read", 0) or 0,
        completion_tokens=reported.get("output_tokens", 0),
    )
