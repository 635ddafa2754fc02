"""What was measured, as JSON, Markdown and plots."""

import json
import math
import platform
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from qa.network import usable_cores

Progress = Callable[[str], None]


def spread(values: Sequence[float]) -> dict[str, float]:
    """Median, quartiles, 95th percentile and number of ``values``."""
    low, high, last = (float(np.percentile(values, at)) for at in (25, 75, 95))
    return {"median": median(values), "low": low, "high": high, "p95": last, "n": len(values)}


def ratio(ours: Sequence[float], theirs: Sequence[float], *, at: float = 50) -> float:
    """Our percentile over theirs."""
    return float(np.percentile(ours, at) / np.percentile(theirs, at))


def exponent(sizes: Sequence[float], costs: Sequence[float]) -> float:
    """``e`` of the ``cost = c · size ** e`` that fits best in logarithms; 1 is linear growth.

    Raises:
        ValueError: fewer than two sizes.
    """
    if len(sizes) < 2:
        raise ValueError("one size shows no growth")
    slope, _ = np.polyfit(np.log(sizes), np.log(costs), 1)
    return float(slope)


def machine() -> dict[str, Any]:
    """What it ran on, as far as that matters."""
    return {
        "cores": usable_cores(),
        "machine": platform.machine(),
        "python": platform.python_version(),
    }


def plot_growth(
    sizes: Sequence[int],
    lines: dict[str, Sequence[float]],
    file: Path,
    *,
    of: str,
    unit: str,
) -> None:
    """Draw costs over sizes, both in logarithms, each with its exponent.

    Args:
        sizes: of what grows.
        lines: the costs, by name.
        file: an SVG.
        of: what grows, the label of one axis.
        unit: that of the costs, the label of the other.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 3.6), layout="constrained")
    axes = figure.subplots()
    for name, costs in lines.items():
        axes.loglog(sizes, costs, "o-", label=f"{name} (exponent {exponent(sizes, costs):.2f})")
    axes.set_xlabel(of)
    axes.set_ylabel(unit)
    axes.grid(visible=True, which="both", alpha=0.2)
    axes.legend()
    figure.savefig(file, metadata={"Date": None})


def plot_answers(rows: dict[str, Sequence[float]], file: Path) -> None:
    """Draw which share of the answers is there after so many seconds."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 3.6), layout="constrained")
    axes = figure.subplots()
    for name, seconds in rows.items():
        share = np.arange(1, len(seconds) + 1) / len(seconds)
        axes.step([0.01, *sorted(seconds)], [0, *share], where="post", label=name)
    axes.set_xscale("log")
    axes.set_xlabel("seconds from the question")
    axes.set_ylabel("share of answers")
    axes.grid(visible=True, which="both", alpha=0.2)
    axes.legend(loc="upper left")
    figure.savefig(file, metadata={"Date": None})


def write_json(measured: dict[str, Any], file: Path) -> None:
    """Write what was measured, rounded to what it can bear."""
    file.write_text(json.dumps(_rounded(measured), indent=2) + "\n", "utf-8")


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_rounded(inner) for inner in value]
    if isinstance(value, float) and value and math.isfinite(value):
        return float(f"{value:.4g}")
    return value


