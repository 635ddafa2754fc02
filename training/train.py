"""Train the cross-encoder: ``python -m training.train --data DIR --encoder DIR --out DIR``.

Resumes after ``OUT/checkpoint.pt`` if there is one; it has to be of a run with the same arguments.
What is finished leaves none behind.
"""

import argparse
import json
import random
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from qa.grounding.pairs import Pairs
from training.data import (
    ANSWERS,
    Example,
    answers_examples,
    batches,
    collate,
    describe,
    read,
    supports_examples,
)
from training.network import CrossEncoder, load_exported
from training.scores import score_answers, score_supports

_SEED = 20
_BATCH = 32
_WARM_UP = 0.06
_SPAN_WEIGHT = 0.3


def main() -> None:
    """Train, and print the scores on the dev files at every checkpoint."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="the training material")
    parser.add_argument("--encoder", type=Path, required=True, help="MiniLM's folder")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--start", type=Path, help="a model.onnx to go on from, not the encoder")
    parser.add_argument("--frozen", type=int, default=2, help="lower layers kept as they are")
    parser.add_argument("--passes", type=int, default=1)
    parser.add_argument("--rate", type=float, default=1e-4)
    parser.add_argument("--steps", type=int, help="stop the schedule here, for a trial")
    parser.add_argument("--checkpoint-steps", type=int, default=200)
    chosen = parser.parse_args()
    chosen.out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(_SEED)
    rng = random.Random(_SEED)
    pairs = Pairs(chosen.encoder / "tokenizer.json")
    answers, supports = (read(chosen.data / f"{name}.jsonl.gz") for name in ("answers", "supports"))
    plan: list[list[Example]] = []
    for _ in range(chosen.passes):
        examples = [
            *answers_examples(answers, pairs, rng),
            *supports_examples(supports, pairs, rng),
        ]
        print(describe(examples), flush=True)
        plan += batches(examples, _BATCH, rng)
    plan = plan[: chosen.steps]
    network = CrossEncoder(str(chosen.encoder), chosen.frozen)
    if chosen.start is not None:
        load_exported(network, chosen.start)
    heads = [
        p for part in (network.answers, network.supports, network.span) for p in part.parameters()
    ]
    body = [p for p in network.encoder.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(
        [{"params": body, "lr": chosen.rate}, {"params": heads, "lr": 5 * chosen.rate}],
        weight_decay=0.01,
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: _rate(step / max(1, len(plan)))
    )
    arguments = {
        name: str(value.resolve() if isinstance(value, Path) else value)
        for name, value in vars(chosen).items()
        if name not in ("out", "checkpoint_steps")
    }
    run = _Run(network, optimizer, schedule, chosen.out, chosen.checkpoint_steps, arguments)
    run.resume()
    run.train(plan)
    dev = [read(chosen.data / f"{name}_dev.jsonl.gz") for name in ("answers", "supports")]
    scores = {**score_answers(network, pairs, dev[0]), **score_supports(network, pairs, dev[1])}
    print(json.dumps(scores, indent=1), flush=True)
    torch.save(network.state_dict(), chosen.out / "weights.pt")
    run.checkpoint.unlink(missing_ok=True)


def _rate(done: float) -> float:
    return min(done / _WARM_UP, (1 - done) / (1 - _WARM_UP))


def batch_loss(network: CrossEncoder, batch: list[Example]) -> torch.Tensor:
    """Cross entropy of the labels, and of the spans where they are known."""
    answers, supports, span = network(**collate(batch))
    tasks = torch.tensor([example.task for example in batch])
    labels = torch.tensor([float(example.label) for example in batch])
    logits = torch.where(tasks == ANSWERS, answers, supports)
    loss = binary_cross_entropy_with_logits(logits, labels)
    spans = [(row, *example.span) for row, example in enumerate(batch) if example.span is not None]
    if spans:
        rows, first, last = torch.tensor(spans).T
        weight = _SPAN_WEIGHT * len(spans) / len(batch)
        loss = loss + weight * (
            cross_entropy(span[rows, :, 0], first) + cross_entropy(span[rows, :, 1], last)
        )
    return loss


@dataclass(slots=True)
class _Run:
    """A training run that can be stopped and resumed."""

    network: CrossEncoder
    optimizer: torch.optim.Optimizer
    schedule: torch.optim.lr_scheduler.LambdaLR
    out: Path
    checkpoint_steps: int
    arguments: dict[str, str]
    step: int = 0

    @property
    def checkpoint(self) -> Path:
        return self.out / "checkpoint.pt"

    def train(self, plan: list[list[Example]]) -> None:
        self.network.train()
        begun, started, mean = self.step, time.monotonic(), 0.0
        weights = [p for group in self.optimizer.param_groups for p in group["params"]]
        for self.step in range(begun + 1, len(plan) + 1):
            loss = batch_loss(self.network, plan[self.step - 1])
            self.optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(weights, 1.0)
            self.optimizer.step()
            self.schedule.step()
            mean = loss.item() if mean == 0 else 0.98 * mean + 0.02 * loss.item()
            if self.step % 20 == 0:
                speed = (self.step - begun) / (time.monotonic() - started)
                left = (len(plan) - self.step) / speed / 60
                print(
                    f"step {self.step}/{len(plan)} loss {mean:.3f}, {left:.0f} min left", flush=True
                )
            if self.step % self.checkpoint_steps == 0:
                self.save()

    def save(self) -> None:
        new = self.out / "checkpoint.new"
        state = {name: part.state_dict() for name, part in self._parts().items()}
        torch.save({"step": self.step, "arguments": self.arguments} | state, new)
        new.replace(self.checkpoint)

    def resume(self) -> None:
        if self.checkpoint.exists():
            saved = torch.load(self.checkpoint)
            if saved["arguments"] != self.arguments:
                sys.exit(
                    f"{self.checkpoint} is of a run with other arguments: {saved['arguments']}. "
                    "Give the same ones, or delete it."
                )
            for name, part in self._parts().items():
                part.load_state_dict(saved[name])
            self.step = saved["step"]
            print(f"resumed after step {self.step}", flush=True)

    def _parts(self) -> dict[str, Any]:
        return {"network": self.network, "optimizer": self.optimizer, "schedule": self.schedule}


if __name__ == "__main__":
    main()
