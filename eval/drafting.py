"""A gold set from one's own articles: the language model proposes, checks choose, a person reads.

``OUT`` becomes a suite, its questions marked as drafts. ``OUT/proposals.jsonl`` remembers every
sentence that was asked about, so that a run that was cut short goes on where it stopped and a
question that somebody deleted does not come back. Unanswerable questions are not proposed: that an
article does NOT answer a question is what no check here can show; write those by hand.
"""

import json
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from eval.formats.folder import CORPUS, QUESTIONS, DocumentRow, QuestionRow
from eval.formats.rows import Row, read_rows
from eval.proposals import ANSWERS_FLOOR, Article, Dropped, Kept, examine, propose
from qa.disk import writing
from qa.errors import SuiteError
from qa.generation.llm import LLM
from qa.generation.prompt import Prompt
from qa.grounding.abstention import Reader
from qa.grounding.support import Similarity
from qa.schema import Document, digest
from qa.words import words

PROPOSALS = "proposals.jsonl"
_TRIES = 5
"""Sentences asked about for each question wanted, at most."""

_ASKED = ("who", "whom", "whose", "when", "where", "why", "how", "which", "what")

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class DraftReport:
    """What became of the proposals, those of earlier runs into the same folder included.

    Attributes:
        questions: rows in ``questions.jsonl``.
        tried: sentences asked about.
        dropped: proposals by the reason why they were not kept, most frequent first.
        exhausted: whether no sentence is left to ask about.
    """

    questions: int
    tried: int
    dropped: dict[str, int]
    exhausted: bool


class _Tried(Row):
    """A line of ``proposals.jsonl``."""

    id: str
    dropped: str | None


def draft_suite(
    documents: Sequence[Document],
    out: Path,
    *,
    llm: LLM,
    prompt: Prompt,
    reader: Reader,
    similar: Similarity,
    count: int,
    seed: int = 0,
    floor: float = ANSWERS_FLOOR,
    on_progress: Progress | None = None,
) -> DraftReport:
    """Propose questions about ``documents`` until the suite in ``out`` has ``count``.

    Sentences are drawn with ``seed``, one of each document in turn. Every row is on disk before
    the next is asked for; a run that was cut short is taken up again.

    Args:
        documents: the corpus.
        out: the suite's folder; made if there is none.
        llm: what proposes.
        prompt: ``draft_question``.
        reader: the cross-encoder.
        similar: cosine by the embedder.
        count: questions wanted in all, those of earlier runs included.
        seed: of the draw.
        floor: as for ``examine``.
        on_progress: called after each sentence with the questions and the sentences so far.

    Raises:
        ValueError: ``count`` is below 1.
        SuiteError: ``out`` was made from other documents, or a row in it is broken.
        LLMError: the model failed; what was drafted before is kept.
        StoreError: ``out`` cannot be written.
    """
    if count < 1:
        raise ValueError(f"count must be at least 1, not {count!r}")
    with writing(out):
        out.mkdir(parents=True, exist_ok=True)
        _write_corpus(documents, out / CORPUS)
        for name in (QUESTIONS, PROPOSALS):
            _mend(out / name)
    questions = [row for _, row in read_rows(out / QUESTIONS, QuestionRow)]
    tried = {row.id: row.dropped for _, row in read_rows(out / PROPOSALS, _Tried)}
    tried |= {row.id: None for row in questions if row.id not in tried}
    asked = [row.question for row in questions]
    exhausted = False
    sentences = _draw(documents, seed)
    while len(asked) < count and len(tried) < _TRIES * count:
        found = next(sentences, None)
        if found is None:
            exhausted = True
            break
        article, place = found
        row_id = _row_id(article, place)
        if row_id in tried:
            continue
        proposal = propose(llm, prompt, article, place)
        outcome: Kept | Dropped = Dropped.REPLY
        if proposal is not None:
            outcome = examine(
                proposal,
                article,
                place,
                reader=reader,
                similar=similar,
                earlier=asked,
                floor=floor,
            )
        if isinstance(outcome, Kept):
            source = f"{llm.name}, {prompt.label}"
            _append(out / QUESTIONS, _question_row(row_id, outcome, article.document.id, source))
            asked.append(outcome.question)
        tried[row_id] = None if isinstance(outcome, Kept) else outcome.value
        said = asdict(proposal) if proposal is not None else {}
        sentence = asdict(article.gold(place))
        _append(out / PROPOSALS, {"id": row_id, "dropped": tried[row_id], **said, **sentence})
        if on_progress is not None:
            on_progress(len(asked), len(tried))
    dropped = Counter(reason for reason in tried.values() if reason is not None)
    return DraftReport(len(asked), len(tried), dict(dropped.most_common()), exhausted)


def _draw(documents: Sequence[Document], seed: int) -> Iterator[tuple[Article, int]]:
    """Sentences worth asking about in an order of chance, one of each document in turn."""

    def drawn(document: Document) -> Iterator[tuple[Article, int]]:
        article = Article(document)
        places = article.worth_asking()
        for place in sorted(places, key=lambda at: digest(str(seed), document.id, str(at))):
            yield article, place

    order = sorted(documents, key=lambda document: digest(str(seed), document.id))
    waiting = deque(drawn(document) for document in order)
    while waiting:
        sentences = waiting.popleft()
        found = next(sentences, None)
        if found is not None:
            yield found
            waiting.append(sentences)


def _row_id(article: Article, place: int) -> str:
    span = article.spans[place]
    return f"draft-{digest(article.document.id, str(span.start), str(span.end))[:10]}"


def _question_row(row_id: str, kept: Kept, doc_id: str, source: str) -> dict[str, Any]:
    """A line of ``questions.jsonl``; its type is the question word, to be seen in a report."""
    said = set(words(kept.question))
    return {
        "id": row_id,
        "question": kept.question,
        "answers": [kept.answer],
        "answerable": True,
        "evidence": [[asdict(span) for span in spans] for spans in kept.evidence],
        "doc_ids": [doc_id],
        "type": next((word for word in _ASKED if word in said), "other"),
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
