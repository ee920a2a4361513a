"""Sessions of a service made elsewhere, as cassettes: what events decide is decided, and the rest is said."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agentflow.cli.main import main
from agentflow.errors import UsageError
from agentflow.operations.check import Project, open_project
from agentflow.operations.importing import LACKS, import_session
from agentflow.operations.recording import Recorded
from agentflow.runtime.cassette import read_tape
from agentflow.testing.bench import Bench
from agentflow.testing.results import Result
from agentflow.testing.suite import run_cases
from tests.audit.tape import Tape
from tests.testing.desk import ROOM

PROJECT = (
    ROOM
    + """\
kind: Agent
name: clerk
model: claude-opus-5-5
environment: room
prompt: You look after orders.
inputs: { region: { type: string } }
task: "Look at {{ inputs.region }}."
tools: { write: allow, bash: ask }
custom:
  rate:
    description: The rate of a currency.
    input_schema: { type: object, required: [currency], properties: { currency: { type: string } } }
    run: "shop:rate"
approvals: [{ tool: bash, match: { command: "python3 *" }, answer: allow }]
outputs: { report: { path: report.md, sections: [Findings] } }
done: [The report has findings.]
uncertainty: assume
repair: 1
budget: { usd: 1, turns: 20, wall: 1h }
---
kind: Test
name: elsewhere
layer: replay
agent: clerk
cassette: ./run.jsonl
"""
)

SESSION = {
    "id": "sesn_elsewhere",
    "type": "session",
    "status": "idle",
    "agent": {"type": "agent", "id": "agent_7", "version": 4, "name": "Clerk",
              "model": {"id": "claude-opus-5-5", "speed": "standard"}},
    "environment_id": "env_1",
    "metadata": {},
    "usage": {},
    "stats": {},
    "created_at": "2026-11-20T09:00:00Z",
    "archived_at": None,
    "title": None,
}  # fmt: skip


def spoken() -> Tape:
    """A session with a tool on the client's side and one that asked, as a service lists it."""
    tape = Tape().begin("Look at {{ emea }}.").start().says("I look.")
    tape.calls("rate", "rate", currency="EUR").end().asks("rate").running()
    tape.result("1.1", of="rate").start()
    tape.uses("bash", "sum", "ask", command="python3 sum.py").end().asks("sum")
    tape.confirms("allow", of="sum").running().result("42", of="sum")
    return tape.delivers()


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    root = tmp_path_factory.mktemp("elsewhere")
    (root / "agentflow.yaml").write_text(PROJECT, encoding="utf-8")
    (root / "shop.py").write_text("def rate(currency): raise AssertionError('it ran')\n")
    return open_project(root)


def imported(project: Project, content: Any, **how: Any) -> Recorded:
    export = project.root / "export.json"
    text = content if isinstance(content, str) else json.dumps(content)
    export.write_text(text, encoding="utf-8")
    path = project.root / "run.jsonl"
    return import_session(project, export, path, target="local", overwrite=True, **how)


def replayed(project: Project, more: str = "", change: tuple[str, str] = ("", "")) -> Result:
    specs = project.root / "agentflow.yaml"
    specs.write_text(PROJECT.replace(*change) + more, encoding="utf-8")
    bench = Bench.of(open_project(project.root))
    [result] = run_cases(bench, bench.cases(), jobs=1)
    specs.write_text(PROJECT, encoding="utf-8")
    return result


def lines(items: list[Any]) -> str:
    return "".join(json.dumps(item) + "\n" for item in items)


