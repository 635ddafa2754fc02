"""Answers beside those of the naive chain, question by question in one run."""

import random
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from benchmarks.naive import NaiveChain, Timing
from benchmarks.report import Progress
from eval.asking import ingest_corpus
from eval.cases import Suite
from eval.formats import load_suite
from qa.answerer import Answerer
from qa.assembly import Assembly
from qa.generation.queue import Queue
from qa.schema import AnswerEvent, ClaimEvent, EvidenceEvent

ROUNDS = 5
USERS = (1, 2, 4, 8)


@dataclass(frozen=True, slots=True)
class Asked:
    """One question, asked of both.

    Attributes:
        round: each has its own questions.
        written: how many tokens the language model wrote for us; 0: it was not asked.
    """

    round: int
    ours: Timing
    naive: Timing
    written: int


def ask(answerer: Answerer, question: str) -> tuple[Timing, int]:
    """Answer, and say how long it took and how many tokens were written."""
    began = time.perf_counter()
    evidence, claim = 0.0, None
    for event in answerer.stream(question):
        at = time.perf_counter() - began
        if isinstance(event, EvidenceEvent):
            evidence = at
        elif isinstance(event, ClaimEvent) and event.claim.verdict == "supported":
            claim = claim or at
        elif isinstance(event, AnswerEvent):
            return Timing(evidence, claim, at), event.answer.usage.completion_tokens
    raise RuntimeError("the answer broke off")


def compare(
    folders: Sequence[Path], assembly: Assembly, *, questions: int, seed: int, progress: Progress
) -> list[Asked]:
    """Ask both the same questions, in turns; whose turn is first changes with each.

    Args:
        folders: suites; the questions are drawn from all of them alike.
        assembly: what answers.
        questions: how many a round.
        seed: draws them.
        progress: told how far it is.
    """
    model = assembly.llm.connect()
    drawn = []
    for folder in folders:
        suite = load_suite(folder)
        answerer = assembly.answerer(ingest_corpus(suite, assembly), fall_back=False)
        naive = NaiveChain(assembly.embedder, model, list(suite.documents.values()))
        drawn += [(answerer, naive, case.question) for case in suite.questions]
    random.Random(seed).shuffle(drawn)
    drawn = drawn[: ROUNDS * questions]
    for answerer, naive, question in drawn[:1]:  # what is loaded at the first use
        ask(answerer, question)
        naive.ask(question)
    asked = []
    for place, (answerer, naive, question) in enumerate(drawn):
        if place % 2:
            theirs = naive.ask(question)
        ours, written = ask(answerer, question)
        if not place % 2:
            theirs = naive.ask(question)
        asked.append(Asked(place % ROUNDS, ours, theirs, written))
        progress(f"question {place + 1} of {len(drawn)}")
    return asked


def crowd(
    folder: Path, assembly: Assembly, *, questions: int, seed: int, progress: Progress
) -> tuple[dict[int, float], float]:
    """Answers a minute with so many users at once; and the naive chain's, with the most.

    Args:
        folder: a suite.
        assembly: what answers.
        questions: how many each user asks, all of them different.
        seed: draws them.
        progress: told how far it is.
    """
    suite: Suite = load_suite(folder)
    chosen = assembly.settings.server
    queue = Queue(chosen.max_generations, max_waiting=max(USERS), max_wait_seconds=3600)
    answerer = assembly.answerer(ingest_corpus(suite, assembly), place=queue.place)
    naive = NaiveChain(assembly.embedder, assembly.llm.connect(), list(suite.documents.values()))
    drawn = [case.question for case in suite.questions]
    random.Random(seed).shuffle(drawn)
    ours = {}
    for users in USERS:
        progress(f"{users} users at once")
        asked = drawn[: users * questions]
        seconds = _together(lambda it: ask(answerer, it), asked, users)
        ours[users] = 60 * len(asked) / seconds
    progress(f"{users} users at once: the naive chain")
    return ours, 60 * len(asked) / _together(naive.ask, asked, users)


def _together(ask: Callable[[str], object], questions: Sequence[str], users: int) -> float:
    """Seconds that the users take together, each with a share of the questions.

    What a user meets with is raised: the others' answers alone would be no measure.
    """

    def user(number: int) -> None:
        for question in questions[number::users]:
            ask(question)

    with ThreadPoolExecutor(users) as threads:
        began = time.perf_counter()
        for _ in threads.map(user, range(users)):
            pass
        return time.perf_counter() - began
