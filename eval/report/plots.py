"""Plots of a run as SVG for an HTML page, coloured by the page's own CSS variables."""

import io
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from markupsafe import Markup

from eval.cases import Alternatives
from eval.metrics import (
    aurc,
    calibration_curve,
    expected_calibration_error,
    recall_at_k,
    risk_coverage_curve,
)
from eval.metrics.citation import Located
from eval.runner import Record
from eval.stats import bootstrap_interval

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ItemT = TypeVar("ItemT")

KS = (1, 2, 3, 5, 8, 12, 20, 50, 100)

# Colours that stand for CSS variables until the SVG is written.
_INK, _MUTED, _RULE, _ONE, _TWO = "#010101", "#020202", "#030303", "#040404", "#050505"
_VARIABLES = {
    _INK: "var(--ink)",
    _MUTED: "var(--muted)",
    _RULE: "var(--rule)",
    _ONE: "var(--line-1)",
    _TWO: "var(--line-2)",
}
_STYLE: dict[Any, Any] = {
    "axes.edgecolor": _RULE,
    "axes.grid": True,
    "axes.labelcolor": _MUTED,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "font.size": 9,
    "grid.color": _RULE,
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "legend.labelcolor": _INK,
    "lines.linewidth": 1.8,
    "svg.fonttype": "none",
    "text.color": _INK,
    "xtick.color": _MUTED,
    "ytick.color": _MUTED,
}
_INCHES = (4.0, 2.7)  # about as many CSS pixels as a plot is wide on a phone


@dataclass(frozen=True, slots=True)
class Plot:
    """A plot, what to read from it, and the same numbers as a table."""

    title: str
    svg: Markup
    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def plots(records: Sequence[Record], gold: Sequence[Alternatives], *, salt: str) -> list[Plot]:
    """All plots for which there is anything to show.

    Args:
        records: of one run.
        gold: one for each record.
        salt: tells the ids in this run's SVGs from those of another's on the same page.
    """
    drawn = [
        _risk_coverage(records, salt),
        _calibration(records, salt),
        _recall(records, gold, salt),
        _latency(records, salt),
    ]
    return [plot for plot in drawn if plot is not None]


def _risk_coverage(records: Sequence[Record], salt: str) -> Plot | None:
    sure, correct = _judged(records)
    area = aurc(sure, correct)
    if area is None:
        return None
    curve = risk_coverage_curve(sure, correct)

    def draw(axes: "Axes") -> None:
        axes.step(curve.coverage, curve.risk, where="post", color=_ONE)
        axes.plot(curve.coverage[-1:], curve.risk[-1:], "o", color=_ONE, markersize=5)
        axes.axhline(float(curve.risk[-1]), color=_MUTED, linewidth=1, linestyle=(0, (2, 3)))
        axes.set(xlim=(0, 1.02), ylim=(0, max(0.05, float(curve.risk.max()) * 1.1)))
        axes.set(xlabel="share of the answers that is kept", ylabel="share of these that is wrong")

    return Plot(
        title="Risk against coverage",
        svg=_svg(draw, f"{salt}-risk"),
        caption=f"Keeping only the surest answers: the lower the line, the better the confidence "
        f"tells right from wrong. Area {area:.3f}; dotted, what it is without a threshold: "
        f"{curve.risk[-1]:.2f} of {len(sure)} answers wrong.",
        columns=("confidence at least", "kept", "wrong"),
        rows=tuple(
            (f"{threshold:.2f}", f"{coverage:.2f}", f"{risk:.2f}")
            for threshold, coverage, risk in _thinned(
                list(zip(curve.threshold, curve.coverage, curve.risk, strict=True))
            )
        ),
    )


def _calibration(records: Sequence[Record], salt: str) -> Plot | None:
    sure, correct = _judged(records)
    error = expected_calibration_error(sure, correct)
    if error is None:
        return None
    bins = calibration_curve(sure, correct)
    most = max(it.n for it in bins)

    def draw(axes: "Axes") -> None:
        axes.plot([0, 1], [0, 1], color=_MUTED, linewidth=1, linestyle=(0, (2, 3)))
        confidence, accuracy = [it.confidence for it in bins], [it.accuracy for it in bins]
        axes.plot(confidence, accuracy, color=_ONE, linewidth=1)
        sizes = [20 + 100 * it.n / most for it in bins]
        axes.scatter(confidence, accuracy, s=sizes, color=_ONE, zorder=3, clip_on=False)
        axes.set(xlim=(0, 1.02), ylim=(0, 1.02))
        axes.set(xlabel="confidence", ylabel="share that is right")

    return Plot(
        title="Calibration",
        svg=_svg(draw, f"{salt}-calibration"),
        caption=f"On the dotted line a confidence is what it says; above it, it is too modest. "
        f"The larger a point, the more answers. Expected calibration error {error:.3f}.",
        columns=("confidence", "mean", "right", "answers"),
        rows=tuple(
            (f"{it.low:.1f}–{it.high:.1f}", f"{it.confidence:.2f}", f"{it.accuracy:.2f}", str(it.n))
            for it in bins
        ),
    )


