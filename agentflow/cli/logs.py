"""[io] `--log-file`, `--log-level` and `--log-format`: where the log of this process goes, and as what."""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from agentflow.errors import UsageError
from agentflow.secret import mask

if TYPE_CHECKING:
    from logging import Formatter, Handler, LogRecord

__all__ = ["add_log_options", "logging_to"]

_LEVELS = ("debug", "info", "warning", "error")


def add_log_options(parser: ArgumentParser) -> None:
    group = parser.add_argument_group("log")
    group.add_argument(
        "--log-file", type=Path, metavar="FILE", help="append a log of what happens to FILE"
    )
    group.add_argument(
        "--log-level",
        choices=_LEVELS,
        help="what is worth a line (default: info); without --log-file it goes to standard error",
    )
    group.add_argument(
        "--log-format",
        choices=("text", "json"),
        default="text",
        help="lines for people, or one JSON object each",
    )


@contextmanager
def logging_to(args: Namespace) -> Iterator[None]:
    """Log as the options say, while the context lasts. Without any of them nothing is set up.

    Raises:
        UsageError: the file cannot be written.
    """
    if args.log_file is None and args.log_level is None:
        yield
        return
    import logging

    handler = _handler(args.log_file)
    handler.setFormatter(_formatter(args.log_format))
    logger = logging.getLogger("agentflow")
    before = logger.level
    logger.setLevel((args.log_level or "info").upper())
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before)
        handler.close()


def _handler(file: Path | None) -> Handler:
    import logging

    if file is None:
        return logging.StreamHandler()
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        return logging.FileHandler(file, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise UsageError(
            f"{str(file)!r} cannot be written: {error.strerror}.", hint="--log-file takes a file."
        ) from None


def _formatter(format: str) -> Formatter:
    import logging

    class Lines(logging.Formatter):
        """One line for each record, whatever is in it, and no known secret."""

        def format(self, record: LogRecord) -> str:
            line = _as_json(record) if format == "json" else _as_text(record)
            return mask(line)

    return Lines()


def _fields(record: LogRecord) -> dict[str, object]:
    found: dict[str, object] = {}
    for key, name in (("run", "run_id"), ("session", "session_id")):
        if getattr(record, name, None) is not None:
            found[key] = getattr(record, name)
    found |= getattr(record, "facts", {})
    if record.exc_info is not None and record.exc_info[0] is not None:
        found["error"] = f"{record.exc_info[0].__name__}: {record.exc_info[1]}"
    return found


def _at(record: LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")


def _as_json(record: LogRecord) -> str:
    head = {"at": _at(record), "level": record.levelname.lower(), "logger": record.name}
    told = {**head, "message": record.getMessage(), **_fields(record)}
    return json.dumps(told, ensure_ascii=False, default=str)


def _as_text(record: LogRecord) -> str:
    """Such as `2026-11-23T10:00:00.000+00:00 INFO tool ended run=… tool=bash seconds=0.2`."""
    words = [
        _at(record),
        record.levelname,
        json.dumps(record.getMessage(), ensure_ascii=False)[1:-1],
    ]
    for key, value in _fields(record).items():
        text = (
            value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
        )
        plain = text and not any(c.isspace() or c in '"=' or not c.isprintable() for c in text)
        words.append(f"{key}={text if plain else json.dumps(text, ensure_ascii=False)}")
    return " ".join(words)
