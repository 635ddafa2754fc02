import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import Any

import pytest
from waiting import until

from qa.errors import BusyError
from qa.generation.interruption import Interrupted, Interruption
from qa.schema import (
    Answer,
    AnswerEvent,
    Claim,
    ClaimEvent,
    ErrorEvent,
    Event,
    EvidenceEvent,
    Found,
    Provenance,
    Timings,
    TokenEvent,
    Turn,
    Usage,
)
from qa.server.answers import Answers, Key

VERSION = "version-7"


def key(question: str = "Who?", history: Sequence[Turn] = (), **other: Any) -> Key:
    chosen = {
        "collection": "default",
        "version": VERSION,
        "documents": None,
        "unsupported": "drop",
        "evidence_only": False,
    }
    return Key.of(question, history, **(chosen | other))


KEY = key()
CLAIM = Claim(text="Bob.", citations=[1], support=0.9, verdict="supported")
FOUND = [Found(document_id="a", start=0, end=4)]


def answered(version: str = VERSION, *, repeatable: bool = True) -> list[Event]:
    answer = Answer(
        question="Who?",
        standalone_question="Who?",
        status="answered",
        answer="Bob. [1]",
        claims=[CLAIM],
        citations=[],
        confidence=0.9,
        timings_ms=Timings(
            retrieve=900, first_evidence=901, first_token=950, first_claim=990, total=1000
        ),
        usage=Usage(prompt_tokens=30, completion_tokens=3),
        provenance=Provenance(
            llm="m", embedder="e", prompt="p", collection="default", collection_version=version
        ),
    )
    return [
        EvidenceEvent(standalone_question="Who?", evidence=[], found=FOUND),
        TokenEvent(text="Bob."),
        ClaimEvent(claim=CLAIM, citations=[]),
        AnswerEvent(answer=answer, repeatable=repeatable),
    ]


class Answering:
    """Gives these events, one call after the other, and waits before the second of each."""

    def __init__(self, *runs: list[Event] | Exception, held: bool = False) -> None:
        self.runs = list(runs)
        self.calls = 0
        self.go_on = threading.Event()
        if not held:
            self.go_on.set()

    def __call__(self) -> Iterator[Event]:
        self.calls += 1
        run = self.runs[self.calls - 1]
        if isinstance(run, Exception):
            raise run
        yield run[0]
        assert self.go_on.wait(10)
        yield from run[1:]


class Listening(threading.Thread):
    """Listens in a thread of its own."""

    def __init__(self, answers: Answers, answer: Callable[[], Iterator[Event]]) -> None:
        super().__init__(daemon=True)
        self.heard: list[Event] = []
        self.error: BaseException | None = None
        self.interruption = Interruption()
        self._answers, self._answer = answers, answer
        self.start()

    def run(self) -> None:
        try:
            with self.interruption:
                for event in self._answers.of(KEY, self._answer):
                    self.heard.append(event)
                    self.interruption.check()
        except (Interrupted, BusyError) as error:
            self.error = error

    def whole(self) -> list[Event]:
        self.join(10)
        assert not self.is_alive()
        return self.heard


@pytest.fixture
def hits() -> list[None]:
    return []


@pytest.fixture
def answers(hits: list[None]) -> Answers:
    return Answers(2, max_following=3, on_hit=lambda: hits.append(None))


def types(events: list[Event]) -> list[str]:
    return [event.type for event in events]


def test_an_answer_is_given_again_without_its_draft(answers: Answers, hits: list[None]) -> None:
    answering = Answering(answered())
    first, second = (list(answers.of(KEY, answering)) for _ in range(2))
    assert first == answered()
    assert types(second) == ["evidence", "claim", "answer"]
    assert answering.calls == len(hits) == 1
    old, new = first[-1], second[-1]
    assert isinstance(old, AnswerEvent) and isinstance(new, AnswerEvent)
    differ = {"timings_ms", "usage"}
    assert new.answer.model_dump(exclude=differ) == old.answer.model_dump(exclude=differ)
    assert new.answer.usage == Usage()
    assert new.answer.timings_ms.first_token is None
    assert new.answer.timings_ms.total is not None and new.answer.timings_ms.total < 500


