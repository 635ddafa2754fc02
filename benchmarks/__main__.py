"""Measures: ``python -m benchmarks``, or ``make bench``; ``--quick`` takes five minutes."""

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import Any

import psutil

from benchmarks import answers, cold, ingesting, limits, report, scale
from eval.asking import ingest_corpus
from eval.formats import load_suite
from qa.assembly import Assembly
from qa.generation.llm import EmbeddedLLM
from qa.settings import load_settings

ROOT = Path(__file__).parents[1]
_OWN = ROOT / "eval" / "suites" / "stargate"


def main() -> None:
    """Measure and write docs/benchmarks.{md,json} with their plots."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few questions, small corpora")
    parser.add_argument(
        "--suite", type=Path, action="append", help="a suite of short articles; repeatable"
    )
    parser.add_argument("--open", type=Path, help="a suite whose whole corpus is searched")
    parser.add_argument("--questions", type=int, help="questions a round, of five rounds")
    parser.add_argument("--sentences", type=int, nargs="*", help="sizes of the generated corpora")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=ROOT / "docs")
    chosen = parser.parse_args()
    chosen.questions = chosen.questions or (2 if chosen.quick else 12)
    if chosen.sentences is None:
        chosen.sentences = [1_000, 4_000] if chosen.quick else [1_000, 10_000, 100_000]
    chosen.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="footnoted-bench-") as scratch:
        data_dir = Path(scratch)
        measured = _measure(chosen, data_dir)
    command = " ".join(["make bench", *([f'BENCH_ARGS="{_typed()}"'] if sys.argv[1:] else [])])
    measured |= {"command": command, "machine": report.machine()}
    report.write_json(measured, chosen.out / "benchmarks.json")
    (chosen.out / "benchmarks.md").write_text(report.markdown(measured), "utf-8")
    print(f"wrote {chosen.out / 'benchmarks.md'} and benchmarks.json")


def _measure(chosen: argparse.Namespace, data_dir: Path) -> dict[str, Any]:
    settings = load_settings()
    models = settings.data_dir / "models"
    if models.is_dir():  # what was exported and put together once
        (data_dir / "models").symlink_to(models, target_is_directory=True)
    suites = {"short articles": chosen.suite or [_OWN]}
    if chosen.open is not None:
        suites["an open corpus"] = [chosen.open]
    measured: dict[str, Any] = {"speed": settings.speed, "answers": {}}
    with Assembly(settings.model_copy(update={"data_dir": data_dir})) as assembly:
        for name, folders in suites.items():
            asked = answers.compare(
                folders,
                assembly,
                questions=chosen.questions,
                seed=chosen.seed,
                progress=_say,
            )
            plot = f"benchmarks-{name.replace(' ', '-')}.svg"
            measured["answers"][name] = _summed_up(asked) | {"plot": plot}
            report.plot_answers(
                {
                    "Footnoted": [it.ours.answer for it in asked],
                    "naive chain": [it.naive.answer for it in asked],
                },
                chosen.out / plot,
            )
        first = measured["answers"]["short articles"]["ratios"]
        measured["ratios"] = {
            "answer_seconds": first["answer"]["median"],
            "first_claim_seconds": first["claim"]["median"],
        }
        measured["memory"] = {
            "process": psutil.Process().memory_info().rss,
            "llm": _memory_of_llm(assembly),
        }
        collection = ingest_corpus(load_suite(_OWN), assembly)
        if not chosen.quick:
            ours, theirs = answers.crowd(
                suites["short articles"][0], assembly, questions=3, seed=1, progress=_say
            )
            counts, rates = list(ours), list(ours.values())
            measured["users"] = {
                "users": counts,
                "ours": rates,
                "naive": theirs,
                "ratio": rates[-1] / theirs,
                "questions": 3,
                "plot": "benchmarks-users.svg",
            }
            report.plot_growth(
                counts,
                {"Footnoted": rates},
                chosen.out / "benchmarks-users.svg",
                of="users at once",
                unit="answers a minute",
            )
        fast, slow = ingesting.measure(
            suites.get("an open corpus", suites["short articles"])[0],
            assembly,
            sentences=40 if chosen.quick else 300,
            progress=_say,
        )
        measured["ingest"] = {
            "ours": report.spread(fast),
            "naive": report.spread(slow),
            "ratio": median(fast) / median(slow),
        }
        if isinstance(assembly.llm, EmbeddedLLM):
            _say("the machine's limits")
            measured["limits"] = limits.measure(
                assembly.llm, assembly.find_weights(), seed=chosen.seed
            )
        assembly.llm.close()
        lengths = [100, 1_000] if chosen.quick else [100, 1_000, 10_000]
        rows = ingesting.by_length(lengths, assembly, questions=20, seed=chosen.seed, progress=_say)
        measured["length"] = {
            "lengths": [
                {"sentences": length, "ingest": ingest, "answer": 1000 * answer}
                for length, (ingest, answer) in zip(lengths, rows, strict=True)
            ],
            "plot": "benchmarks-length.svg",
        }
        report.plot_growth(
            lengths,
            {
                "ingest": [1000 * ingest for ingest, _ in rows],
                "evidence-only answer": [1000 * answer for _, answer in rows],
            },
            chosen.out / "benchmarks-length.svg",
            of="sentences in the article",
            unit="milliseconds",
        )
        sizes = scale.measure(
            chosen.sentences, assembly, questions=50, seed=chosen.seed, progress=_say
        )
        measured["scale"] = {"sizes": [asdict(it) for it in sizes]}
        if len(sizes) > 1:
            measured["scale"]["plot"] = "benchmarks-growth.svg"
            report.plot_growth(
                chosen.sentences,
                {"median": [it.p50 for it in sizes], "p95": [it.p95 for it in sizes]},
                chosen.out / "benchmarks-growth.svg",
                of="sentences in the collection",
                unit="milliseconds",
            )
    drawn = [case.question for case in load_suite(_OWN).questions[:: 40 if chosen.quick else 13]]
    timings = cold.measure(data_dir, collection, drawn, progress=_say)
    measured["cold"] = {
        "evidence": report.spread([it.evidence for it in timings]),
        "answer": report.spread([it.answer for it in timings]),
    }
    return measured


def _summed_up(asked: Sequence[answers.Asked]) -> dict[str, Any]:
    rounds = sorted({it.round for it in asked})
    summed: dict[str, Any] = {"rounds": len(rounds), "ours": {}, "naive": {}, "ratios": {}}
    summed["unwritten"] = sum(it.written == 0 for it in asked)
    for stage in ("evidence", "claim", "answer"):
        # Where nothing is claimed there is no first claim to compare.
        pairs = [
            (it.round, getattr(it.ours, stage), getattr(it.naive, stage))
            for it in asked
            if getattr(it.ours, stage) is not None
        ]
        ours, theirs = [it[1] for it in pairs], [it[2] for it in pairs]
        summed["ours"][stage] = report.spread(ours)
        summed["naive"][stage] = report.spread(theirs)
        by_round = [[it[1:] for it in pairs if it[0] == number] for number in rounds]
        summed["ratios"][stage] = {
            "median": report.ratio(ours, theirs),
            "p95": report.ratio(ours, theirs, at=95),
            "rounds": [
                report.ratio([a for a, _ in part], [b for _, b in part])
                for part in by_round
                if part
            ],
        }
    return summed


def _memory_of_llm(assembly: Assembly) -> int:
    llm = assembly.llm
    pid = llm.local.pid if isinstance(llm, EmbeddedLLM) else None
    return psutil.Process(pid).memory_info().rss if pid is not None else 0


def _typed() -> str:
    """The arguments, with folders by their names: where they are is nobody's business."""
    return " ".join(Path(it).name if os.sep in it else it for it in sys.argv[1:])


def _say(what: str) -> None:
    print(what, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
