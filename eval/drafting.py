"""A gold set from one's own articles: the language model proposes, checks choose, a person reads.

``OUT`` becomes a suite, its questions marked as drafts. ``OUT/proposals.jsonl`` remembers every
proposal, so that a run that was cut short goes on where it stopped and a
question that somebody deleted does not come back. Unanswerable questions are not proposed: that an
article does NOT answer a question is what no check here can show; write those by hand.
"""

import json
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from eval.formats.folder import CORPUS, QUESTIONS, DocumentRow, QuestionRow
from eval.formats.rows import Row, read_rows
from eval.proposals import Article, Author, openings, propose
from eval.screening import ANSWERS_FLOOR, Kept, Reader, examine
from qa.disk import writing
from qa.errors import SuiteError
from qa.grounding.support import Similarity
from qa.schema import Document, digest

PROPOSALS = "proposals.jsonl"
_TRIES = 20
"""Proposals for each question wanted, at most; of the embedded LLM's, 4 of 47 were kept."""

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class DraftReport:
    """What became of the proposals, those of earlier runs into the same folder included.

    Attributes:
        questions: rows in ``questions.jsonl``.
        tried: proposals.
        dropped: how many were not kept, by the reason, most frequent first.
        exhausted: whether there is nothing left to ask about.
    """

    questions: int
    tried: int
    dropped: dict[str, int]
    exhausted: bool


class _Tried(Row):
    """A line of ``proposals.jsonl``."""

    id: str
    dropped: str | None


@dataclass(frozen=True, slots=True)
class _Task:
    """A question to ask for: about which sentence, and how it begins."""

    article: Article
    place: int
    opening: str

    @property
    def id(self) -> str:
        span = self.article.spans[self.place]
        document = self.article.document
        return f"draft-{digest(document.id, str(span.start), str(span.end), self.opening)[:10]}"


def draft_suite(
    documents: Sequence[Document],
    out: Path,
    *,
    author: Author,
    reader: Reader,
    similar: Similarity,
    count: int,
    seed: int = 0,
    floor: float = ANSWERS_FLOOR,
    on_progress: Progress | None = None,
) -> DraftReport:
    """Propose questions about ``documents`` until the suite in ``out`` has ``count``.

    Sentences are drawn with ``seed``, one of each document in turn, and asked about in another
    way once all have had their turn. Every row is on disk before the next is asked for; a run
    that was cut short is taken up again.

    Args:
        documents: the corpus.
        out: the suite's folder; made if there is none.
        author: what proposes.
        reader: the cross-encoder.
        similar: cosine by the embedder.
        count: questions wanted in all, those of earlier runs included.
        seed: of the draw.
        floor: how likely the sentence must answer by the cross-encoder, in [0, 1].
        on_progress: called after each proposal with the questions and the proposals so far.

    Raises:
        ValueError: ``count`` is below 1.
        SuiteError: ``out`` was made from other documents, or a row in it is broken.
        LLMError: the model failed; what was drafted before is kept.
        StoreError: ``out`` cannot be written.
    """
    if count < 1:
        raise ValueError(f"count must be at least 1, not {count!r}")
    documents = list({document.id: document for document in documents}.values())
    with writing(out):
        out.mkdir(parents=True, exist_ok=True)
        _write_corpus(documents, out / CORPUS)
        for name in (QUESTIONS, PROPOSALS):
            _mend(out / name)
    questions = [row for _, row in read_rows(out / QUESTIONS, QuestionRow)]
    tried = {row.id: row.dropped for _, row in read_rows(out / PROPOSALS, _Tried)}
    tried |= {row.id: None for row in questions if row.id not in tried}
    asked = [row.question for row in questions]
    tasks = (task for task in _draw(documents, seed) if task.id not in tried)
    exhausted = False
    while len(asked) < count and len(tried) < _TRIES * count and not exhausted:
        task = next(tasks, None)
        if task is None:
            exhausted = True
            continue
        proposal = propose(author, task.article, task.place, task.opening)
        outcome = examine(
            proposal,
            task.article,
            task.place,
            reader=reader,
            similar=similar,
            earlier=asked,
            floor=floor,
        )
        if isinstance(outcome, Kept):
            _append(out / QUESTIONS, _question_row(task, outcome, author.label))
            asked.append(outcome.question)
        tried[task.id] = None if isinstance(outcome, Kept) else outcome.value
        sentence = asdict(task.article.gold(task.place))
        row = {"id": task.id, "dropped": tried[task.id], **asdict(proposal), **sentence}
        _append(out / PROPOSALS, row)
        if on_progress is not None:
            on_progress(len(asked), len(tried))
    dropped = Counter(reason for reason in tried.values() if reason is not None)
    return DraftReport(len(asked), len(tried), dict(dropped.most_common()), exhausted)