def _recall(records: Sequence[Record], gold: Sequence[Alternatives], salt: str) -> Plot | None:
    known = [
        (record, alternatives)
        for record, alternatives in zip(records, gold, strict=True)
        if record.answerable and record.error is None and alternatives
    ]
    if not known:
        return None

    def at(k: int, *, offered: bool) -> list[float]:
        recalls = [
            recall_at_k(_order(record, offered), alternatives, k) for record, alternatives in known
        ]
        return [recall for recall in recalls if recall is not None]

    longest = {
        offered: max(len(_order(it, offered)) for it, _ in known) for offered in (False, True)
    }
    lines = {
        offered: [
            (k, bootstrap_interval(at(k, offered=offered), seed=0, resamples=500))
            for k in sorted({*(k for k in KS if k < most), most})
        ]
        for offered, most in longest.items()
        if most
    }
    if not lines:
        return None
    names = {False: "found by the search", True: "offered as evidence"}

    def draw(axes: "Axes") -> None:
        for (offered, line), colour in zip(lines.items(), (_ONE, _TWO), strict=False):
            ks = [k for k, _ in line]
            lows, highs = [it.low for _, it in line], [it.high for _, it in line]
            axes.fill_between(ks, lows, highs, color=colour, alpha=0.13, linewidth=0)
            means = [it.mean for _, it in line]
            style = "-" if offered else (0, (5, 2))
            axes.plot(
                ks,
                means,
                color=colour,
                linestyle=style,
                marker="o",
                markersize=3.5,
                label=names[offered],
            )
        shown = [k for k in KS if k <= max(longest.values()) and k not in (2, 12)]
        axes.set_xscale("log")
        axes.minorticks_off()
        axes.set_xticks(shown, [str(k) for k in shown])
        axes.set(ylim=(0, 1.04), xlabel="first k sentences", ylabel="share of the gold in them")
        axes.legend(loc="lower right")

    last = {offered: line[-1][1].mean for offered, line in lines.items()}
    caption = "; ".join(f"{mean:.2f} of the gold {names[it]}" for it, mean in last.items())
    return Plot(
        title="Retrieval recall at k",
        svg=_svg(draw, f"{salt}-recall"),
        caption=f"{caption}, over {len(known)} answerable questions, with 95 % intervals.",
        columns=("order", "k", "recall", "interval"),
        rows=tuple(
            (names[offered], str(k), f"{it.mean:.2f}", f"{it.low:.2f}–{it.high:.2f}")
            for offered, line in lines.items()
            for k, it in line
        ),
    )


def _latency(records: Sequence[Record], salt: str) -> Plot | None:
    total = sorted(record.seconds for record in records if record.seconds is not None)
    if not total:
        return None
    timings = [record.answer.timings_ms for record in records if record.answer is not None]
    first = sorted(it.first_claim / 1000 for it in timings if it.first_claim is not None)
    lines = {"whole answer": total} | ({"first claim": first} if first else {})
    median, late = np.quantile(total, [0.5, 0.95])

    def draw(axes: "Axes") -> None:
        from matplotlib.ticker import LogLocator

        for (name, seconds), colour in zip(lines.items(), (_ONE, _TWO), strict=False):
            axes.ecdf(seconds, color=colour, label=name, linestyle="-" if colour == _ONE else "--")
        axes.set(ylim=(0, 1.04), xlabel="seconds", ylabel="share of the questions")
        if total[-1] > 4 * median:
            axes.set_xscale("log")
            axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axes.xaxis.set_major_formatter("{x:g}")
            axes.minorticks_off()
        axes.legend(loc="lower right")

    shares = (0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 1.0)
    return Plot(
        title="Latency",
        svg=_svg(draw, f"{salt}-latency"),
        caption=f"How many are answered within so many seconds: half within {median:.1f} s, "
        f"95 in 100 within {late:.1f} s.",
        columns=("share", *lines),
        rows=tuple(
            (f"{share:.0%}", *(f"{np.quantile(it, share):.2f} s" for it in lines.values()))
            for share in shares
        ),
    )


def _order(record: Record, offered: bool) -> Sequence[Located]:
    if not offered:
        return record.found
    return sorted(record.evidence, key=lambda it: it.number)


def _judged(records: Sequence[Record]) -> tuple[list[float], list[float]]:
    """Confidence and correctness of what was answered and can be judged."""
    pairs = [
        (record.answer.confidence, correct)
        for record in records
        if record.answer is not None and (correct := record.scores.get("correct")) is not None
    ]
    return [sure for sure, _ in pairs], [correct for _, correct in pairs]


def _thinned(rows: Sequence[ItemT], most: int = 12) -> list[ItemT]:
    places = np.unique(np.linspace(0, len(rows) - 1, min(most, len(rows))).round().astype(int))
    return [rows[place] for place in places]


def _svg(draw: "Callable[[Axes], None]", salt: str) -> Markup:
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    file = io.StringIO()
    with rc_context({**_STYLE, "svg.hashsalt": salt}):
        figure = Figure(figsize=_INCHES, layout="constrained")
        draw(figure.subplots())
        figure.savefig(file, format="svg", transparent=True, metadata={"Date": None})
    written = file.getvalue()
    written = written[written.index("<svg") :]
    written = re.sub(r"<metadata>.*?</metadata>", "", written, flags=re.DOTALL)
    written = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", written)
    written = re.sub(r'(<svg[^>]*?) height="[^"]*"', r'\1 aria-hidden="true"', written)
    referenced = set(re.findall(r'(?:url\(|href=")#([^)"]+)', written))
    written = re.sub(r' id="([^"]+)"', lambda it: it[0] if it[1] in referenced else "", written)
    for colour, variable in _VARIABLES.items():
        written = written.replace(colour, variable)
    return Markup(written)
