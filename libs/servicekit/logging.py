"""structlog for all of a process, with what must never be logged taken out."""

import logging
import sys
from collections.abc import Mapping
from typing import Any, Literal, TextIO

import structlog
from structlog.typing import EventDict, Processor

LogFormat = Literal["json", "console"]

REDACTED = "[redacted]"
# Compared without case, dashes and underscores, as a part of the name.
SECRET_NAMES = (
    "authorization",
    "cookie",
    "password",
    "privatekey",
    "secret",
    "sharedsecret",
    "signature",
    "token",
)
DEPTH_MAX = 6
# pino's names, as operators have them in their settings; nothing here logs above error.
_LEVELS = {"trace": logging.DEBUG, "silent": logging.CRITICAL, "fatal": logging.CRITICAL}


def configure_logging(
    *,
    level: str,
    log_format: LogFormat = "json",
    stream: TextIO | None = None,
    worker: str | None = None,
) -> None:
    """Set up structlog and the standard library's logging, once, at start.

    Args:
        level: `debug`, `info`, `warning`, `error`; also pino's `trace`, `warn`, `fatal`, `silent`.
        log_format: one JSON object a line, or coloured text for a terminal.
        stream: standard output unless given.
        worker: which of several processes this is, on each line.

    Raises:
        ValueError: there is no such level.
    """
    number = _level_number(level)
    target = stream or sys.stdout
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        *(() if worker is None else (_stamp(worker),)),
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        redact,
    ]
    renderer: Processor = (
        structlog.processors.JSONRenderer()
        if log_format == "json"
        else structlog.dev.ConsoleRenderer(colors=target.isatty())
    )
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(target),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(target)
    formatter = structlog.stdlib.ProcessorFormatter
    handler.setFormatter(
        formatter(foreign_pre_chain=shared, processors=[formatter.remove_processors_meta, renderer])
    )
    # Libraries say much at info; what they warn of is worth a line.
    logging.basicConfig(level=max(number, logging.WARNING), handlers=[handler], force=True)


def _stamp(worker: str) -> Processor:
    def stamp(_logger: Any, _method: str, event: EventDict) -> EventDict:
        event.setdefault("worker", worker)
        return event

    return stamp


def redact(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """A structlog processor: hide the values of secret names, also inside mappings and lists."""
    return {name: _clean(name, value, DEPTH_MAX) for name, value in event.items()}


def _clean(name: str, value: Any, depth: int) -> Any:
    plain = name.lower().replace("-", "").replace("_", "")
    if any(secret in plain for secret in SECRET_NAMES):
        return REDACTED
    if depth == 0:
        return value if isinstance(value, str | int | float | bool | None) else REDACTED
    if isinstance(value, Mapping):
        return {key: _clean(str(key), item, depth - 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_clean("", item, depth - 1) for item in value]
    return value


def _level_number(level: str) -> int:
    name = level.lower()
    number = _LEVELS.get(name, logging.getLevelNamesMapping().get(name.upper()))
    if number is None:
        raise ValueError(f"LOG_LEVEL: there is no level {level!r}")
    return number
