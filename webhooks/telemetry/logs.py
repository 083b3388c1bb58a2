"""Write the log, as text for people or as one JSON object a line, each event with what it is about.

What is known about the call at hand is kept beside it (`about`), so that whoever logs need not be told.
"""

import json
import logging
import sys
from collections.abc import Mapping
from contextvars import ContextVar
from datetime import UTC, datetime
from types import MappingProxyType

from webhooks.settings import LogFormat, LogLevel

_NOTHING: Mapping[str, str] = MappingProxyType({})
_about: ContextVar[Mapping[str, str]] = ContextVar("about", default=_NOTHING)
_OURS = "penstock"
_WEIGHTS = {
    LogLevel.DEBUG: logging.DEBUG,
    LogLevel.INFO: logging.INFO,
    LogLevel.WARN: logging.WARNING,
    LogLevel.ERROR: logging.ERROR,
}
_TEXT = "%(asctime)s %(name)s %(levelname)s %(message)s"


def begin_call(**known: str) -> None:
    """Forget the call before and remember what is known about this one: request_id, canary, hook, run."""
    _about.set({key: value for key, value in known.items() if value})


def learn(**known: str) -> None:
    """Add to what is known about the call at hand."""
    _about.set({**_about.get(), **{key: value for key, value in known.items() if value}})


def event(logger: logging.Logger, text: str, **fields: object) -> None:
    """Log a decision with its fields."""
    logger.info(text, extra={"fields": fields})


class JsonFormatter(logging.Formatter):
    """Write an event as one JSON object."""

    def format(self, record: logging.LogRecord) -> str:
        """Write time, level, logger, message, what is known about the call, fields, and the trace of an error."""
        document: dict[str, object] = {
            "ts": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "msg": record.getMessage(),
            **_about.get(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            document["error"] = self.formatException(record.exc_info)
        return json.dumps(document, default=str)


class TextFormatter(logging.Formatter):
    """Write an event as a line, its fields as key=value."""

    def __init__(self) -> None:
        super().__init__(_TEXT)

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the name of the method it replaces
        """Write the line."""
        fields = {**_about.get(), **getattr(record, "fields", {})}
        told = "".join(f" {key}={value if str(value).isalnum() else repr(value)}" for key, value in fields.items())
        return super().formatMessage(record) + told


def set_up(form: LogFormat, level: LogLevel = LogLevel.INFO) -> None:
    """Log to stderr in a form, from now on and in processes that are forked; of others nothing below info."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if form is LogFormat.JSON else TextFormatter())
    root = logging.getLogger()
    root.handlers = [handler]
    weight = _WEIGHTS[level]
    root.setLevel(max(weight, logging.INFO))
    logging.getLogger(_OURS).setLevel(weight)
