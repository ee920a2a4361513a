"""The log of a run: where it goes, what its lines look like, and what is not in it."""

from __future__ import annotations

import json
import logging
import shlex
from argparse import ArgumentParser, Namespace
from decimal import Decimal
from pathlib import Path

import pytest

from agentflow.cli.logs import add_log_options, logging_to
from agentflow.cli.main import _bug, _report
from agentflow.errors import UsageError
from agentflow.runtime.events import TokenUsage
from agentflow.runtime.logs import RunLog
from agentflow.runtime.notices import (
    Approval,
    Note,
    Notice,
    Received,
    Reconnecting,
    RepairSent,
    Said,
    SessionStarted,
    Spent,
    ToolEnded,
    ToolStarted,
)
from agentflow.secret import protect

CANARY = "canary-s3cr3t"
NOTICES: list[Notice] = [
    SessionStarted(session_id="sesn_1", agent="agent/a", version=3),
    Received(event={"type": "agent.message", "id": "m1", "content": "private words"}),
    Said(text="private words"),
    ToolStarted(id="t1", name="bash", input={"command": "private words"}, custom=False),
    Approval(id="t1", name="bash", input={}, allowed=False, by="person", message="private words"),
    ToolEnded(id="t1", name="bash", is_error=True, seconds=0.25, text="private words"),
    Spent(turns=1, tokens=TokenUsage(input=3), cost_usd=Decimal("0.10"), cost_is_estimate=True),
    Reconnecting(attempt=1, delay_s=0.5, reason="It broke."),
    RepairSent(attempt=1, of=2, problems=("report.md is empty.",)),
    Note(level="warning", text="100 % of the budget is used."),
    Note(level="info", text="Event type 'x.y' is unknown here and was only recorded."),
]


def options(*words: str) -> Namespace:
    parser = ArgumentParser()
    add_log_options(parser)
    return parser.parse_args(words)


def written(path: Path, *words: str, notices: list[Notice] = NOTICES) -> list[str]:
    with logging_to(options("--log-file", str(path), *words)):
        log = RunLog("run1")
        log.started("agent/a", 3)
        for notice in notices:
            log(notice)
    return path.read_text().splitlines()


def test_lines_of_json(tmp_path: Path) -> None:
    lines = written(tmp_path / "logs/run.jsonl", "--log-format", "json")
    found = [json.loads(line) for line in lines]
    assert [line["message"] for line in found] == [
        "run started",
        "session started",
        "tool started",
        "denied",
        "tool ended",
        "spent",
        "reconnecting",
        "repair sent",
        "100 % of the budget is used.",
        "Event type 'x.y' is unknown here and was only recorded.",
    ]
    assert {line["run"] for line in found} == {"run1"}
    assert {line.get("session") for line in found[1:]} == {"sesn_1"}
    ended = found[4]
    assert (ended["level"], ended["tool"], ended["call"], ended["seconds"]) == (
        "warning",
        "bash",
        "t1",
        0.25,
    )
    assert found[5]["cost_usd"] == "0.10"
    assert ended["at"].endswith("+00:00")


def test_lines_of_text_are_words_that_a_shell_would_read(tmp_path: Path) -> None:
    lines = written(tmp_path / "run.log", "--log-level", "warning")
    assert [line.split()[1] for line in lines] == ["WARNING"] * 4
    words = shlex.split(lines[2])
    assert "run=run1" in words
    assert 'problems=["report.md is empty."]' in words


def test_what_is_said_is_not_logged_at_any_level(tmp_path: Path) -> None:
    lines = written(tmp_path / "run.log", "--log-level", "debug")
    assert "private" not in "\n".join(lines)
    assert sum(" event " in line for line in lines) == 1


@pytest.mark.parametrize("format", ["text", "json"])
def test_a_record_is_one_line_and_holds_no_secret(format: str, tmp_path: Path) -> None:
    protect("desk", CANARY)
    path = tmp_path / "run.log"
    with logging_to(options("--log-file", str(path), "--log-format", format)):
        RunLog("run1")(Note(level="info", text=f"two\nlines of {CANARY}\x1b[1m"))
        try:
            int(CANARY)
        except ValueError:
            logging.getLogger("agentflow.other").exception("It broke: %s", CANARY)
    first, second = path.read_text().splitlines()
    assert "canary" not in first + second
    assert "[desk]" in first
    assert "ValueError: invalid literal for int() with base 10: '[desk]'" in second
    assert "\x1b" not in first


def test_a_log_is_appended_to_and_let_go_of(tmp_path: Path) -> None:
    logger = logging.getLogger("agentflow")
    before = (logger.level, list(logger.handlers))
    written(tmp_path / "run.log", notices=[])
    lines = written(tmp_path / "run.log", notices=[])
    assert len(lines) == 2
    assert (logger.level, list(logger.handlers)) == before


def test_without_options_nothing_is_set_up(capsys: pytest.CaptureFixture[str]) -> None:
    handlers = list(logging.getLogger("agentflow").handlers)
    with logging_to(options("--log-format", "json")):
        assert logging.getLogger("agentflow").handlers == handlers
        RunLog("run1")(Note(level="warning", text="The view says this."))
    assert capsys.readouterr().err == ""


def test_without_a_file_it_goes_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    with logging_to(options("--log-level", "warning")):
        RunLog("run1")(Note(level="warning", text="Look."))
    assert " WARNING Look. run=run1" in capsys.readouterr().err


def test_a_file_that_cannot_be_written(tmp_path: Path) -> None:
    with (
        pytest.raises(UsageError, match="cannot be written"),
        logging_to(options("--log-file", str(tmp_path))),
    ):
        pytest.fail("it can")


def test_an_application_has_the_records_in_its_own_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "agentflow.run"):
        RunLog("run1")(NOTICES[0])
    [record] = caplog.records
    assert record.getMessage() == "session started"
    assert record.run_id == "run1"  # type: ignore[attr-defined]


def test_an_error_message_is_masked_where_it_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    protect("desk", CANARY)
    assert _report(UsageError(f"No {CANARY}.", hint=f"Set {CANARY}.")) == 2
    _bug(ValueError(CANARY))
    told = capsys.readouterr().err
    assert "error: No [desk].\n  hint: Set [desk]." in told
    assert "error: ValueError: [desk]" in told
    assert CANARY not in told
