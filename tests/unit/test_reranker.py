import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from fake_llm import FakeLLM
from fakes import ARTICLES, BagOfWords
from huggingface_hub import constants

from ingest.pipeline import Ingestor
from qa.assembly import Assembly
from qa.errors import SettingsError
from qa.grounding.cross_encoder import NAME, Reading
from qa.grounding.reranker import Reranker
from qa.odds import average
from qa.schema import Passage
from qa.settings import GroundingSettings, Settings

NLI = ("contradiction", "Entailment", "neutral")
QUESTION = "Who arranged the call?"
PASSAGES = [
    Passage("He declined.", title="The call", before="A friend arranged the call."),
    Passage("Karl von Frisch decoded the dance in 1927."),
    Passage("It gave no other details.", title="The call"),
]
READ = [
    "The call\nA friend arranged the call.\nHe declined.",
    "Karl von Frisch decoded the dance in 1927.",
    "The call\nIt gave no other details.",
]
Build = Callable[..., Path]


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch, no_network: list[Any]) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)


@pytest.fixture
def build(tmp_path: Path) -> Build:
    """Writes a cross-encoder of random weights, as ``save_pretrained`` does; returns its folder."""

    def written(*labels: str, headless: bool = False, **config: Any) -> Path:
        import torch
        from transformers import BertConfig, BertForSequenceClassification, BertModel, BertTokenizer

        signs = "abcdefghijklmnopqrstuvwxyz0123456789.,?"
        vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *signs]
        vocabulary += [f"##{sign}" for sign in signs]
        chosen = BertConfig(
            vocab_size=len(vocabulary),
            hidden_size=16,
            num_hidden_layers=1,
            num_attention_heads=2,
            intermediate_size=32,
            initializer_range=1.0,  # so that ratings differ
            id2label=dict(enumerate(labels)),
            **config,
        )
        torch.manual_seed(3)
        folder = tmp_path / "tiny"
        model = BertModel if headless else BertForSequenceClassification
        model(chosen).save_pretrained(folder)
        vocabulary_file = tmp_path / "vocab.txt"
        vocabulary_file.write_text("\n".join(vocabulary))
        BertTokenizer(str(vocabulary_file)).save_pretrained(folder)
        return folder

    return written


def logits(folder: Path, pairs: list[tuple[str, str]]) -> Any:
    """What transformers alone makes of each pair; shape (pairs, labels)."""
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    with torch.inference_mode():
        encoded = [tokenizer(*pair, return_tensors="pt") for pair in pairs]
        return torch.cat([model(**item).logits for item in encoded])


# What it sees


@pytest.mark.parametrize("saved", [{}, {"activation_fn": "torch.nn.modules.linear.Identity"}])
def test_one_output_is_a_logit_whatever_is_saved_with_it(
    build: Build, saved: dict[str, str]
) -> None:
    folder = build("LABEL_0", sentence_transformers=saved)
    expected = logits(folder, [(QUESTION, text) for text in READ]).sigmoid().squeeze(1).tolist()
    assert Reranker(str(folder)).answers(QUESTION, PASSAGES) == pytest.approx(expected, abs=1e-5)
    assert all(0 < probability < 1 for probability in expected)
    assert max(expected) - min(expected) > 0.05


def test_an_nli_model_reads_the_sentence_as_premise(build: Build) -> None:
    folder = build(*NLI)
    pairs = [(text, QUESTION) for text in READ]
    expected = logits(folder, pairs).softmax(dim=1)[:, 1].tolist()
    assert Reranker(str(folder)).answers(QUESTION, PASSAGES) == pytest.approx(expected, abs=1e-5)
    assert max(expected) - min(expected) > 0.05


def test_only_an_nli_model_tells_what_proves_a_claim(build: Build) -> None:
    passages = [Passage("It rained."), Passage("Ann met Bob.")]
    assert Reranker(build("LABEL_0")).supports("Ann met Bob.", passages) == [0, 0]
    model = Reranker(build(*NLI))
    assert model.supports("Ann met Bob.", passages) == model.answers("Ann met Bob.", passages)
    assert all(0 < value < 1 for value in model.supports("Ann met Bob.", passages))


