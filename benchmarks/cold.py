"""``footnoted ask`` from a cold shell: a process of its own for each question."""

import os
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.naive import Timing
from benchmarks.report import Progress

_RUN = "from qa.cli import main; main()"
_LOOKED_AT = "looked at:"


def measure(
    data_dir: Path, collection: str, questions: list[str], *, progress: Progress
) -> list[Timing]:
    """Seconds of each question, from the start of its process.

    Args:
        data_dir: holds the collection, and is used by no other process.
        collection: what is asked.
        questions: one process each.
        progress: told how far it is.
    """
    timings = []
    for question in questions:
        progress(f"a cold shell: {question}")
        began = time.perf_counter()
        with subprocess.Popen(
            [sys.executable, "-c", _RUN, "ask", "--collection", collection, question],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"FOOTNOTED_DATA_DIR": str(data_dir)},
        ) as process:
            assert process.stderr is not None
            evidence = None
            for line in process.stderr:
                if line.startswith(_LOOKED_AT):
                    evidence = time.perf_counter() - began
            process.wait()
        took = time.perf_counter() - began
        if evidence is None:
            raise RuntimeError(f"no evidence for {question!r}")
        timings.append(Timing(evidence, None, took))
    return timings
