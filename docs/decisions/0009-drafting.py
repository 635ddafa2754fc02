"""Drafts answers in several ways, with the same evidence and the same checks behind each.

``python docs/decisions/0009-drafting.py LIMIT SUITE…`` asks so many questions of each suite (0:
all), every question in all ways before the next one, and prints for each suite and way the scores
with their paired differences from the first way and 95 % intervals of these, and seconds. Where the
corpus is one short article, it is also drafted from the whole of it; these questions come last and
one after the other, so that the embedded LLM has the article read from the second on.
"""

import json
import sys
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from eval.asking import ask_with, ingest_corpus
from eval.formats import load_suite
from eval.runner import Record, run
from eval.stats import paired_difference
from eval.summary import summarize
from qa.answerer import Answerer
from qa.assembly import Assembly
from qa.generation.drafter import Draft, Drafter
from qa.generation.llm import LLM, stream_chat
from qa.generation.prompt import load_prompt, show_sentences, typographic
from qa.grounding.reader import Reader
from qa.schema import Evidence, Passage
from qa.settings import load_settings

SEED = 1
SHORT = 12_000
"""Characters of an article that fits into the embedded LLM's context."""
SCORES = ("str_em", "citation_f1", "answered_rate", "false_answer_rate")
SYSTEM = "You answer questions from numbered sentences and use nothing but what the sentences say."
SCHEMA = {
    "type": "object",
    "properties": {
        "sentences": {"type": "array", "items": {"type": "integer"}, "maxItems": 3},
        "answer": {"type": "string"},
    },
    "required": ["sentences", "answer"],
}


class _Forgetful:
    """The model without its cache: else the first way reads the sentences for the others, too."""

    def __init__(self, llm: LLM) -> None:
        self.name = llm.name
        self.token_probabilities = llm.token_probabilities
        self.limit = llm.limit
        self._llm = llm

    def connect(self) -> Any:
        """A chat model that reads every prompt from its beginning."""
        return self._llm.connect().bind(extra_body={"cache_prompt": False})


class _Whole(Drafter, ABC):
    """A way whose draft is known only when the model has ended."""

    def stream(self, question: str, evidence: Sequence[Evidence], draft: Draft) -> Iterator[str]:
        """The statement alone, in one piece."""
        draft.text = self.state(question, evidence)
        yield draft.text

    @abstractmethod
    def state(self, question: str, evidence: Sequence[Evidence]) -> str:
        """The statement that answers."""

    def reply(self, prompt: str, **options: Any) -> str:
        """What the model says to a prompt."""
        messages = [("system", SYSTEM), ("user", prompt)]
        return "".join(c.text for c in stream_chat(self.llm, messages, max_tokens=160, **options))


def _asked(question: str, evidence: Sequence[Evidence]) -> str:
    return f"{show_sentences(evidence)}\n\nQuestion: {typographic(question)}\n"


class NumbersFirst(_Whole):
    """A JSON schema: the numbers of the sentences, then the answer."""

    def state(self, question: str, evidence: Sequence[Evidence]) -> str:
        """The member ``answer``; the numbers are hints that nothing needs."""
        said = self.reply(
            _asked(question, evidence)
            + "Reply in JSON with the numbers of the sentences that hold the answer, and with the "
            "answer as one short, complete sentence.",
            response_format={
                "type": "json_schema",
                "json_schema": {"name": "answer", "schema": SCHEMA, "strict": True},
            },
        )
        try:
            return str(json.loads(said)["answer"])
        except (ValueError, KeyError):
            return ""


class QuoteFirst(_Whole):
    """The sentence copied, then the answer."""

    def state(self, question: str, evidence: Sequence[Evidence]) -> str:
        """What follows the quotation."""
        said = self.reply(
            _asked(question, evidence)
            + "First copy the sentence that answers the question, then answer it in one short, "
            "complete sentence. Reply in two lines that begin with “Quote:” and “Answer:”."
        )
        return said.rpartition("Answer:")[2].strip()


