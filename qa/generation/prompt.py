"""Prompt templates: Markdown files under ``prompts/``, one folder a version."""

import functools
import hashlib
import re
from collections.abc import Container, Sequence
from dataclasses import dataclass
from importlib.resources import files
from string import Template

from qa.layout import is_row, say_part
from qa.schema import Evidence

Message = tuple[str, str]
"""Role and content, as LangChain's chat models take them."""

_HOLES = {
    "answer": {"sentences", "question"},
    "quote": {"sentences", "question"},
    "condense": {"conversation", "question"},
    "judge": {"title", "text", "question"},
    "grade": {"question", "answers", "answer"},
    "draft_question": {"title", "before", "sentence", "opening"},
}
_ROLES = ("system", "user")
_STRAIGHT_QUOTES = re.compile(r'"([^"]*)"')


@dataclass(frozen=True)
class Prompt:
    """A prompt's templates.

    Attributes:
        name: ``NAME/VERSION``, for example ``answer/v1``.
        digest: six hex digits of the SHA-256 of its files.
        templates: role and template, in order.
    """

    name: str
    digest: str
    templates: tuple[tuple[str, Template], ...]

    @property
    def label(self) -> str:
        """What ``Provenance`` records."""
        return f"{self.name}@{self.digest}"

    def messages(self, **values: str) -> list[Message]:
        """The messages with the holes filled."""
        return [(role, text.substitute(values).strip()) for role, text in self.templates]


@functools.cache
def load_prompt(name: str) -> Prompt:
    """Load ``prompts/NAME/VERSION``.

    Raises:
        ValueError: the templates' holes are not those that the code fills.
    """
    folder = files("prompts").joinpath(name)
    texts = {
        role: file.read_text("utf-8")
        for role in _ROLES
        if (file := folder.joinpath(f"{role}.md")).is_file()
    }
    templates = tuple((role, Template(text)) for role, text in texts.items())
    if not all(template.is_valid() for _, template in templates):
        raise ValueError(f"prompts/{name} has a '$' that begins no hole; write '$$'")
    holes = {hole for _, template in templates for hole in template.get_identifiers()}
    expected = _HOLES[name.partition("/")[0]]
    if not templates or holes != expected:
        raise ValueError(f"prompts/{name} has the holes {sorted(holes)}, not {sorted(expected)}")
    digest = hashlib.sha256("\0".join(texts.values()).encode()).hexdigest()[:6]
    return Prompt(name, digest, templates)


def typographic(text: str) -> str:
    """One line, with typographic quotes; the embedded LLM ends its own text at a straight one."""
    return _STRAIGHT_QUOTES.sub(r"“\1”", " ".join(text.split())).replace('"', "”")


def show_sentences(evidence: Sequence[Evidence]) -> str:
    """The offered sentences, a numbered line each.

    Documents come by their best sentence and sentences as they stand in their document: read in
    order, "He" finds whom it means. A row comes with its head, and an item with what introduces it,
    where that is not shown.
    """
    best = {item.document_id: item.number for item in reversed(evidence)}
    ordered = sorted(evidence, key=lambda item: (best[item.document_id], item.start))
    texts = {item.text for item in evidence}
    return "\n".join(
        f"[{number}] {typographic(_shown(item, texts))}"
        for number, item in enumerate(ordered, start=1)
    )


def _shown(item: Evidence, texts: Container[str]) -> str:
    known = item.before[-1:] and item.before[-1] in texts and not is_row(item.text)
    return item.text if known else say_part(item.text, item.before)
