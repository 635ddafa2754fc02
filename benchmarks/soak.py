"""Users who ask without a pause: ``python -m benchmarks.soak URL COLLECTION=SUITE…``.

Asks a running server on this machine, and watches how long ``/healthz`` takes meanwhile and how
much memory the server and its children hold. Each pass over the questions words them anew, so that
the kept answers do not answer them. Prints a line a minute and a summary; ends with 1 if a request
hung or came back with anything but an answer or a 503, or if ``/healthz`` failed.
"""

import argparse
import itertools
import random
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path

import httpx
import numpy as np
import psutil

from eval.formats import load_suite

_LONGEST_SECONDS = 300
"""An answer that takes longer counts as hung: with eight users each waits for seven others."""
_OPENINGS = ("Tell me: ", "Say, ", "Now, ", "Well: ", "I would like to know: ")


def main() -> None:
    """Ask and watch."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument("url")
    parser.add_argument("asked", nargs="+", metavar="COLLECTION=SUITE")
    parser.add_argument("--pid", type=int, required=True, help="the server's process")
    parser.add_argument("--users", type=int, default=8)
    parser.add_argument("--minutes", type=float, default=30)
    chosen = parser.parse_args()
    questions = [
        (collection, case.question)
        for collection, _, folder in (pair.partition("=") for pair in chosen.asked)
        for case in load_suite(Path(folder)).questions
    ]
    random.Random(0).shuffle(questions)
    soak = _Soak(chosen.url, questions, ends=time.monotonic() + 60 * chosen.minutes)
    server = psutil.Process(chosen.pid)
    with ThreadPoolExecutor(chosen.users + 1) as threads:
        running = [threads.submit(soak.probe)]
        running += [threads.submit(soak.user) for _ in range(chosen.users)]
        for minute in itertools.count(1):
            left = wait(running, timeout=60).not_done
            megabytes = [_resident(it) for it in (server, *server.children(recursive=True))]
            print(f"{minute} min: {soak.statuses}, resident MB {megabytes}", flush=True)
            if not left:
                break
    for work in running:
        work.result()  # raises what ended it early
    health = np.array(soak.health) * 1000
    seconds = np.array(soak.seconds)
    print(
        f"{len(seconds)} replies, seconds: median {np.median(seconds):.2f}, "
        f"95 % {np.percentile(seconds, 95):.2f}, longest {seconds.max():.2f}\n"
        f"{len(health)} times /healthz, ms: median {np.median(health):.1f}, "
        f"99 % {np.percentile(health, 99):.1f}, longest {health.max():.1f}"
    )
    sys.exit(soak.failed)


class _Soak:
    def __init__(self, url: str, questions: list[tuple[str, str]], *, ends: float) -> None:
        self._url = url
        self._ends = ends
        self._worded = _worded(questions)
        self._lock = threading.Lock()
        self.statuses: Counter[int] = Counter()
        self.seconds: list[float] = []
        self.health: list[float] = []
        self.unhealthy = 0

    @property
    def failed(self) -> bool:
        return self.unhealthy > 0 or not self.statuses.keys() <= {200, 503}

    def user(self) -> None:
        with httpx.Client(base_url=self._url, timeout=_LONGEST_SECONDS) as client:
            while time.monotonic() < self._ends:
                with self._lock:
                    collection, question = next(self._worded)
                began = time.perf_counter()
                try:
                    reply = client.post(
                        "/v1/ask", json={"question": question, "collection": collection}
                    )
                    status = reply.status_code
                except httpx.TransportError as error:
                    print(f"{error!r}: {question}", flush=True)
                    status = 0
                with self._lock:
                    self.statuses[status] += 1
                    self.seconds.append(time.perf_counter() - began)
                if status == 503:
                    time.sleep(float(reply.headers["Retry-After"]))

    def probe(self) -> None:
        with httpx.Client(base_url=self._url, timeout=_LONGEST_SECONDS) as client:
            while time.monotonic() < self._ends:
                began = time.perf_counter()
                try:
                    client.get("/healthz").raise_for_status()
                except httpx.HTTPError as error:
                    print(f"{error!r}: /healthz", flush=True)
                    self.unhealthy += 1
                self.health.append(time.perf_counter() - began)
                time.sleep(0.5)


def _worded(questions: list[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """The questions without end: as they are at first, then pass by pass after other words."""
    for count in itertools.count():
        for openings in itertools.product(_OPENINGS, repeat=count):
            for collection, question in questions:
                yield collection, "".join(openings) + question


def _resident(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss / 1e6)
    except psutil.NoSuchProcess:
        return 0


if __name__ == "__main__":
    main()
