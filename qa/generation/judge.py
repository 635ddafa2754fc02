"""The language model as a judge of one claim: yes or no, by token probability.

It reads the proof alone: asked behind all the evidence it told answerable from unanswerable
questions less well (docs/decisions/0002-drafting-and-proof.md has the numbers and their limits).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from qa.generation.llm import LLM, stream_chat
from qa.generation.prompt import Prompt

_SURE = 0.95
"""Taken for a plain yes of a provider that gives no token probabilities; 1 - it for a no."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """Probabilities in [0, 1] that the model says yes.

    Attributes:
        answers: the claim is the right answer to the question according to the proof.
        stated: the proof says everything in the claim.
    """

    answers: float
    stated: float


class Judge:
    """Asks the language model about one claim and its proof.

    Args:
        llm: where the chat model comes from.
        answer: the prompt that asks whether the claim answers.
        statement: the prompt that asks whether the claim is stated; it begins like ``answer``,
            so that the model's server has the text in its cache.
    """

    def __init__(self, llm: LLM, *, answer: Prompt, statement: Prompt) -> None:
        self._llm = llm
        self._answer = answer
        self._statement = statement

    def judge(self, claim: str, question: str, text: str) -> Judgement:
        """Judge ``claim`` as an answer to ``question`` by ``text``.

        Raises:
            LLMError: the model cannot be started or reached, or broke off.
        """
        return Judgement(
            answers=self._ask(self._answer, text=text, question=question, claim=claim),
            stated=self._ask(self._statement, text=text, claim=claim),
        )

    def _ask(self, prompt: Prompt, **values: str) -> float:
        messages = prompt.messages(**values)
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
