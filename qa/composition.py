"""An answer while its claims come in."""

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from qa.grounding.checks import Checked
from qa.grounding.citations import Footnotes
from qa.schema import (
    NO_ANSWER,
    Answer,
    Citation,
    Claim,
    ClaimEvent,
    Evidence,
    EvidenceEvent,
    Found,
    Provenance,
    Timings,
    UnsupportedPolicy,
    Usage,
)
from qa.words import words

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Clock:
    """Milliseconds since the question arrived."""

    started: float = field(default_factory=time.perf_counter)
    marks: dict[str, float] = field(default_factory=dict)

    def mark(self, name: str) -> None:
        """Note the time, the first time that it comes to this."""
        self.marks.setdefault(name, round((time.perf_counter() - self.started) * 1000, 1))


@dataclass(slots=True)
class Composition:
    """An answer while its claims come in."""

    question: str
    standalone: str
    policy: UnsupportedPolicy
    clock: Clock
    provenance: Provenance
    offered: dict[str, Evidence] = field(default_factory=dict)
    makeshift: bool = False
    notes: list[str] = field(default_factory=list)
    usage: Usage = Usage()
    claims: list[Claim] = field(default_factory=list)
    released: list[Checked] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    unanswered: list[str] = field(default_factory=list)
    footnotes: Footnotes = field(default_factory=Footnotes)

    def offer(self, evidence: Sequence[Evidence], found: Sequence[Found] = ()) -> EvidenceEvent:
        """Take in what was found; the event tells all that is offered so far, numbered on."""
        for item in evidence:
            number = len(self.offered) + 1
            self.offered.setdefault(item.sentence_id, item.model_copy(update={"number": number}))
        return EvidenceEvent(
            standalone_question=self.standalone,
            evidence=list(self.offered.values()),
            found=list(found),
        )

    def says(self, item: Checked) -> bool:
        """Whether a claim that was released already, of another part perhaps, says the same."""
        said = words(item.claim)
        return item.problem is None and any(said == words(it.claim) for it in self.released)

    def add(self, item: Checked) -> ClaimEvent:
        """Take a claim in and number its footnotes."""
        numbers: list[int] = []
        new: list[Citation] = []
        if item.problem is None:
            numbers, new = self.footnotes.cite(item.support.proof)
            self.clock.mark("first_claim")
            self.released.append(item)
        else:
            self.problems.append(item.problem)
        claim = Claim(
            text=item.claim,
            citations=numbers,
            support=round(item.sure, 3),
            verdict="supported" if item.problem is None else "unsupported",
        )
        self.claims.append(claim)
        return ClaimEvent(claim=claim, citations=new)

    def add_conflict(self, item: Checked) -> ClaimEvent:
        """Take in what contradicts another claim; the answer is no less complete for that."""
        event = self.add(item)
        said, other = event.claim.citations
        self.notes.append(f"sentences [{said}] and [{other}] differ")
        return event

    def note_failure(self, note: str) -> None:
        """Say that the language model failed; asked again, the question may be answered better."""
        logger.warning("%s", note)
        self.notes.append(note)
        self.makeshift = True

    def finish(self) -> Answer:
        """The whole answer."""
        supported = [claim for claim in self.claims if claim.verdict == "supported"]
        shown = self.claims if self.policy == "mark" else supported
        if not supported:
            status, text = "no_answer", NO_ANSWER
        else:
            whole = len(supported) == len(self.claims) and not self.unanswered
            status = "answered" if whole else "partial"
            text = " ".join(claim.footnoted() for claim in shown)
        reasons = list(dict.fromkeys(self.problems)) or (
            [] if self.claims or self.notes else ["nothing was found that could be said"]
        )
        if supported:
            reasons += [f"nothing proved answers “{part}”" for part in self.unanswered]
        reasons += [
            *dict.fromkeys(self.notes),
            *(_aside(item) for item in self.offered.values() if item.flagged),
        ]
        self.clock.mark("total")
        return Answer(
            question=self.question,
            standalone_question=self.standalone,
            status=status,
            answer=text,
            claims=shown,
            citations=self.footnotes.cited(),
            confidence=min((claim.support for claim in supported), default=0.0),
            reason="; ".join(reasons) or None,
            timings_ms=Timings(**self.clock.marks),
            usage=self.usage,
            provenance=self.provenance,
        )


def _aside(item: Evidence) -> str:
    return f"sentence {item.sentence} of “{item.title}” addresses a language model and is set aside"