@pytest.mark.parametrize(
    "other",
    [
        {"collection": "another"},
        {"version": "version-8"},
        {"question": "who?"},
        {"history": [Turn(role="user", content="Hm?")]},
        {"documents": []},
        {"documents": ["a"]},
        {"unsupported": "mark"},
        {"evidence_only": True},
    ],
)
def test_what_an_answer_depends_on_tells_questions_apart(
    answers: Answers, other: dict[str, Any]
) -> None:
    answering = Answering(answered(), answered())
    list(answers.of(KEY, answering))
    list(answers.of(key(**other), answering))
    assert answering.calls == 2


def test_the_same_documents_in_another_order_are_the_same_question() -> None:
    assert key(documents=["a", "b"]) == key(documents=["b", "a", "b"])
    turns = [Turn(role="user", content="a"), Turn(role="assistant", content="b")]
    assert key(history=turns) != key(history=turns[::-1])
    long = key(history=[Turn(role="user", content="x" * 100_000)], documents=["y"] * 100_000)
    assert len(repr(long)) < 300


@pytest.mark.parametrize(
    "run",
    [
        answered(version="version-8"),
        answered(repeatable=False),
        [
            answered()[0],
            ErrorEvent(code="llm-failed", message="gone", help="", retryable=True),
        ],
    ],
    ids=["changed meanwhile", "makeshift", "broken"],
)
def test_what_would_not_be_answered_so_again_is_not_kept(
    answers: Answers, run: list[Event]
) -> None:
    answering = Answering(run, answered())
    assert list(answers.of(KEY, answering)) == run
    assert list(answers.of(KEY, answering)) == answered()


def test_the_answer_not_asked_for_longest_makes_room(answers: Answers) -> None:
    first, second, third = (key(text) for text in ("1?", "2?", "3?"))
    answering = Answering(*[answered()] * 4)
    for asked in (first, second, first, third, first):
        list(answers.of(asked, answering))
    assert answering.calls == 3
    list(answers.of(second, answering))
    assert answering.calls == 4


def test_without_room_each_question_is_answered_by_itself(hits: list[None]) -> None:
    answers = Answers(0, max_following=0, on_hit=lambda: hits.append(None))
    answering = Answering(answered(), answered())
    for _ in range(2):
        assert list(answers.of(KEY, answering)) == answered()
    assert not hits


def test_equal_questions_at_the_same_time_are_answered_once(
    answers: Answers, hits: list[None]
) -> None:
    answering = Answering(answered(), held=True)
    leads = Listening(answers, answering)
    assert until(lambda: leads.heard)
    follows = [Listening(answers, answering) for _ in range(3)]
    assert until(lambda: all(it.heard for it in follows))
    assert {event.type for it in follows for event in it.heard} == {"evidence"}
    answering.go_on.set()
    assert leads.whole() == answered()
    for follower in follows:
        assert types(follower.whole()) == ["evidence", "claim", "answer"]
    assert answering.calls == 1
    assert len(hits) == 3


def test_whoever_follows_one_that_goes_answers_on(answers: Answers) -> None:
    answering = Answering(answered(), answered(), held=True)
    leads = Listening(answers, answering)
    assert until(lambda: leads.heard)
    follows = Listening(answers, answering)
    assert until(lambda: follows.heard)
    leads.interruption.interrupt()
    answering.go_on.set()
    leads.join(10)
    assert isinstance(leads.error, Interrupted)
    assert types(follows.whole()) == ["evidence", "token", "claim", "answer"]
    assert answering.calls == 2


