"""The cross-encoder: MiniLM's six layers and three heads."""

import torch
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