class SpanFirst(_Whole):
    """The cross-encoder finds the answer; the model only phrases it."""

    reader: Reader

    def state(self, question: str, evidence: Sequence[Evidence]) -> str:
        """The likeliest answer of the likeliest sentence, as a sentence."""
        if not evidence:
            return ""
        best = max(evidence, key=lambda item: item.answers or 0)
        (found,) = self.reader.read(question, [Passage(best.text, title=best.title)])
        return self.reply(
            f"[1] {typographic(best.text)}\n\nQuestion: {typographic(question)}\n"
            f"Answer: {typographic(best.text[found.start : found.end])}\n"
            "Reply with this answer as one short, complete sentence."
        )


class WholeArticle(_Whole):
    """The whole article before the question; what the model has read of it, it need not again."""

    text: str

    def state(self, question: str, evidence: Sequence[Evidence]) -> str:
        """An answer from memory of the article, not of the sentences found."""
        return self.reply(
            f"{typographic(self.text)}\n\nQuestion: {typographic(question)}\n"
            "Answer in one short, complete sentence, in the words of the article."
        )


def main() -> None:
    """Ask and print."""
    limit, folders = int(sys.argv[1]), sys.argv[2:]
    with Assembly(load_settings()) as assembly:
        for folder in folders:
            suite = load_suite(Path(folder))
            collection = ingest_corpus(suite, assembly)
            ways = {
                kind.__name__: _way(kind, assembly, collection)
                for kind in (Drafter, NumbersFirst, QuoteFirst, SpanFirst)
            }
            ways["no model"] = _answerer(assembly, collection)
            runs = [
                run(suite, ask_with(way), source_text=suite.text, limit=limit or None, seed=SEED)
                for way in ways.values()
            ]
            records = list(zip(*runs, strict=True))
            first = [each[0] for each in records]
            for name, own in zip(ways, map(list, zip(*records, strict=True)), strict=True):
                print(_row(suite.name, name, own, first), flush=True)
            texts = [document.text for document in suite.documents.values()]
            if len(texts) == 1 and len(texts[0]) < SHORT:
                way = _way(WholeArticle, assembly, collection, text=texts[0])
                again = list(
                    run(
                        suite, ask_with(way), source_text=suite.text, limit=limit or None, seed=SEED
                    )
                )
                print(_row(suite.name, "WholeArticle", again, first), flush=True)


def _way(kind: type[Drafter], assembly: Assembly, collection: str, text: str = "") -> Answerer:
    prompts = {name: load_prompt(f"{name}/v1") for name in ("answer", "quote", "condense")}
    llm: Any = assembly.llm if kind is WholeArticle else _Forgetful(assembly.llm)
    drafter = kind(llm, max_tokens=assembly.settings.llm.max_tokens, **prompts)
    if isinstance(drafter, SpanFirst):
        drafter.reader = assembly.cross_encoder
    if isinstance(drafter, WholeArticle):
        drafter.text = text
    return _answerer(assembly, collection, drafter)


def _answerer(assembly: Assembly, collection: str, drafter: Drafter | None = None) -> Answerer:
    return Answerer(
        assembly.retriever(collection),
        assembly.cross_encoder,
        drafter,
        None if drafter is None else assembly.judge,
        min_confidence=assembly.settings.grounding.min_confidence,
        fall_back=False,
    )


def _row(suite: str, way: str, records: Sequence[Record], first: Sequence[Record]) -> str:
    found = summarize(records, seed=SEED).metrics
    cells = []
    for name in SCORES:
        estimate = found.get(name)
        pairs = [
            (a.scores[name], b.scores[name])
            for a, b in zip(first, records, strict=True)
            if a.scores.get(name) is not None and b.scores.get(name) is not None
        ]
        cell = "–" if estimate is None else f"{estimate.mean:.2f}"
        if estimate is not None and records != list(first) and pairs:
            difference = paired_difference(*zip(*pairs, strict=True), seed=SEED)
            cell += f" ({difference.mean:+.2f} [{difference.low:+.2f}, {difference.high:+.2f}])"
        cells.append(cell)
    seconds = sorted(record.seconds for record in records if record.seconds is not None)
    cells.append(f"{median(seconds):.1f} / {seconds[int(0.95 * (len(seconds) - 1))]:.1f}")
    return f"| {suite} | {way} | {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
