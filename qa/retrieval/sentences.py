"""The sentences of a collection at one moment, fetched as one question needs them."""

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from qa.collection import Collection
from qa.errors import SnapshotGoneError
from qa.injection import addresses_model
from qa.layout import (
    LONGEST_LIST,
    asks,
    heading_level,
    introduces,
    is_heading,
    is_item,
    is_part,
    is_row,
    is_title,
    say_part,
)
from qa.schema import DocumentInfo, Span, sentence_id
from qa.snapshot import Snapshot, StoredChunk, chunk_id, chunk_prefix
from qa.words import words

_WHOLE = re.compile(r"(?![\W_]*[a-zß-ÿ])(?:\S+\s+){3}.*[.;!?…。！？][”’\"')\]]*$", re.DOTALL)
"""A sentence or what ends at a semicolon; no byline, no caption, no end of a list."""

_OPENING_CHUNKS = 12
"""How far into a document its first sentences are looked for."""

_REACH = 2
"""How many sentences back an antecedent may stand."""

_DEEPEST = 7
"""Below every heading."""

_FAR = 40
"""How many sentences back, or items, what introduces a list or a heading is looked for."""


class Place(NamedTuple):
    """A sentence by its chunk's id and its place among the chunk's sentences."""

    chunk: str
    offset: int

    def key(self) -> str:
        """As one string."""
        return f"{self.chunk}#{self.offset}"

    @classmethod
    def parse(cls, key: str) -> "Place":
        """The place of a ``key()``."""
        chunk, _, offset = key.rpartition("#")
        return cls(chunk, int(offset))