def _draw(documents: Sequence[Document], seed: int) -> Iterator[_Task]:
    """What to ask about in an order of chance, one sentence of each document in turn."""

    def chance(task: _Task) -> str:
        return digest(str(seed), task.id)

    def drawn(document: Document) -> Iterator[_Task]:
        article = Article(document)
        turns: dict[int, list[_Task]] = defaultdict(list)
        for place in article.worth_asking():
            tasks = [_Task(article, place, opening) for opening in openings(article.text(place))]
            for turn, task in enumerate(sorted(tasks, key=chance)):
                turns[turn].append(task)
        for turn in sorted(turns):
            yield from sorted(turns[turn], key=chance)

    order = sorted(documents, key=lambda document: digest(str(seed), document.id))
    waiting = deque(drawn(document) for document in order)
    while waiting:
        tasks = waiting.popleft()
        task = next(tasks, None)
        if task is not None:
            yield task
            waiting.append(tasks)


def _question_row(task: _Task, kept: Kept, source: str) -> dict[str, Any]:
    """A line of ``questions.jsonl``; its type is how the question begins, for the report."""
    return {
        "id": task.id,
        "question": kept.question,
        "answers": [kept.answer],
        "answerable": True,
        "evidence": [[asdict(span) for span in spans] for spans in kept.evidence],
        "doc_ids": [task.article.document.id],
        "type": task.opening.lower(),
        "source": source,
        "draft": True,
    }


# ── files ───────────────────────────────────────────────────────────────────────────────────


def _write_corpus(documents: Sequence[Document], path: Path) -> None:
    texts = {document.id: document.text for document in documents}
    if not texts:
        raise SuiteError("there is no document to ask about", help="Ingest an article first.")
    if path.exists():
        written = {row.doc_id: row.text for _, row in read_rows(path, DocumentRow)}
        if written != texts:
            raise SuiteError(
                f"{path} holds other documents than those to draft from",
                help="Choose another folder, or draft from the same documents again.",
            )
        return
    lines = [
        {"doc_id": it.id, "title": it.title, "text": it.text, "url": it.uri} for it in documents
    ]
    whole = path.with_name(path.name + ".part")
    whole.write_text("".join(map(_line, lines)), encoding="utf-8", newline="\n")
    whole.replace(path)


def _mend(path: Path) -> None:
    """End the last line, or cut off the half line that a killed run may have left."""
    path.touch()
    content = path.read_bytes()
    whole, _, last = content.rpartition(b"\n")
    if last:
        try:
            json.loads(last)
        except ValueError:
            path.write_bytes(whole + b"\n" if whole else b"")
        else:
            path.write_bytes(content + b"\n")


def _append(path: Path, row: dict[str, Any]) -> None:
    with writing(path), path.open("a", encoding="utf-8", newline="\n") as file:
        file.write(_line(row))


def _line(row: dict[str, Any]) -> str:
    return json.dumps(row, ensure_ascii=False) + "\n"