def test_one_thread_at_a_time_uses_the_model(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two at once may break its tokenizer: "Already borrowed"."""
    reader = Reranker(str(build("LABEL_0")))
    expected = reader.answers(QUESTION, PASSAGES)
    inside, most = 0, 0
    predict = reader._model.predict

    def slowly(*args: Any, **options: Any) -> Any:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        time.sleep(0.01)
        rated = predict(*args, **options)
        inside -= 1
        return rated

    monkeypatch.setattr(reader._model, "predict", slowly)
    with ThreadPoolExecutor(8) as pool:
        rated = list(pool.map(lambda _: reader.answers(QUESTION, PASSAGES), range(16)))
    assert rated == [expected] * 16
    assert most == 1


def test_the_whole_passage_is_read_as_the_answer(build: Build) -> None:
    reader = Reranker(str(build("LABEL_0")))
    rated = reader.answers(QUESTION, PASSAGES)
    ends = [len(passage.text) for passage in PASSAGES]
    assert reader.read(QUESTION, PASSAGES) == [
        Reading(answers, 0, end) for answers, end in zip(rated, ends, strict=True)
    ]


@pytest.mark.parametrize("labels", [("LABEL_0",), NLI])
def test_nothing_is_read_of_nothing(build: Build, labels: tuple[str, ...]) -> None:
    reader = Reranker(str(build(*labels)))
    assert reader.answers(QUESTION, []) == reader.read(QUESTION, []) == []


def test_a_long_context_leaves_room_for_the_sentence(build: Build) -> None:
    reader = Reranker(str(build("LABEL_0")))
    first, second = (
        Passage(text, title="a title " * 99, before="the sentence before " * 99)
        for text in ("He declined.", "It snowed.")
    )
    assert reader.answers(QUESTION, [first]) != reader.answers(QUESTION, [second])


# Choosing it


@pytest.mark.parametrize("labels", [("LABEL_0",), NLI])
def test_a_question_is_answered_with_it(
    build: Build, tmp_path: Path, no_network: list[Any], labels: tuple[str, ...]
) -> None:
    folder = build(*labels)
    chosen = GroundingSettings(cross_encoder=str(folder), min_confidence=0)
    llm = FakeLLM(["A “mutual acquaintance” arranged the call."], sure=0.9)
    embedder = BagOfWords()
    with Assembly(Settings(data_dir=tmp_path / "data", grounding=chosen)) as assembly:
        assembly.__dict__.update(embedder=embedder, llm=llm)
        collection = assembly.open_for_writing("default")
        for article in ARTICLES:
            Ingestor(collection, embedder, chunk_tokens=48).ingest(article)
        answerer = assembly.answerer("default")
        answer = answerer.answer(QUESTION)
        evidence = answerer.retriever.retrieve(QUESTION).evidence
        assert assembly.cross_encoder.name == str(folder)
    assert answer.status != "no_answer"
    assert {cite.text for cite in answer.citations} <= {item.text for item in evidence}
    read = [item for item in evidence if item.answers is not None]
    passages = [
        Passage(item.text, title=item.title, before=item.before[-1] if item.before else "")
        for item in read
    ]
    reader = Reranker(str(folder))
    readings = [
        reader.answers(QUESTION, shown)
        for shown in (passages, [Passage(item.text) for item in read])
    ]
    in_context = readings[0]
    twice = sorted(range(len(read)), key=in_context.__getitem__)[-3:]
    expected = [
        average(*both) if place in twice else both[0]
        for place, both in enumerate(zip(*readings, strict=True))
    ]
    assert [item.answers for item in read] == pytest.approx(expected, rel=1e-3)
    assert no_network == []


def test_the_shipped_one_is_the_default(tmp_path: Path) -> None:
    with Assembly(Settings(data_dir=tmp_path)) as assembly:
        assert assembly.settings.grounding.cross_encoder == NAME
        assert assembly.cross_encoder.name == NAME


def test_torch_is_imported_only_for_it() -> None:
    code = (
        "import sys; from qa.assembly import Assembly; from qa.settings import Settings; "
        "Assembly(Settings()).cross_encoder; print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


# Mistakes


@pytest.mark.parametrize("name", ["cross-encoder/none", "{tmp}/no-such-folder", "{tmp}/empty"])
def test_a_model_that_cannot_be_loaded_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    model = name.format(tmp=tmp_path)
    with pytest.raises(SettingsError, match=f"cannot load the cross-encoder '{model}': .") as error:
        Reranker(model)
    assert "FOOTNOTED_GROUNDING__CROSS_ENCODER" in error.value.help
    assert "\n" not in str(error.value)


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    message = "the cross-encoder 'a/b' lacks a package: .*sentence_transformers"
    with pytest.raises(SettingsError, match=message) as error:
        Reranker("a/b")
    assert "Install that package" in error.value.help


def test_an_embedder_is_refused(build: Build) -> None:
    folder = build(headless=True)
    with pytest.raises(SettingsError, match=f"'{folder}' was not trained to rate pairs") as error:
        Reranker(str(folder))
    assert "Name a reranker in FOOTNOTED_GROUNDING__CROSS_ENCODER" in error.value.help


def test_labels_without_entailment_are_refused(build: Build) -> None:
    folder = build("negative", "positive")
    message = f"none of the 2 labels of the cross-encoder '{folder}' is 'entailment'"
    with pytest.raises(SettingsError, match=message) as error:
        Reranker(str(folder))
    assert "Name a reranker in FOOTNOTED_GROUNDING__CROSS_ENCODER" in error.value.help
