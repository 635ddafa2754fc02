"""The server's log on standard error: lines of JSON, or of text for people."""

import json
import logging
import sys
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, Literal

REQUEST_ID: ContextVar[str | None] = ContextVar("request_id", default=None)
"""The request that is being answered; threads that work for it see it too."""

LogFormat = Literal["auto", "json", "text"]

_OURS = ("qa", "ingest")


class JsonFormatter(logging.Formatter):
    """A record as one JSON object; what it was given as ``extra={"fields": …}`` is in it."""

    def format(self, record: logging.LogRecord) -> str:
        """One line, in ASCII."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if (request_id := REQUEST_ID.get()) is not None:
            line["request_id"] = request_id
        line |= getattr(record, "fields", {})
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


class TextFormatter(logging.Formatter):
    """A record as people read it."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(message)s%(request)s")

    def format(self, record: logging.LogRecord) -> str:
        """A line, with a traceback below if there is one."""
        request_id = REQUEST_ID.get()
        record.request = f" [{request_id}]" if request_id else ""
        return super().format(record)


def is_json(log_format: LogFormat) -> bool:
    """Whether the log is JSON: by choice, or because nobody reads it at a terminal."""
    return log_format == "json" or (log_format == "auto" and not sys.stderr.isatty())


def write_log(log_format: LogFormat) -> None:
    """Write this process's log to standard error, of other packages warnings alone."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if is_json(log_format) else TextFormatter())
    handler.addFilter(_is_wanted)
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    for package in _OURS:
        logging.getLogger(package).setLevel(logging.INFO)
    logging.captureWarnings(True)


def _is_wanted(record: logging.LogRecord) -> bool:
    # By record, not by level of the root: a package may set its own logger to DEBUG.
    ours = record.name.partition(".")[0] in _OURS
    return ours or record.levelno >= logging.WARNING
