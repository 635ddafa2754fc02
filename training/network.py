"""The cross-encoder: MiniLM's six layers and three heads."""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import nn
from transformers import BertModel


class CrossEncoder(nn.Module):
    """Scores pairs.

    Args:
        folder: a MiniLM encoder on disk.
        frozen: how many of the lower layers, and the embeddings below them, keep their weights.
    """

    def __init__(self, folder: str, frozen: int = 0) -> None:
        super().__init__()
        self.encoder = BertModel.from_pretrained(folder, add_pooling_layer=False)
        width = self.encoder.config.hidden_size
        self.answers = nn.Linear(2 * width, 1)
        self.supports = nn.Linear(2 * width, 1)
        self.span = nn.Linear(width, 2)
        below = [self.encoder.embeddings, *self.encoder.encoder.layer[:frozen]]
        for part in below if frozen else []:
            part.requires_grad_(False)

    def forward(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor, token_type_ids: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Logits.

        Returns:
            ``answers`` (batch,), ``supports`` (batch,), ``span`` (batch, length, 2): first and
            last word piece of the answer, very low outside of the second text.
        """
        states = self.encoder(
            input_ids=input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids
        ).last_hidden_state
        weights = token_type_ids.unsqueeze(-1).to(states.dtype)
        mean = (states * weights).sum(1) / weights.sum(1).clamp(min=1)
        joined = torch.cat([states[:, 0], mean], dim=-1)
        span = self.span(states) + (1 - weights) * -1e4
        return self.answers(joined).squeeze(-1), self.supports(joined).squeeze(-1), span


def load_exported(network: CrossEncoder, file: Path) -> None:
    """Give ``network`` the weights of a ``model.onnx`` that ``training.export`` wrote.

    They were rounded to 8 bits there, so it answers almost as the network that was exported did.
    """
    parts = {it.name: numpy_helper.to_array(it) for it in onnx.load(file).graph.initializer}
    rounded = [name.removesuffix("_quantized") for name in parts if name.endswith("_quantized")]
    weights = parts | {name: _unrounded(parts, name) for name in rounded}
    # The exporter numbers the weights that it transposed, in the order in which they are used.
    unnamed = sorted((name for name in rounded if "::" in name), key=_number)
    weights |= {
        name: weights[source] for name, source in zip(_transposed(network), unnamed, strict=True)
    }
    expected = network.state_dict()
    transposed = {*_transposed(network), "answers.weight", "supports.weight"}
    network.load_state_dict(
        {
            name: torch.tensor(weights[name].T if name in transposed else weights[name])
            for name in expected
        }
    )


def _unrounded(parts: dict[str, np.ndarray], name: str) -> np.ndarray:
    offset = parts[f"{name}_quantized"].astype(np.float32) - parts[f"{name}_zero_point"]
    weights: np.ndarray = offset * parts[f"{name}_scale"]
    return weights


def _number(name: str) -> int:
    return int(re.findall(r"\d+", name)[-1])


def _transposed(network: CrossEncoder) -> Iterator[str]:
    for layer in range(len(network.encoder.encoder.layer)):
        for part in (
            "attention.self.query",
            "attention.self.key",
            "attention.self.value",
            "attention.output.dense",
            "intermediate.dense",
            "output.dense",
        ):
            yield f"encoder.encoder.layer.{layer}.{part}.weight"
    yield "span.weight"
