"""The language model as a judge: does this text answer that question? Yes or no, by probability.

It reads a proof alone and is not shown the claim. What else it could be asked, of the claim or of
all the evidence, brings nothing beside this (docs/decisions/0018-confidence.md).
"""

import math
import re
from collections.abc import Sequence
from typing import Any

from qa.generation.llm import LLM, stream_chat
from qa.generation.prompt import Prompt, typographic
from qa.tracing import span

_SURE = 0.95
"""Taken for a plain yes of a provider that gives no token probabilities; 1 - it for a no."""

_VERDICT = re.compile(r"\b(?:yes|no|not)\b", re.IGNORECASE)
"""With "not" among them, for "not yes" is no yes."""


class Judge:
    """Asks the language model about one proof.

    Args:
        llm: where the chat model comes from.
        prompt: what it is asked.
        max_tokens: longest reply of a model that gives no token probabilities: thoughts and a word.
    """

    def __init__(self, llm: LLM, prompt: Prompt, *, max_tokens: int) -> None:
        self._llm = llm
        self.prompt = prompt
        self._max_tokens = max_tokens

    @span("judge")
    def answers(self, question: str, text: str, title: str) -> float:
        """Probability in [0, 1] of a yes: ``text`` answers ``question``.

        Args:
            question: the standalone question.
            text: the proof.
            title: of the document that it is of: what "the costs" are the costs of.

        Raises:
            LLMError: the model cannot be started or reached, or broke off.
        """
        messages = self.prompt.messages(
            title=typographic(title), text=typographic(text), question=typographic(question)
        )
        if self._llm.token_probabilities:
            chunks = stream_chat(self._llm, messages, max_tokens=1, logprobs=True, top_logprobs=20)
            return _probability_of_yes([chunk.response_metadata for chunk in chunks])
        reply = ""
        for chunk in stream_chat(self._llm, messages, max_tokens=self._max_tokens):
            reply += chunk.text
            found = _VERDICT.search(reply)
            if found is not None and found.end() < len(reply):
                break  # what it says besides is not waited for
        return _probability_of_word(reply)


def _probability_of_word(reply: str) -> float:
    """What the first word that is a verdict stands for; 0.5 if there is none."""
    found = _VERDICT.search(reply)
    if found is None:
        return 0.5
    return _SURE if found[0].casefold() == "yes" else 1 - _SURE


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
