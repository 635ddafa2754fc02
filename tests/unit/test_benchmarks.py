import itertools
import json
import random
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from fake_llm import FakeLLM, Reply
from fakes import ARTICLES, BagOfWords

from benchmarks.__main__ import _summed_up
from benchmarks.answers import Asked, _together
from benchmarks.naive import CHUNK, OVERLAP, NaiveChain, Timing, pieces
from benchmarks.report import exponent, markdown, ratio, spread, write_json
from benchmarks.scale import articles, question
from benchmarks.soak import _Soak, _worded


@pytest.mark.parametrize("length", [0, 10, CHUNK, CHUNK + 1, 7 * CHUNK + 13])
@pytest.mark.parametrize("word", ["a ", "bridge ", "x" * 3000])
def test_pieces_overlap_and_leave_nothing_out(length: int, word: str) -> None:
    text = (word * length)[:length]
    found = list(pieces(text))
    assert all(len(piece) <= CHUNK for piece in found)
    whole = "".join(piece if not place else piece[OVERLAP:] for place, piece in enumerate(found))
    assert whole == text


def test_the_naive_chain_puts_what_it_finds_into_its_prompt() -> None:
    llm = FakeLLM([Reply("Bees dance [1]. They do.")])
    chain = NaiveChain(BagOfWords(), llm.connect(), ARTICLES)
    timing = chain.ask("How do bees tell where flowers are?")
    assert "Bees dance to tell each other where flowers are." in llm.calls[0].text
    assert timing.claim is not None
    assert 0 < timing.claim <= timing.answer


def test_a_power_law_has_its_exponent() -> None:
    assert exponent([10, 100, 1000], [3, 30, 300]) == pytest.approx(1)
    assert exponent([10, 1000], [5, 5]) == pytest.approx(0)
    with pytest.raises(ValueError, match="no growth"):
        exponent([10], [5])


def test_a_ratio_is_that_of_the_percentiles() -> None:
    assert ratio([1, 2, 9], [4, 8, 8]) == pytest.approx(0.25)
    assert ratio([1, 1, 3], [2, 2, 6], at=100) == pytest.approx(0.5)
    assert spread([1, 2, 3])["median"] == 2


@pytest.fixture
def server() -> Iterator[str]:
    """Answers everything with 501."""
    with HTTPServer(("127.0.0.1", 0), Silent) as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()
        thread.join()


class Silent(BaseHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


def asked(number: int, ours: Timing) -> Asked:
    return Asked(number % 2, ours, Timing(0.01, 8.0, 10.0), written=number)


def test_without_a_claim_there_is_no_first_one_to_compare() -> None:
    summed = _summed_up([asked(0, Timing(0.1, 2.0, 2.5)), asked(1, Timing(0.1, None, 0.1))])
    assert summed["unwritten"] == 1
    assert summed["ratios"]["claim"] == {"median": 0.25, "p95": 0.25, "rounds": [0.25]}
    assert summed["ratios"]["answer"]["median"] == pytest.approx(0.13)
    assert summed["ratios"]["answer"]["rounds"] == [0.25, 0.01]


def test_the_page_has_what_was_measured(tmp_path: Path) -> None:
    part = _summed_up([asked(number, Timing(0.1, 2.0, 2.5)) for number in range(4)])
    measured: dict[str, Any] = {
        "command": "make bench",
        "machine": {"cores": 2, "machine": "x86_64", "python": "3.11.7"},
        "speed": "balanced",
        "answers": {"short articles": part | {"plot": "plot.svg"}},
        "memory": {"process": 400_000_000, "llm": 1_500_000_000},
        "ingest": {"ours": spread([300.0]), "naive": spread([100.0]), "ratio": 3.0},
    }
    measured["length"] = {
        "lengths": [
            {"sentences": 100, "ingest": 0.2, "answer": 30.0},
            {"sentences": 10_000, "ingest": 20.0, "answer": 30.0},
        ],
        "plot": "length.svg",
    }
    page = markdown(measured)
    assert "1.00 of ingest, 0.00 of an answer" in page
    assert "| 10,000 | 20.00 | 30 |" in page
    assert "| answer | 2.50 [2.50, 2.50] | 2.50 | 10.00" in page
    assert "3.0 times as many" in page
    assert "1.50 GB" in page
    assert "Eight users" not in page
    speeds = {"prefill": 40.0, "prefill_limit": 80.0, "decode": 12.0, "decode_limit": 16.0}
    assert "| reading | 40.0 | 80.0 | 0.50 |" in markdown(measured | {"limits": speeds})
    users = {"users": [1, 8], "ours": [30.0, 40.0], "naive": 8.0, "ratio": 5.0, "questions": 3}
    page = markdown(measured | {"users": users | {"plot": "users.svg"}})
    assert "40.0 answers a minute, the naive chain 8.0: 5.0 times" in page
    assert "1: 30.0, 8: 40.0." in page
    write_json(measured | {"third": 1 / 3}, tmp_path / "out.json")
    assert json.loads((tmp_path / "out.json").read_text())["third"] == 0.3333


def test_users_share_the_questions_and_nobody_asks_one_twice() -> None:
    asked: list[str] = []
    together = threading.Barrier(4)

    def ask(question: str) -> None:
        together.wait(timeout=10)  # all users are at it at once
        asked.append(question)

    assert _together(ask, [str(number) for number in range(12)], 4) > 0
    assert sorted(asked, key=int) == [str(number) for number in range(12)]


def test_what_a_user_meets_with_is_raised() -> None:
    def ask(question: str) -> None:
        if question == "2":
            raise RuntimeError("the answer broke off")

    with pytest.raises(RuntimeError, match="broke off"):
        _together(ask, [str(number) for number in range(8)], 4)


def test_a_soak_words_each_pass_anew_and_without_end() -> None:
    questions = [("news", "Who won?"), ("news", "Who lost?")]
    worded = [question for _, question in itertools.islice(_worded(questions), 200)]
    assert worded[:3] == ["Who won?", "Who lost?", "Tell me: Who won?"]
    assert len(set(worded)) == 200


def test_a_soak_fails_with_its_probe(server: str) -> None:
    soak = _Soak(server, [], ends=time.monotonic() + 0.4)
    soak.probe()
    assert (soak.unhealthy, soak.failed) == (1, True)


def test_a_soak_fails_with_a_reply_that_is_no_answer(server: str) -> None:
    soak = _Soak(server, [("news", "Who won?")], ends=time.monotonic() + 0.1)
    soak.statuses[503] += 1
    assert not soak.failed
    soak.user()
    assert soak.statuses.keys() == {503, 501}
    assert soak.failed


def test_generated_articles_have_so_many_sentences_and_are_made_again_alike() -> None:
    made = [list(articles(1200, random.Random(7))) for _ in range(2)]
    assert made[0] == made[1]
    assert [document.text.count("crowns.") for document in made[0]] == [500, 500, 200]
    (long,) = articles(1200, random.Random(7), longest=1200)
    assert long.text.count("crowns.") == 1200
    assert question(random.Random(7)).endswith("?")
