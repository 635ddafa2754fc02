"""Any cross-encoder that sentence-transformers can load, in place of the shipped one."""

import threading
from collections.abc import Sequence
from typing import Any

from qa.errors import SettingsError, first_line
from qa.grounding.cross_encoder import Reading
from qa.schema import Passage

_SETTING = "FOOTNOTED_GROUNDING__CROSS_ENCODER"
_ANOTHER = f"Name a reranker in {_SETTING}, or unset it for the shipped cross-encoder."
_ENTAILMENT = "entailment"
_TITLE, _BEFORE = 60, 160
"""Longest context, in characters: a model cuts what is too long for it at the sentence's end."""


class Reranker:
    """Reads a question together with a sentence.

    A model with one output rates the pair by it. One with several is taken for an NLI model, which
    reads the sentence as premise and the question as hypothesis. Neither tells where in the
    sentence the answer stands.

    Args:
        model: a folder or a hub name.

    Raises:
        SettingsError: it cannot be loaded, or does not rate pairs.
    """

    def __init__(self, model: str) -> None:
        try:
            import torch
            from sentence_transformers import CrossEncoder

            self._model = CrossEncoder(model, device="cpu")
        except ImportError as error:
            raise SettingsError(
                f"the cross-encoder {model!r} lacks a package: {first_line(error)}",
                help=f"Install that package, or unset {_SETTING}.",
            ) from error
        except (OSError, ValueError) as error:
            raise SettingsError(
                f"cannot load the cross-encoder {model!r}: {first_line(error)}",
                help=f"Check {_SETTING}; a hub name needs the network once.",
            ) from error
        if not _is_trained(self._model):
            raise SettingsError(f"{model!r} was not trained to rate pairs", help=_ANOTHER)
        self.name = model
        self._lock = threading.Lock()  # its tokenizer serves one thread at a time
        self._entailment: int | None = None
        self._activation: torch.nn.Module = torch.nn.Sigmoid()
        if self._model.num_labels > 1:
            self._entailment = _find_entailment(model, self._model)
            self._activation = torch.nn.Softmax(dim=-1)

    def read(self, question: str, passages: Sequence[Passage]) -> list[Reading]:
        """Rate passages as answers to ``question``; the likeliest answer is the whole text."""
        rated = zip(self.answers(question, passages), passages, strict=True)
        return [Reading(answers, 0, len(item.text)) for answers, item in rated]

    def answers(self, question: str, passages: Sequence[Passage]) -> list[float]:
        """Probability in [0, 1] that a passage answers ``question``, for each of them."""
        if not passages:
            return []
        texts = [_in_context(item) for item in passages]
        if self._entailment is None:
            rated = self._rate([(question, text) for text in texts])
        else:
            rated = self._rate([(text, question) for text in texts])[:, self._entailment]
        return [float(probability) for probability in rated]

    def supports(self, claim: str, passages: Sequence[Passage]) -> list[float]:
        """Probability in [0, 1] that a passage proves ``claim``; 0 if the model is none for NLI."""
        if self._entailment is None or not passages:
            return [0.0] * len(passages)
        rated = self._rate([(_in_context(item), claim) for item in passages])
        return [float(probability) for probability in rated[:, self._entailment]]

    def _rate(self, pairs: list[tuple[str, str]]) -> Any:
        # Unless told, it does what the model was saved with: many rerankers give bare logits.
        with self._lock:
            return self._model.predict(
                pairs, activation_fn=self._activation, show_progress_bar=False
            )


def _in_context(passage: Passage) -> str:
    """The passage after its title and the sentence before it."""
    parts = (passage.title[:_TITLE], passage.before[-_BEFORE:], passage.text)
    return "\n".join(part for part in parts if part)


def _is_trained(model: Any) -> bool:
    """Whether its rating was learned; an embedder is loaded too, and given a random one."""
    names = model.config.architectures or []
    own = any(name.endswith("ForSequenceClassification") for name in names)
    return own or len(list(model.children())) > 1  # more than the encoder: a module that rates


def _find_entailment(name: str, model: Any) -> int:
    labels = [label.lower() for _, label in sorted(model.config.id2label.items())]
    if _ENTAILMENT not in labels:
        raise SettingsError(
            f"none of the {len(labels)} labels of the cross-encoder {name!r} is {_ENTAILMENT!r}",
            help=_ANOTHER,
        )
    return labels.index(_ENTAILMENT)
