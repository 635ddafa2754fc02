"""The language model as a judge: yes or no, by token probability.

It reads a proof alone, and is asked two things: whether that answers the question, and whether the
claim is the right answer by it. Both begin alike, so that the second costs a few tokens. What else
it could be asked brings nothing beside these (docs/decisions/0006-cross-encoder.md).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from qa.generation.llm import LLM, stream_chat
from qa.generation.prompt import Message, Prompt, typographic

_SURE = 0.95
"""Taken for a plain yes of a provider that gives no token probabilities; 1 - it for a no."""


@dataclass(frozen=True, slots=True)
class JudgePrompts:
    """What a judge asks.

    Attributes:
        question: does the proof answer the question?
        answer: is the claim the right answer according to the proof?
    """

    question: Prompt
    answer: Prompt


class Judge:
    """Asks the language model about one proof and its claim.

    Args:
        llm: where the chat model comes from.
        prompts: what it is asked.
    """

    def __init__(self, llm: LLM, prompts: JudgePrompts) -> None:
        self._llm = llm
        self._prompts = prompts

    def answers(self, question: str, text: str) -> float:
        """Probability in [0, 1] of a yes: ``text`` answers ``question``.

        Raises:
            LLMError: the model cannot be started or reached, or broke off.
        """
        return self._ask(
            self._prompts.question.messages(text=typographic(text), question=typographic(question))
        )

    def right(self, claim: str, question: str, text: str) -> float:
        """Probability in [0, 1] of a yes: by ``text``, ``claim`` is the right answer.

        Raises:
            LLMError: the model cannot be started or reached, or broke off.
        """
        return self._ask(
            self._prompts.answer.messages(
                text=typographic(text), question=typographic(question), claim=typographic(claim)
            )
        )

    def _ask(self, messages: list[Message]) -> float:
        if self._llm.token_probabilities:
            chunks = stream_chat(self._llm, messages, max_tokens=1, logprobs=True, top_logprobs=20)
            return _probability_of_yes([chunk.response_metadata for chunk in chunks])
        reply = "".join(chunk.text for chunk in stream_chat(self._llm, messages, max_tokens=8))
        return _SURE if reply.strip().casefold().startswith("yes") else 1 - _SURE


def _probability_of_yes(metadata: Sequence[dict[str, Any]]) -> float:
    """P(yes) / (P(yes) + P(no)) at the first token; 0.5 if it is neither."""
    mass = {"yes": 0.0, "no": 0.0}
    tokens = [
        token
        for reported in metadata
        for token in (reported.get("logprobs") or {}).get("content") or []
    ]
    for choice in tokens[0]["top_logprobs"] if tokens else []:
        word = choice["token"].strip().casefold()
        if word in mass:
            mass[word] += math.exp(choice["logprob"])
    total = mass["yes"] + mass["no"]
    return mass["yes"] / total if total > 0 else 0.5
