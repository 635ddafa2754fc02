import threading
import time
from collections.abc import Iterator
from typing import Any

import llm_server
import pytest
from fake_llm import FakeLLM, Reply
from llm_server import LLMServer

from qa.errors import LLMFailedError
from qa.generation.interruption import Interrupted, Interruption
from qa.generation.llm import RemoteLLM, stream_chat
from qa.generation.prompt import Message

MESSAGES: list[Message] = [("user", "Who?")]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[LLMServer]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with llm_server.running() as running:
        yield running


def ask(llm: Any, interruption: Interruption) -> threading.Thread:
    """A thread that reads the model's reply until it is interrupted."""

    def read() -> None:
        with interruption, pytest.raises(Interrupted):
            for _ in stream_chat(llm, MESSAGES, max_tokens=77):
                pass

    thread = threading.Thread(target=read)
    thread.start()
    return thread


@pytest.mark.parametrize("silence", [60.0, 0.0], ids=["before the first token", "between tokens"])
def test_a_call_ends_where_it_waits(server: LLMServer, silence: float) -> None:
    llm = RemoteLLM("slow", base_url=server.url, api_key="", timeout_seconds=60)
    server.words = -1
    with pytest.raises(LLMFailedError):  # after a whole reply a connection could be used again
        next(stream_chat(llm, MESSAGES, max_tokens=77))
    server.asked.get(timeout=30)
    server.words, server.silence, server.pause = None, silence, 60.0
    interruption = Interruption()
    thread = ask(llm, interruption)
    server.asked.get(timeout=30)
    time.sleep(0.2)  # until the thread waits
    began = time.monotonic()
    interruption.interrupt()
    thread.join(timeout=5)
    assert not thread.is_alive()
    assert server.left.get(timeout=5) - began < 0.5


def test_a_model_that_cannot_be_reached_into_ends_at_its_next_token() -> None:
    llm = FakeLLM([Reply("one two three")])
    with Interruption() as interruption:
        chunks = stream_chat(llm, MESSAGES, max_tokens=77)
        assert next(chunks).text == "one"
        interruption.interrupt()
        with pytest.raises(Interrupted):
            next(chunks)
    assert not llm.calls[0].running


def test_no_call_begins_after_an_interruption() -> None:
    llm = FakeLLM()
    with Interruption() as interruption:
        interruption.interrupt()
        with pytest.raises(Interrupted):
            next(stream_chat(llm, MESSAGES, max_tokens=77))
    assert not llm.calls


def test_other_threads_and_later_calls_are_left_alone() -> None:
    with Interruption() as interruption:
        interruption.interrupt()
    reply = "".join(c.text for c in stream_chat(FakeLLM(["yes"]), MESSAGES, max_tokens=77))
    assert reply == "yes"
