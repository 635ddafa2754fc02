"""The main job with nothing faked: Chroma on disk, MiniLM, the embedded LLM, the command line."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from eval.asking import ask_with, ingest_corpus
from eval.formats import load_suite
from eval.runner import run
from eval.summary import summarize
from qa.assembly import Assembly
from qa.schema import AnswerEvent, ErrorEvent, EvidenceEvent, TokenEvent
from qa.settings import load_settings

pytestmark = pytest.mark.models

ROOT = Path(__file__).parents[2]
QUESTION = "Who arranged the call?"


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("data")


def footnoted(data_dir: Path, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "from qa.cli import main; main()", *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        encoding="utf-8",
        env=os.environ | {"FOOTNOTED_DATA_DIR": str(data_dir), "HF_HUB_OFFLINE": "1"},
        timeout=300,
        check=False,
    )


@pytest.fixture(scope="module")
def first_run(data_dir: Path) -> subprocess.CompletedProcess[str]:
    """The first question ever: assembles, exports, ingests, answers."""
    return footnoted(data_dir, "ask", "--sample", QUESTION)


def test_the_first_run_sets_everything_up_and_answers(first_run):
    assert first_run.returncode == 0, first_run.stderr
    answer, _, footnote = first_run.stdout.partition("\n\n[1] ")
    assert "mutual acquaintance" in answer and answer.endswith(" [1]")
    assert "mutual acquaintance" in footnote
    assert "assembling the weights: 100 %" in first_run.stderr
    assert "ingesting the sample article" in first_run.stderr


def test_the_second_run_goes_straight_to_the_answer(first_run, data_dir):
    started = time.monotonic()
    second = footnoted(data_dir, "ask", "--json", QUESTION)
    took = time.monotonic() - started
    assert second.returncode == 0, second.stderr
    assert "assembling" not in second.stderr
    answer = json.loads(second.stdout)
    source = (ROOT / "ingest" / "sample" / "stargate.md").read_text("utf-8")
    assert "mutual acquaintance" in answer["answer"]
    for cited in answer["citations"]:
        assert source[cited["start"] : cited["end"]] == cited["text"]
    # 30 s on the idle reference machine; a busy one takes a multiple of that.
    assert took < 120


def test_what_is_not_in_the_article_is_not_said(first_run, data_dir):
    answer = footnoted(data_dir, "ask", "Who is the chief executive of Apple?")
    assert answer.returncode == 3, answer.stderr
    assert answer.stdout.strip() == "Not in the sources."


def test_a_question_for_two_things_is_drafted(first_run, data_dir):
    question = "Who arranged the call, and how long was it?"
    answer = json.loads(footnoted(data_dir, "ask", "--json", question).stdout)
    assert answer["usage"]["completion_tokens"] > 0


def test_a_follow_up_is_understood(first_run, data_dir):
    talk = footnoted(data_dir, "chat", stdin=f"{QUESTION}\nAnd how long was it?\n")
    assert talk.returncode == 0, talk.stderr
    _, second = [line for line in talk.stdout.splitlines() if line.endswith(" [1]")]
    assert "25" in second


def test_wrong_weights_are_refused(first_run, data_dir, tmp_path, monkeypatch):
    fake = tmp_path / "fake.gguf"
    fake.write_bytes(b"GGUF" + b"\0" * 100)
    monkeypatch.setenv("FOOTNOTED_SPEED", "thorough")
    monkeypatch.setenv("FOOTNOTED_LLM__WEIGHTS", str(fake))
    monkeypatch.setenv("FOOTNOTED_LLM__WEIGHTS_SHA256", "0" * 64)
    refused = footnoted(data_dir, "ask", QUESTION)
    assert refused.returncode == 1
    assert "SHA-256" in refused.stderr
    assert "looked at:" in refused.stderr
    assert "Traceback" not in refused.stderr


@pytest.fixture(scope="module")
def assembly(first_run, data_dir):
    """Drafts every answer."""
    with Assembly(load_settings(data_dir=data_dir, speed="thorough")) as made:
        yield made


@pytest.mark.parametrize("fall_back", [False, True])
def test_a_killed_llm_costs_one_draft_and_no_more(assembly, fall_back):
    answerer = assembly.answerer("default", fall_back=fall_back)
    seen = []
    for event in answerer.stream(QUESTION):
        seen.append(event)
        if isinstance(event, TokenEvent):
            os.kill(assembly.llm.local.pid, signal.SIGKILL)
    assert isinstance(seen[0], EvidenceEvent)
    assert seen[0].evidence
    if fall_back:
        assert isinstance(seen[-1], AnswerEvent)
        assert "without the language model, which failed" in seen[-1].answer.reason
        assert seen[-1].answer.citations
    else:
        assert isinstance(seen[-1], ErrorEvent)
        assert seen[-1].code == "llm-failed"
        assert seen[-1].retryable
    after = answerer.answer(QUESTION)
    assert after.citations
    assert after.usage.completion_tokens > 0


def test_stream_and_answer_cite_alike(assembly):
    answerer = assembly.answerer("default")
    *_, last = answerer.stream(QUESTION)
    assert isinstance(last, AnswerEvent)
    assert answerer.answer(QUESTION).citations == last.answer.citations


def test_every_footnote_of_a_suite_is_a_quotation_that_was_offered(assembly):
    suite = load_suite(ROOT / "eval" / "suites" / "stargate")
    answerer = assembly.answerer(ingest_corpus(suite, assembly))
    records = list(run(suite, ask_with(answerer), source_text=suite.text, limit=12, seed=3))
    summary = summarize(records)
    assert not summary.errors
    assert summary.metrics["verbatim_rate"].mean == 1
    assert summary.metrics["fabricated_rate"].mean == 0
    for record in records:
        assert record.answer is not None
        supported = [c for c in record.answer.claims if c.verdict == "supported"]
        assert all(claim.citations for claim in supported)
        assert (record.answer.status == "no_answer") == (not supported)