def markdown(measured: dict[str, Any]) -> str:
    """The page: every table that the run has numbers for."""
    lines = [
        "# Benchmarks",
        "",
        f"Written by `{measured['command']}` on {measured['machine']['cores']} cores "
        f"({measured['machine']['machine']}, Python {measured['machine']['python']}). "
        "More of the numbers: [benchmarks.json](benchmarks.json).",
        "",
        "The **naive chain** (`benchmarks/naive.py`) is what one would write first with LangChain, on "
        "the same language model, embedder and Chroma: chunks of 1,000 characters, the four nearest "
        "into the prompt, one call. Both are asked the same questions in turns, no question twice; "
        "no answer comes from the cache. A ratio is our time over the chain's. The chain checks "
        "nothing and refuses nothing, so its first claim is its first sentence.",
        "",
    ]
    for name, part in measured["answers"].items():
        lines += [
            f"## Answers: {name}",
            "",
            f"{part['ours']['answer']['n']} questions in {part['rounds']} rounds, `FOOTNOTED_SPEED="
            f"{measured['speed']}`; the language model wrote nothing for {part['unwritten']} of them.",
            "",
            "| seconds | ours: median [quartiles] | p95 | naive: median [quartiles] | p95 | ratio of "
            "medians, rounds | ratio of p95 |",
            "|---|---|---|---|---|---|---|",
        ]
        for stage in ("evidence", "claim", "answer"):
            ours, theirs, over = part["ours"][stage], part["naive"][stage], part["ratios"][stage]
            lines.append(
                f"| {stage} | {_shown(ours)} | {ours['p95']:.2f} | {_shown(theirs)} | "
                f"{theirs['p95']:.2f} | {over['median']:.3f} "
                f"[{min(over['rounds']):.3f}, {max(over['rounds']):.3f}] | {over['p95']:.3f} |"
            )
        lines += ["", f"![Share of answers over time]({part['plot']})", ""]
    if users := measured.get("users"):
        lines += [
            "## Eight users at once",
            "",
            f"{users['ours'][-1]:.1f} answers a minute, the naive chain {users['naive']:.1f}: "
            f"{users['ratio']:.1f} times as many. Each user asks {users['questions']} questions, one "
            "after the other, all different. Answers a minute of fewer users: "
            + ", ".join(
                f"{count}: {rate:.1f}"
                for count, rate in zip(users["users"], users["ours"], strict=True)
            )
            + ".",
            "",
            f"![Answers a minute over users]({users['plot']})",
            "",
        ]
    if ingest := measured.get("ingest"):
        lines += [
            "## Ingest",
            "",
            f"{ingest['ours']['median']:.0f} sentences a second [{ingest['ours']['low']:.0f}, "
            f"{ingest['ours']['high']:.0f}], lexical index included; the naive chain (32-bit floats "
            f"on torch, one write a chunk) {ingest['naive']['median']:.0f} "
            f"[{ingest['naive']['low']:.0f}, {ingest['naive']['high']:.0f}]: "
            f"{ingest['ratio']:.1f} times as many.",
            "",
        ]
    if length := measured.get("length"):
        lines += [
            "## Growth with the article's length",
            "",
            "Generated articles, the embedder's own vectors.",
            "",
            "| sentences | ingested, s | evidence-only answer, ms: median |",
            "|---|---|---|",
        ]
        lines += [
            f"| {row['sentences']:,} | {row['ingest']:.2f} | {row['answer']:.0f} |"
            for row in length["lengths"]
        ]
        sizes = [row["sentences"] for row in length["lengths"]]
        grown = {
            name: exponent(sizes, [row[field] for row in length["lengths"]])
            for name, field in (("ingest", "ingest"), ("an answer", "answer"))
        }
        lines += [
            _exponents(grown),
            f"![Milliseconds over the article's length]({length['plot']})",
            "",
        ]
    if cold := measured.get("cold"):
        lines += [
            "## A cold shell",
            "",
            f"`footnoted ask`, a process a question: evidence after {_shown(cold['evidence'])} s, the "
            f"answer after {_shown(cold['answer'])} s.",
            "",
        ]
    if scale := measured.get("scale"):
        lines += [
            "## Growth with the corpus",
            "",
            "Evidence-only answers on generated articles (`benchmarks/scale.py`); vectors of the first "
            "2,000 chunks are the embedder's, the others are those moved a little.",
            "",
            "| sentences | answer, ms: median | p95 | sentences written a second | lexical index, s |",
            "|---|---|---|---|---|",
        ]
        lines += [
            f"| {row['sentences']:,} | {row['p50']:.0f} | {row['p95']:.0f} | {row['write']:.0f} | "
            f"{row['index']:.1f} |"
            for row in scale["sizes"]
        ]
        if "plot" in scale:
            sizes = [row["sentences"] for row in scale["sizes"]]
            grown = {
                name: exponent(sizes, [row[field] for row in scale["sizes"]])
                for name, field in (("the median", "p50"), ("the 95th percentile", "p95"))
            }
            lines += [_exponents(grown), f"![Milliseconds over sentences]({scale['plot']})"]
        lines.append("")
    if limits := measured.get("limits"):
        lines += [
            "## The language model and the machine",
            "",
            "Reading is bound by 8-bit arithmetic (a product of two matrices of 2,048 squared), "
            "writing by the memory, from which all weights come for each token (two threads that "
            "read 400 MB).",
            "",
            "| tokens a second | measured | the machine's limit | share |",
            "|---|---|---|---|",
        ]
        lines += [
            f"| {name} | {limits[key]:.1f} | {limits[f'{key}_limit']:.1f} | "
            f"{limits[key] / limits[f'{key}_limit']:.2f} |"
            for name, key in (("reading", "prefill"), ("writing", "decode"))
        ]
        lines.append("")
    memory = measured["memory"]
    lines += [
        "## Memory",
        "",
        f"After the answers: {memory['process'] / 1e9:.2f} GB resident in this process, "
        f"{memory['llm'] / 1e9:.2f} GB in the language model's.",
        "",
    ]
    return "\n".join(lines)


def _exponents(grown: dict[str, float]) -> str:
    """A paragraph that says how costs grow."""
    shown = ", ".join(f"{value:.2f} of {name}" for name, value in grown.items())
    return f"\nFitted exponents (1 is linear growth): {shown}.\n"


def _shown(part: dict[str, float]) -> str:
    return f"{part['median']:.2f} [{part['low']:.2f}, {part['high']:.2f}]"
