"""`agentflow sessions audit|cost|events|timeline|diff`, over a ledger, a service and files."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import jsonschema
import pytest

from agentflow.cli.main import main
from agentflow.output.audit_report import audit_schema, diff_schema
from agentflow.output.shown import session_schema
from tests.audit.sessions import BAD, GOOD

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example `hello` with one run, made through the embedded service."""
    root = tmp_path_factory.mktemp("looked") / "hello"
    shutil.copytree(EXAMPLES / "hello", root, ignore=shutil.ignore_patterns(".agentflow"))
    assert main(["run", "-C", str(root)]) == 0
    return root


def written(tmp_path: Path, events: list[dict[str, object]], how: str) -> Path:
    path = tmp_path / ("events.jsonl" if how == "lines" else "events.json")
    texts = {
        "lines": "".join(json.dumps(event) + "\n" for event in events),
        "list": json.dumps(events, indent=1),
        "page": json.dumps({"data": events, "next_page": None}),
        "export": json.dumps({"events": events}, indent=2),
    }
    path.write_text(texts[how])
    return path


@pytest.mark.parametrize("how", ["lines", "list", "page", "export"])
def test_a_file_needs_no_project(
    how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    case = next(case for case in BAD if case.name == "an error four times")
    path = written(tmp_path, case.tape.events, how)
    assert main(["sessions", "audit", str(path), "--format", "json"]) == 1
    data = json.loads(capsys.readouterr().out)
    jsonschema.validate(data, json.loads(audit_schema()))
    assert data["events"] == len(case.tape.events)
    assert [finding["code"] for finding in data["findings"]] == ["AU103"]
    assert main(["sessions", "audit", str(path), "--exit-zero"]) == 0
    assert "AU103 error: same-error-again" in capsys.readouterr().out


def test_a_run_is_told_from_its_ledger(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sessions", "audit", "last", "-C", str(project), "--format", "json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert (data["source"], data["agent"], data["verdict"]) == (
        "ledger",
        "agent/greeter",
        "completed",
    )
    assert data["findings"] == []
    assert data["cost"]["estimate_usd"] is not None
    assert main(["sessions", "audit", "last", "-C", str(project)]) == 0
    assert "Nothing to look at." in capsys.readouterr().out


def test_the_service_tells_the_same(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["sessions", "audit", "last", "-C", str(project), "--format", "json"])
    ledger = json.loads(capsys.readouterr().out)
    arguments = ["sessions", "audit", "last", "--service", "-C", str(project), "--format", "json"]
    assert main(arguments) == 0
    service = json.loads(capsys.readouterr().out)
    assert service["source"] == "service"
    for key in ("agent", "findings", "timeline", "run", "session", "verdict"):
        assert service[key] == ledger[key], key
    assert service["cost"] == ledger["cost"]
    # A session that the ledger does not know: the whole way over the service.
    ledger_file = project / ".agentflow" / "ledger.db"
    hidden = ledger_file.with_name("hidden.db")
    ledger_file.rename(hidden)
    try:
        arguments = [
            "sessions",
            "audit",
            service["session"],
            "-C",
            str(project),
            "--format",
            "json",
        ]
        assert main(arguments) == 0
        unknown = json.loads(capsys.readouterr().out)
        arguments = ["sessions", "show", service["session"], "-C", str(project)]
        assert main(arguments) == 0
        text = capsys.readouterr().out
        assert main([*arguments, "--format", "json"]) == 0
        shown = json.loads(capsys.readouterr().out)
        assert main(["sessions", "show", "sesn_nobody", "-C", str(project)]) == 4
        assert "-t TARGET" in capsys.readouterr().err
    finally:
        for path in ledger_file.parent.glob("ledger.db*"):
            path.unlink()
        hidden.rename(ledger_file)
    assert unknown["agent"] == "agent/greeter"
    assert unknown["timeline"] == ledger["timeline"]
    jsonschema.validate(shown, json.loads(session_schema()))
    assert (shown["source"], shown["session"]) == ("service", service["session"])
    assert (shown["status"], shown["run"], shown["agent"]) == (
        "idle",
        ledger["run"],
        "agent/greeter",
    )
    assert shown["cost"] == unknown["cost"]
    assert f"agentflow sessions audit {service['session']}" in shown["next"]
    assert text.startswith(f"session {service['session']}  idle, end_turn  (from the service)")
    assert "  agent   agent/greeter, version 1" in text


def test_a_cassette_tells_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root, cassette = tmp_path / "hello", tmp_path / "session.jsonl"
    shutil.copytree(EXAMPLES / "hello", root, ignore=shutil.ignore_patterns(".agentflow"))
    assert main(["run", "-C", str(root), "--record", str(cassette)]) == 0
    capsys.readouterr()
    assert main(["sessions", "audit", "last", "-C", str(root), "--format", "json"]) == 0
    ledger = json.loads(capsys.readouterr().out)
    assert main(["sessions", "audit", str(cassette), "--format", "json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["source"], ledger["source"]) == ("file", "ledger")
    assert told["timeline"] == ledger["timeline"]
    assert (told["agent"], told["model"]) == (ledger["agent"], ledger["model"])
    assert {**told["cost"], "label": ""} == {**ledger["cost"], "label": ""}
    assert told["cost"]["estimate_usd"] is not None
    # What the service said of the session is in the head, and is enough to show it.
    head = json.loads(cassette.read_text(encoding="utf-8").splitlines()[0])
    assert (head["session"]["agent"], head["session"]["version"]) == ("greeter", 1)
    assert main(["sessions", "show", str(cassette), "--format", "json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    jsonschema.validate(shown, json.loads(session_schema()))
    assert shown["agent"] == "agent/greeter"
    assert shown["agent_version"] == 1
    assert shown["model"] == head["session"]["model"]
    assert shown["files"] == ["welcome.md"]
    assert (shown["status"], shown["state"], shown["reason"]) == ("idle", "rests", "end_turn")
    assert shown["cost"]["estimate_usd"] == ledger["cost"]["estimate_usd"]


@pytest.mark.parametrize("verb", ["audit", "cost", "show", "diff"])
def test_a_file_that_names_no_model_is_unpriced_until_somebody_does(
    verb: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = written(tmp_path, GOOD[0].tape.events, "lines")
    more = [str(path)] if verb == "diff" else []
    arguments = ["sessions", verb, str(path), *more, "-C", str(tmp_path)]
    if verb != "diff":
        assert main(arguments) == 0
        assert "--model ID" in capsys.readouterr().out
        assert main([*arguments, "--model", "claude-tomorrow-9"]) == 0
        assert "has no list price" in capsys.readouterr().out
    assert main([*arguments, "--model", "claude-opus-5-5"]) == 0
    assert "unpriced" not in capsys.readouterr().out


def test_a_cassette_of_the_first_format_is_read(capsys: pytest.CaptureFixture[str]) -> None:
    """It names no model; one that names it is not told another one."""
    tape = EXAMPLES / "hello" / "tests" / "greeter.jsonl"
    assert tape.read_text(encoding="utf-8").startswith('{"cassette": 1,')
    for more, priced in ([], False), (["--model", "claude-haiku-5-5"], True):
        assert main(["sessions", "cost", str(tape), "--format", "json", *more]) == 0
        cost = json.loads(capsys.readouterr().out)["total"]
        assert (cost["estimate_usd"] is not None) is priced
        assert cost["tokens_usd"] != "0"


def test_costs_of_all_runs(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for by in ("run", "agent", "day", "project"):
        assert main(["sessions", "cost", "--by", by, "-C", str(project), "--format", "json"]) == 0
        data = json.loads(capsys.readouterr().out)
        assert data["total"]["runs"] == 1
    assert main(["sessions", "cost", "last", "--by", "turn", "-C", str(project)]) == 0
    assert "CACHE READ" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("filters", "shown"),
    [
        ([], True),
        (["--agent", "greeter"], True),
        (["--agent", "agent/greeter", "--state", "completed"], True),
        (["--agent", "somebody"], False),
        (["--state", "failed"], False),
        (["--since", "1h"], True),
        (["--since", "2026-01-01", "--until", "2200-01-01"], True),
        (["--until", "1h"], False),
        (["--cost-above", "0"], True),
        (["--cost-above", "$100"], False),
    ],
)
def test_runs_are_listed_by_what_they_are(
    filters: list[str], shown: bool, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["sessions", "list", "-C", str(project), *filters]
    assert main(arguments) == 0
    assert ("greeter" in capsys.readouterr().out) is shown
    assert main([*arguments, "--format", "json"]) == 0
    assert len(json.loads(capsys.readouterr().out)) == shown


@pytest.mark.parametrize("option", ["--since", "--until", "--cost-above"])
@pytest.mark.parametrize("value", ["soon", "-", "nan"])
def test_a_filter_that_means_nothing(
    option: str, value: str, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["sessions", "list", "-C", str(project), f"{option}={value}"]) == 2
    assert f"{option} {value!r} is n" in capsys.readouterr().err


def test_sessions_that_the_service_has(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["sessions", "list", "--service", "-C", str(project)]
    assert main(arguments) == 0
    assert "agent/greeter" in capsys.readouterr().out
    assert main([*arguments, "--format", "json"]) == 0
    [one] = json.loads(capsys.readouterr().out)
    assert one["status"] == "idle"
    assert one["run_id"]


def test_events_and_timeline(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["sessions", "events", "last", "--type", "span", "-C", str(project)]
    assert main(arguments) == 0
    types = {json.loads(line)["type"] for line in capsys.readouterr().out.splitlines()}
    assert types == {"span.model_request_start", "span.model_request_end"}
    assert main(["sessions", "timeline", "last", "-C", str(project)]) == 0
    assert "end_turn" in capsys.readouterr().out


def test_files_are_listed_and_fetched_and_never_replaced(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    here = ["-C", str(project)]
    assert main(["sessions", "outputs", "last", *here, "--format", "json"]) == 0
    [file] = [one for one in json.loads(capsys.readouterr().out) if one["downloadable"]]
    assert file["path"] is None
    out = tmp_path / "fetched"
    assert main(["sessions", "outputs", "last", *here, "--out", str(out)]) == 0
    assert f"-> {out}" in capsys.readouterr().out
    assert (out / file["filename"]).stat().st_size == file["size_bytes"]
    assert main(["sessions", "outputs", "last", *here, "--out", str(out)]) == 2
    assert "is there already" in capsys.readouterr().err


def test_archiving_takes_a_yes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = tmp_path / "hello"
    shutil.copytree(EXAMPLES / "hello", root, ignore=shutil.ignore_patterns(".agentflow"))
    assert main(["run", "-C", str(root)]) == 0
    here = ["-C", str(root)]
    assert main(["sessions", "archive", "last", *here]) == 2
    assert "cannot be undone" in capsys.readouterr().err
    assert main(["sessions", "archive", "last", *here, "--yes"]) == 0
    assert "is archived" in capsys.readouterr().out
    assert main(["sessions", "archive", "last", *here, "--yes"]) == 0
    assert "was archived before" in capsys.readouterr().out
    # Its history is there still.
    assert main(["sessions", "audit", "last", "--service", *here]) == 0


def test_two_sessions_side_by_side(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a = tmp_path / "a.jsonl"
    b = tmp_path / "b.jsonl"
    for path, case in ((a, GOOD[0]), (b, GOOD[1])):
        path.write_text("".join(json.dumps(event) + "\n" for event in case.tape.events))
    assert main(["sessions", "diff", str(a), str(b), "--format", "json"]) == 0
    data = json.loads(capsys.readouterr().out)
    jsonschema.validate(data, json.loads(diff_schema()))
    assert {"what": "calls of bash", "before": "0", "after": "1"} in data["differences"]
    assert main(["sessions", "diff", str(a), str(a)]) == 0
    assert "do not differ" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "There is no file"),
        ("", "holds no events"),
        ("{", "is not JSON"),
        ("[1, 2]", "holds no events"),
        ('{"at": 1, "out": {}}\n', "holds no events"),
    ],
)
def test_what_is_no_session_is_refused(
    content: str | None, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "events.jsonl"
    if content is not None:
        path.write_text(content)
    assert main(["sessions", "audit", str(path)]) == 2
    assert said in capsys.readouterr().err


def test_no_file_has_such_a_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for verb in ("audit", "show"):
        assert main(["sessions", verb, "sesn_" + "a" * 5000, "-C", str(tmp_path)]) == 2
        assert capsys.readouterr().err.startswith("error: There is no ")


def test_a_page_that_cannot_be_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text("".join(json.dumps(event) + "\n" for event in GOOD[0].tape.events))
    arguments = ["sessions", "audit", str(path), "--html", str(tmp_path / "none" / "a.html")]
    assert main(arguments) == 2
    assert "cannot be written" in capsys.readouterr().err


def test_a_code_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "au302"]) == 0
    assert "AU302 cold-cache (warning)" in capsys.readouterr().out
    assert main(["explain", "AU4"]) == 0
    assert "AU408" in capsys.readouterr().out
    assert main(["explain", "AU999"]) == 2