class Sentences:
    """Sentences by their places; a place is known once its chunk was added or fetched.

    Args:
        collection: where the chunks are.
        snapshot: which of them count.
    """

    def __init__(self, collection: Collection, snapshot: Snapshot) -> None:
        self._collection = collection
        self._snapshot = snapshot
        self._chunks: dict[str, StoredChunk] = {}

    def add(self, chunk: StoredChunk) -> list[Place]:
        """Take in a chunk; the places of its sentences, in order."""
        self._chunks[chunk.id] = chunk
        return [Place(chunk.id, offset) for offset in range(len(chunk.chunk.sentences))]

    def fetch(self, chunks: Iterable[str]) -> None:
        """Take in the chunks with these ids.

        Raises:
            SnapshotGoneError: one of them is there no more.
        """
        wanted = set(chunks) - self._chunks.keys()
        self._chunks |= self._collection.get(sorted(wanted), self._snapshot)
        if wanted - self._chunks.keys():
            raise SnapshotGoneError("documents changed while they were read")

    def fetch_before(self, places: Iterable[Place]) -> None:
        """Take in at once what ``before`` and ``texts_before`` will want of these places."""
        self.fetch(
            chunk_id(self.document(place), index)
            for place in places
            if place.offset < _REACH
            for index in _chunks_before(self._chunks[place.chunk].chunk.index)
        )

    def fetch_after(self, places: Iterable[Place]) -> None:
        """Take in at once what ``replies`` will want of these places."""
        self.fetch(
            chunk_id(self.document(place), index)
            for place in places
            if asks(self.text(place))
            for index in _chunks_after(self._chunks[place.chunk])
        )

    def text(self, place: Place) -> str:
        """The sentence itself."""
        return _text(self._chunks[place.chunk], place.offset)

    def span(self, place: Place) -> Span:
        """Where it stands in its document."""
        return self._chunks[place.chunk].chunk.sentences[place.offset]

    def number(self, place: Place) -> int:
        """Its number in its document, from 1."""
        return self._chunks[place.chunk].chunk.first_sentence + place.offset + 1

    def identity(self, place: Place) -> str:
        """Its id."""
        return sentence_id(self.document(place).id, self.span(place))

    def document(self, place: Place) -> DocumentInfo:
        """The document that it is of."""
        return self._chunks[place.chunk].document

    def is_heading(self, place: Place) -> bool:
        """A heading in Markdown says what follows is about, and is read before it.

        It proves nothing and is not offered.
        """
        return is_heading(self.text(place))

    def is_flagged(self, place: Place) -> bool:
        """Whether it addresses a language model."""
        return addresses_model(self.text(place))

    def opening(self, info: DocumentInfo, count: int) -> list[Place]:
        """The first sentences of a document: no headings, no title, no lines that break off.

        Nor is any of them flagged.
        """
        chunks = [chunk_id(info, index) for index in range(min(info.chunks, _OPENING_CHUNKS))]
        self.fetch(chunks)
        places = [place for chunk in chunks for place in self.add(self._chunks[chunk])]
        said = [
            place
            for place in places
            if not self.is_heading(place)
            and not self.is_flagged(place)
            and words(self.text(place)) != words(info.title)
        ]
        whole = [place for place in said if _WHOLE.match(self.text(place)) is not None]
        return (whole or said)[:count]

    def before(self, place: Place) -> Place | None:
        """The sentence before it, if there is one."""
        if place.offset > 0:
            return Place(place.chunk, place.offset - 1)
        index = self._chunks[place.chunk].chunk.index
        if index == 0:
            return None
        previous = chunk_id(self.document(place), index - 1)
        self.fetch([previous])
        return Place(previous, len(self._chunks[previous].chunk.sentences) - 1)

    def after(self, place: Place) -> Place | None:
        """The sentence after it, if there is one."""
        stored = self._chunks[place.chunk]
        if place.offset + 1 < len(stored.chunk.sentences):
            return Place(place.chunk, place.offset + 1)
        index = stored.chunk.index + 1
        if index == stored.document.chunks:
            return None
        following = chunk_id(stored.document, index)
        self.fetch([following])
        return Place(following, 0)

    def replies(self, place: Place) -> list[Place]:
        """The sentences below a question that ends its line, or a heading that asks.

        What goes on in the same line, the one who asks goes on to say.
        """
        replies: list[Place] = []
        at = self.after(place) if self._is_put(place) else None
        while at is not None and len(replies) < _REACH:
            if self.is_heading(at) or asks(self.text(at)):
                break
            replies.append(at)
            at = self.after(at)
        return replies

    def replies_to(self, place: Place) -> Place | None:
        """The question, or the heading that asks, right above a sentence."""
        before = self.before(place)
        return None if before is None or not self._is_put(before) else before

    def _is_put(self, place: Place) -> bool:
        """Whether a sentence asks, and its line ends with it."""
        chunk = self._chunks[place.chunk].chunk
        last = place.offset + 1 == len(chunk.sentences)
        until = None if last else chunk.sentences[place.offset + 1].start - chunk.start
        behind = chunk.text[chunk.sentences[place.offset].end - chunk.start : until]
        return "\n" in behind and asks(self.text(place))

    def introduction(self, place: Place) -> Place | None:
        """What introduces the list that ``place`` is an item of, or the head of its table.

        A list is introduced by the sentence before its first item, which may be a heading, or an
        item that it is a part of; ``None`` for what is neither, or too far from it.
        """
        text = self.text(place)
        if is_row(text):
            return self._head(place)
        if not is_item(text):
            return None
        item, depth = place, self._depth(place)
        for _ in range(_FAR):
            introduction = self.before(item)
            if introduction is None:
                return None
            line = self._beginning_of_line(introduction)
            if not is_item(self.text(line)) or self._depth(line) < depth:
                return introduction
            item = line
        return None

    def _head(self, row: Place) -> Place | None:
        head = row
        for _ in range(_FAR):
            previous = self.before(head)
            if previous is None or not is_row(self.text(previous)):
                return None if head == row else head
            head = previous
        return None

    def introduced(self, place: Place) -> list[Place]:
        """What ``place`` introduces: the items of a list, or else the next sentence, in order.

        Of a list that is too long to be quoted whole, one sentence more than may be: so much tells.

        Args:
            place: of a sentence, of a heading right above a list, or of an item with its own list.
        """
        following = self.after(place)
        if following is None or self.is_heading(following):
            return []
        if not is_item(self.text(following)):
            return [following] if introduces(self.text(place)) else []
        depth = self._depth(following)
        if is_item(self.text(place)) and depth <= self._depth(place):
            return []
        items: list[Place] = []
        at: Place | None = following
        while at is not None and len(items) <= LONGEST_LIST:
            line = self._beginning_of_line(at)
            if not is_item(self.text(line)) or self._depth(line) < depth:
                break
            items.append(at)
            at = self.after(at)
        return items

    def announced(self, place: Place) -> list[Place]:
        """What ``place`` introduces by its colon, as a title or as an item with its own list."""
        text = self.text(place)
        announces = introduces(text) or is_title(text) or is_item(text)
        return self.introduced(place) if announces else []

    def _depth(self, item: Place) -> int:
        """How far an item is set in, as far as its chunk shows: a chunk begins with a sentence."""
        chunk = self._chunks[item.chunk].chunk
        before = chunk.text[: chunk.sentences[item.offset].start - chunk.start]
        indent = before.rpartition("\n")[2]
        return len(indent.expandtabs(4)) if not indent.strip() else 0

    def _beginning_of_line(self, place: Place) -> Place:
        """The sentence that begins the line of ``place``, as far as its chunk shows."""
        chunk = self._chunks[place.chunk].chunk
        offset = place.offset
        while offset > 0:
            begin, end = chunk.sentences[offset - 1].end, chunk.sentences[offset].start
            if "\n" in chunk.text[begin - chunk.start : end - chunk.start]:
                break
            offset -= 1
        return Place(place.chunk, offset)

    def said(self, place: Place) -> str:
        """A sentence as it is read: a part of a list or a table with what introduces that."""
        return say_part(self.text(place), self.texts_before(place))

    def texts_before(self, place: Place) -> tuple[str, ...]:
        """The sentences before it that its antecedents may stand in, in reading order.

        Of an item or a row the last is what introduces it. Above a heading, or what stands behind a
        list, is only the heading that it is below. None addresses a model.
        """
        texts: list[str] = []
        previous = self.introduction(place)
        if previous is None and not is_item(self.text(place)):
            previous = self.before(place)
        while previous is not None and len(texts) < _REACH:
            texts.append(self.text(previous))
            previous = self._known_at(previous)
        return tuple(text for text in reversed(texts) if not addresses_model(text))

    def _known_at(self, place: Place) -> Place | None:
        """What a reader has in mind at a sentence: the one before it, or the heading above it."""
        level = heading_level(self.text(place))
        above = self.before(place)
        listed = above is not None and is_part(self.text(self._beginning_of_line(above)))
        if not level and (not listed or is_part(self.text(place))):
            return above
        for _ in range(_FAR):
            if above is None or 0 < heading_level(self.text(above)) < (level or _DEEPEST):
                return above
            above = self.before(above)
        return None


def to_index(chunks: Iterable[StoredChunk]) -> Iterator[tuple[str, str, str]]:
    """What the lexical index takes of each sentence: its revision, its place's key, its words."""
    for stored in chunks:
        revision = chunk_prefix(stored.document)
        for offset in range(len(stored.chunk.sentences)):
            text = f"{stored.document.title} {_text(stored, offset)}"
            yield revision, Place(stored.id, offset).key(), text


def _text(stored: StoredChunk, offset: int) -> str:
    chunk = stored.chunk
    span = chunk.sentences[offset]
    return chunk.text[span.start - chunk.start : span.end - chunk.start]


def _chunks_after(stored: StoredChunk) -> range:
    """The chunks that can hold the sentences behind one of this chunk."""
    index = stored.chunk.index
    return range(index + 1, min(index + 1 + _REACH, stored.document.chunks))


def _chunks_before(index: int) -> range:
    """The chunks that can hold the sentences before one at the beginning of chunk ``index``."""
    return range(max(0, index - _REACH), index)