def test_nobody_follows_one_that_has_gone_and_cannot_stop_yet(answers: Answers) -> None:
    stuck, answering = Answering(answered(), held=True), Answering(answered())
    leads = Listening(answers, stuck)
    assert until(lambda: leads.heard)
    follows = Listening(answers, answering)
    assert until(lambda: follows.heard)
    leads.interruption.interrupt()
    assert types(follows.whole()) == ["evidence", "token", "claim", "answer"]
    late = Listening(answers, answering)
    assert types(late.whole()) == ["evidence", "claim", "answer"]
    assert answering.calls == 1
    stuck.go_on.set()
    leads.join(10)
    assert isinstance(leads.error, Interrupted)


def test_what_breaks_before_the_first_event_is_tried_again_by_whoever_follows(
    answers: Answers,
) -> None:
    held = threading.Event()
    calls: list[None] = []

    def answer() -> Iterator[Event]:
        calls.append(None)
        if len(calls) == 1:
            assert held.wait(10)
            raise BusyError("full")
        yield from answered()

    leads = Listening(answers, answer)
    assert until(lambda: calls)
    follows = Listening(answers, answer)
    time.sleep(0.05)
    held.set()
    leads.join(10)
    assert isinstance(leads.error, BusyError)
    assert follows.whole() == answered()


def test_what_breaks_off_by_itself_breaks_off_for_all_who_follow(answers: Answers) -> None:
    broken: list[Event] = [
        answered()[0],
        ErrorEvent(code="busy", message="waited 60 s", help="", retryable=True),
    ]
    answering = Answering(broken, held=True)
    leads = Listening(answers, answering)
    assert until(lambda: leads.heard)
    follows = [Listening(answers, answering) for _ in range(3)]
    assert until(lambda: all(it.heard for it in follows))
    answering.go_on.set()
    for listener in (leads, *follows):
        assert types(listener.whole()) == ["evidence", "error"]
    assert answering.calls == 1


def test_no_more_follow_than_may(answers: Answers) -> None:
    answering = Answering(answered(), held=True)
    leads = Listening(answers, answering)
    assert until(lambda: leads.heard)
    follows = [Listening(answers, answering) for _ in range(3)]
    assert until(lambda: all(it.heard for it in follows))
    refused = Listening(answers, answering)
    assert refused.whole() == []
    assert isinstance(refused.error, BusyError)
    follows[0].interruption.interrupt()
    follows[0].join(10)
    again = Listening(answers, answering)
    assert until(lambda: again.heard)
    answering.go_on.set()
    for listener in (*follows[1:], again):
        assert types(listener.whole()) == ["evidence", "claim", "answer"]
    # What is kept keeps nobody waiting.
    assert types(Listening(answers, answering).whole()) == ["evidence", "claim", "answer"]


def test_who_follows_may_go(answers: Answers) -> None:
    answering = Answering(answered(), held=True)
    leads = Listening(answers, answering)
    assert until(lambda: leads.heard)
    goes = Listening(answers, answering)
    assert until(lambda: goes.heard)
    goes.interruption.interrupt()
    goes.join(5)
    assert isinstance(goes.error, Interrupted)
    answering.go_on.set()
    assert leads.whole() == answered()


def test_a_listener_that_leaves_ends_the_answering(answers: Answers) -> None:
    closed: list[None] = []

    def answer() -> Generator[Event]:
        try:
            yield from answered()
        finally:
            closed.append(None)

    events = answers.of(KEY, answer)
    next(events)
    events.close()
    assert closed
    assert list(answers.of(KEY, answer)) == answered()


def test_what_only_evaluation_reads_is_not_kept(answers: Answers) -> None:
    answering = Answering(answered())
    (evidence, *_), (again, *_) = (list(answers.of(KEY, answering)) for _ in range(2))
    assert isinstance(evidence, EvidenceEvent) and isinstance(again, EvidenceEvent)
    assert evidence.found == FOUND
    assert again.found == []
