"""Export the trained cross-encoder: ``python -m training.export --trained DIR --encoder DIR``.

Writes ``model.onnx`` with 8-bit weights and ``tokenizer.json`` into ``--out`` and prints the
SHA-256 and how far the logits moved.
"""

import argparse
import hashlib
import shutil
import tempfile
import warnings
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from onnxruntime.transformers.optimizer import optimize_model

from qa.grounding.pairs import Pairs
from training.data import collate, read, supports_example
from training.network import CrossEncoder

_PROBES = 256


def main() -> None:
    """Export, quantize, compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trained", type=Path, required=True, help="holds weights.pt")
    parser.add_argument("--encoder", type=Path, required=True, help="MiniLM's folder")
    parser.add_argument("--data", type=Path, required=True, help="the training material")
    parser.add_argument("--out", type=Path, required=True)
    chosen = parser.parse_args()
    chosen.out.mkdir(parents=True, exist_ok=True)
    network = CrossEncoder(str(chosen.encoder))
    network.load_state_dict(torch.load(chosen.trained / "weights.pt"))
    network.eval()
    # The optimizer knows the attention of old, not the one that is faster in torch.
    network.encoder.set_attn_implementation("eager")
    shutil.copyfile(chosen.encoder / "tokenizer.json", chosen.out / "tokenizer.json")
    pairs = Pairs(chosen.encoder / "tokenizer.json")
    rows = read(chosen.data / "supports_dev.jsonl.gz")[:_PROBES]
    feed = collate([supports_example(row, pairs) for row in rows])
    with tempfile.TemporaryDirectory() as scratch:
        exact, fused = Path(scratch, "exact.onnx"), Path(scratch, "fused.onnx")
        _export(network, {name: part[:2] for name, part in feed.items()}, exact)
        optimize_model(
            str(exact),
            model_type="bert",
            num_heads=network.encoder.config.num_attention_heads,
            hidden_size=network.encoder.config.hidden_size,
        ).save_model_to_file(str(fused))
        quantize_dynamic(
            str(fused),
            str(chosen.out / "model.onnx"),
            weight_type=QuantType.QInt8,  # unsigned ones take half as long again on AVX2
            per_channel=True,
            reduce_range=True,  # AVX2 without VNNI overflows otherwise
            # It cannot tell what the fused nodes give.
            extra_options={"DefaultTensorType": onnx.TensorProto.FLOAT},
        )
    written = (chosen.out / "model.onnx").read_bytes()
    with torch.inference_mode():
        expected = torch.stack(network(**feed)[:2]).numpy()
    session = onnxruntime.InferenceSession(written, providers=["CPUExecutionProvider"])
    found = np.stack(session.run(None, {name: part.numpy() for name, part in feed.items()})[:2])
    moved = np.abs(expected - found)
    print(f"{len(written):,} bytes, SHA-256 {hashlib.sha256(written).hexdigest()}")
    for name, row in zip(("answers", "supports"), moved, strict=True):
        print(f"{name}: logits moved by {row.mean():.3f} on average, {row.max():.3f} at most")


def _export(network: CrossEncoder, example: dict[str, torch.Tensor], target: Path) -> None:
    batch_and_length = {0: "batch", 1: "pieces"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network,
            tuple(example.values()),
            str(target),
            input_names=list(example),
            output_names=["answers", "supports", "span"],
            dynamic_axes=dict.fromkeys([*example, "span"], batch_and_length)
            | {"answers": {0: "batch"}, "supports": {0: "batch"}},
            opset_version=17,
            dynamo=False,
        )


if __name__ == "__main__":
    main()