SHAPES: dict[str, Callable[[list[Any]], Any]] = {
    "an array": lambda events: events,
    "an array by hand": lambda events: json.dumps(events, indent=2),
    "a page": lambda events: {"data": events, "next_page": None},
    "a page in a line": lambda events: json.dumps({"data": events}) + "\n",
    "events a line": lines,
    "pages a line": lambda events: lines(
        [{"data": events[:5], "next_page": "p2"}, {"data": events[5:], "next_page": None}]
    ),
    "a session and events a line": lambda events: lines([SESSION, *events]),
    "session and events": lambda events: {"session": SESSION, "events": events},
    "a session with its events": lambda events: {**SESSION, "events": {"data": events}},
    "with a byte order mark": lambda events: "\ufeff" + json.dumps(events),
    "a transcript": lambda events: lines(
        [line for e in events for line in ({"at": "t", "in": e}, {"at": "t", "out": {}})]
    ),
    "a stream": lambda events: lines(
        [
            *({**e, "processed_at": None} for e in events if e["type"] == "user.message"),
            {"type": "event_start", "event": {"id": "sevt_00003"}},
            *events,
        ]
    ),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_an_export_in_any_shape_replays_to_its_end(shape: str, project: Project) -> None:
    tape = spoken()
    made = imported(project, SHAPES[shape](tape.events))
    assert made.events == len(tape.events)
    assert {*LACKS, "which files there were"} <= {*made.lacks}
    result = replayed(
        project,
        "expect: { messages: [report.md is written], tools: { order: [rate, bash, write] },\n"
        "  approvals: [{ tool: bash, answer: allow, by: rule 1 }], limits: { turns: 4 } }\n",
    )
    assert result.outcome == "passed", result.failures
    assert "recorded elsewhere; not on the tape, so not verified: report" in (result.note or "")


def test_the_head_says_what_it_is_of(project: Project) -> None:
    made = imported(project, {"session": SESSION, "events": spoken().events})
    head = read_tape(made.path).head
    assert head["session"] == {
        "id": "sesn_elsewhere",
        "agent_id": "agent_7",
        "agent": "Clerk",
        "version": 4,
        "model": "claude-opus-5-5",
    }
    assert head["imported"] == {"from": "export.json", "lacks": list(made.lacks)}
    assert not any("its model" in lack or "which agent" in lack for lack in made.lacks)
    named = imported(project, spoken().events, model="claude-haiku-5-5")
    assert read_tape(named.path).head["session"]["model"] == "claude-haiku-5-5"
    assert any("which agent it was" in lack for lack in named.lacks)


ENDS: dict[str, tuple[Tape, str]] = {
    "budget": (Tape().begin().turn().stops("budget_reached"), "budget"),
    "refusal": (Tape().begin().turn().stops("refusal"), "refused"),
    "error": (
        Tape().begin().start().end(is_error=True)
        .error("model_request_failed_error", retry="exhausted").stops("retries_exhausted"),
        "failed",
    ),
    "terminated": (Tape().begin().turn().add("session.status_terminated"), "failed"),
    "interrupt": (
        Tape().begin().start().add("user.interrupt").end(is_error=True).stops(),
        "interrupted",
    ),
    "end": (spoken(), "completed"),
}  # fmt: skip


@pytest.mark.parametrize("end", ENDS)
def test_the_verdict_is_what_events_decide(end: str, project: Project) -> None:
    tape, verdict = ENDS[end]
    imported(project, tape.events)
    result = replayed(project, f"expect: {{ verdict: {verdict} }}\n")
    assert result.outcome == "passed", result.failures


def test_all_that_was_said_is_said_again(project: Project) -> None:
    """Behind the task, while the agent worked, and when it rested."""
    tape = spoken().running().task("And apac?").start().says("Apac too.")
    tape.end().start().task("Be short.", "steer").says("Shortly.").end().stops()
    tape.running().task("Thanks.").turn().stops()
    imported(project, tape.events)
    result = replayed(
        project, "expect: { messages: [Apac too., Shortly.], limits: { turns: 7 } }\n"
    )
    assert result.outcome == "passed", result.failures


def test_a_tape_that_goes_on_no_more_says_where_it_stands(project: Project) -> None:
    imported(project, Tape().begin().turn().start().says("I look.").events)
    [cut] = replayed(project).failures
    assert cut.message == "The tape ends, and the session has not come to rest."
    # Answered twice: the second answer is one that nobody gives.
    twice = Tape().begin().start().calls("rate", "rate", currency="EUR").end().asks("rate")
    twice.result("1.1", of="rate").running().result("1.1", of="rate").delivers()
    imported(project, twice.events)
    [_, waits] = replayed(project).failures
    assert waits.message.startswith("The tape waits for what is not sent now (line ")
    assert "user.custom_tool_result" in (waits.expected or "")


def test_what_is_decided_otherwise_today_is_found(project: Project) -> None:
    imported(project, spoken().events)
    denied = replayed(project, change=("answer: allow }", "answer: deny }"))
    assert denied.outcome == "failed"
    assert "What the session was made with is not known" in denied.failures[0].message
    assert "something else is sent" in denied.failures[1].message
    gone = replayed(project, change=("  rate:\n", "  price:\n"))
    assert any("something else is sent" in miss.message for miss in gone.failures)
    other_task = replayed(project, "inputs: { region: emea }\n")
    assert any("Look at emea" in (miss.got or "") for miss in other_task.failures)


@pytest.mark.parametrize(
    ("expected", "said"),
    [
        ("outputs: valid", "valid"),
        ("outputs: { report: { sections: [Findings], contains: [Findings] } }", "contains, sections"),
        ("outputs: { report: { exists: true } }", "exists"),
        ("outputs: { report: { exists: false } }", "exists"),
        ("outputs: { report: { sha256: '" + "0" * 64 + "' } }", "sha256"),
        ("checks: ['shop:rate']", "they hold"),
    ],
)  # fmt: skip
def test_nothing_is_expected_of_outputs_in_silence(
    expected: str, said: str, project: Project
) -> None:
    imported(project, spoken().events)
    result = replayed(project, f"expect: {{ {expected} }}\n")
    assert result.outcome == "failed"
    [_, miss] = result.failures if len(result.failures) == 2 else (None, result.failures[0])
    assert "not on the tape" in miss.message
    assert miss.expected == said


def test_a_list_of_files_says_what_was_delivered(project: Project) -> None:
    file = {"id": "file_1", "filename": "report.md", "size_bytes": 11, "downloadable": True}
    whole = {"session": SESSION, "events": spoken().events, "files": [file]}
    made = imported(project, whole)
    assert "which files there were" not in made.lacks
    found = replayed(project, "expect: { outputs: { report: { exists: true } } }\n")
    assert found.outcome == "passed", found.failures
    wrong = replayed(project, "expect: { outputs: { report: { exists: false } } }\n")
    assert wrong.outcome == "failed"
    # Nothing was delivered: then the run asks for it, which nobody did then.
    imported(project, {**whole, "files": []})
    assert replayed(project).outcome == "failed"


def broken(change: Callable[[list[dict[str, Any]]], Any]) -> Any:
    return change([dict(event) for event in spoken().events])


DAMAGED: dict[str, tuple[Any, str]] = {
    "empty": ("", "holds no events"),
    "no JSON": ("{", "is not JSON"),
    "no events": ("[]", "holds no events"),
    "numbers": ("[1]", "holds no events"),
    "a number": (broken(lambda e: [*e, 1]), "item"),
    "a cut line": (broken(lambda e: lines(e)[:-20] + "\n"), "is not JSON"),
    "no type": (broken(lambda e: [*e, {"id": "x"}]), "has no `type`"),
    "no id": (broken(lambda e: [*e, {"type": "agent.message"}]), "has no `id`"),
    "an id that is none": (broken(lambda e: [*e, {"type": "x.y", "id": 3}]), "`id` that is no text"),
    "no input": (
        broken(lambda e: [*e, {"type": "agent.tool_use", "id": "a", "name": "bash"}]),
        "(agent.tool_use) has no `input`",
    ),
    "one page of several": ({"data": spoken().events, "next_page": "p2"}, "`next_page`"),
    "nobody speaks": (
        broken(lambda e: [one for one in e if not one["type"].startswith("user.")]),
        "nobody says anything",
    ),
    "a cassette": ('{"cassette": 1}\n{"op": "event", "out": {"id": "a"}}\n', "a cassette already"),
    "a deep hole": (
        broken(lambda e: json.dumps(e)[:-1] + ', {"id": "a", "type": "x", "y":'
               + "[" * 600 + "]" * 600 + "}]"),
        "nested too deeply",
    ),
    "a bottomless one": ("[" * 100_000, "is not JSON"),
}  # fmt: skip


@pytest.mark.parametrize("case", DAMAGED)
def test_what_is_no_whole_session_is_refused_with_a_reason(
    case: str, tmp_path: Path, project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    content, said = DAMAGED[case]
    export, out = tmp_path / "export.json", tmp_path / "out" / "run.jsonl"
    export.write_text(content if isinstance(content, str) else json.dumps(content))
    arguments = ["sessions", "record", str(export), str(out), "-C", str(project.root)]
    assert main(arguments) == 2
    told = capsys.readouterr().err
    assert said in told
    assert "Traceback" not in told
    assert not out.parent.exists()


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    export = tmp_path / "export.json"
    export.write_bytes(b'[{"type": "x", "id": "\xff"}]')
    with pytest.raises(UsageError, match="not UTF-8"):
        import_session(None, export, tmp_path / "run.jsonl", target="local", overwrite=False)
    with pytest.raises(UsageError, match="There is no file"):
        import_session(
            None, tmp_path / "no.json", tmp_path / "run.jsonl", target="local", overwrite=False
        )


def test_a_cassette_has_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    export = tmp_path / "export.jsonl"
    export.write_text(lines(spoken().events), encoding="utf-8")
    with pytest.raises(UsageError, match="would replace what it is made of"):
        import_session(None, export, export, target="local", overwrite=True)
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="cannot be written"):
        import_session(
            None, export, tmp_path / "file" / "run.jsonl", target="local", overwrite=False
        )
    # It breaks off in the middle: neither the cassette nor a part of it stays.
    before = sorted(tmp_path.iterdir())
    monkeypatch.setattr("agentflow.operations.importing.write_session", _full)
    with pytest.raises(UsageError, match="No space left"):
        import_session(None, export, tmp_path / "run.jsonl", target="local", overwrite=False)
    assert sorted(tmp_path.iterdir()) == before


def _full(*_: object) -> None:
    raise OSError(28, "No space left on device")


def test_the_command_says_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a project too: an export is of a service that nobody here knows."""
    monkeypatch.chdir(tmp_path)
    Path("export.jsonl").write_text(lines([SESSION, *spoken().events]), encoding="utf-8")
    assert main(["sessions", "record", "export.jsonl", "run.jsonl"]) == 0
    told = capsys.readouterr().out
    assert "made of export.jsonl" in told
    assert "- what its files held" in told
    assert main(["sessions", "record", "export.jsonl", "run.jsonl"]) == 2
    assert "exists" in capsys.readouterr().err
    again = ["sessions", "record", "export.jsonl", "run.jsonl", "--overwrite", "--format", "json"]
    assert main(again) == 0
    assert json.loads(capsys.readouterr().out)["lacks"]
