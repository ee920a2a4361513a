"""Bad input through the command line: one clear message, the exit code as designed, nothing written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agentflow.cli.main import COMMANDS, main
from agentflow.codes import CODES
from agentflow.errors import UsageError
from tests.support.bad_input import CASES, BadInput
from tests.support.cli import agentflow

NEED_A_PROJECT = ("lint", "fmt", "compile", "plan", "apply", "run", "serve")
GOOD = (
    "apiVersion: agentflow/v1\nkind: Project\nname: shop\n---\n"
    "kind: Environment\nname: box\n---\n"
    "kind: Agent\nname: sorter\nmodel: claude-opus-5-5\nenvironment: box\nprompt: You sort letters.\n"
    "task: Sort.\ntools: { write: allow }\noutputs: { r: { path: r.md } }\n"
    "done: [The letters are sorted.]\nuncertainty: assume\nbudget: { usd: 1 }\n"
)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "agentflow.yaml").write_text(GOOD, encoding="utf-8")
    (tmp_path / "empty").mkdir()
    return tmp_path


@pytest.mark.parametrize("command", ["lint", "compile", "plan", "apply", "run"])
@pytest.mark.parametrize("case", [case for case in CASES if case.has_project], ids=lambda c: c.id)
def test_a_bad_project_stops_every_command_before_it_does_anything(
    case: BadInput,
    command: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    case.write(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    variables = [f"--var={name}={value}" for name, value in case.variables.items()]
    code = main([command, "-C", ".", "-t", case.target, *variables])
    shown = "".join(capsys.readouterr())
    # A policy that is not met blocks; a linter only reports it.
    assert code == (6 if case.code == "AF270" and command != "lint" else 1), shown
    assert shown.count(f"[{case.code} ") == 1, shown
    assert "Traceback" not in shown
    assert "bug in agentflow" not in shown
    if case.placed:
        assert f"{case.file}:{case.line}:{case.column}: error" in shown
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.id)
def test_the_same_as_json(
    case: BadInput,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    case.write(tmp_path)
    paths = [] if case.has_project else [name for name in case.files if name.endswith(".yaml")]
    variables = [f"--var={name}={value}" for name, value in case.variables.items()]
    assert main(["lint", *paths, "-t", case.target, *variables, "--format", "json"]) == 1
    found = json.loads(capsys.readouterr().out)
    # The rules speak of what was left out as well, such as a budget; that is not what is tested.
    by_stages = [problem["code"] for problem in found["problems"] if problem["code"] in CODES]
    assert by_stages == [case.code]


@pytest.mark.parametrize("command", NEED_A_PROJECT)
def test_no_project(command: str, tmp_path: Path) -> None:
    result = agentflow(command, cwd=tmp_path)
    assert result.returncode == 2
    assert result.stdout == ""
    assert result.stderr == (
        "error: There is no agentflow.yaml in '.' or above it.\n"
        "  hint: Start a project with: agentflow init\n"
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "code", "message", "hint"),
    [
        (["lnt"], 2, "There is no command 'lnt'.", "Did you mean 'lint'?"),
        (["lint", "-C", "absent"], 2, "'absent' is not a directory.", "-C takes"),
        (["fmt", "-C", "absent"], 2, "'absent' is not a directory.", "-C takes"),
        (["fmt", "empty"], 2, "There is no spec below 'empty'.", "apiVersion: agentflow/v1"),
        (["lint", "--var", "x"], 2, "--var takes NAME=VALUE, not 'x'.", None),
        (["lint", "--var", "x=1", "--var", "x=2"], 2, "--var sets 'x' twice.", None),
        (
            ["compile", "agent/sortr"],
            2,
            "There is no 'agent/sortr'",
            "Did you mean 'agent/sorter'?",
        ),
        (["lint", "empty"], 2, "There is no spec below 'empty'.", "apiVersion: agentflow/v1"),
        (["compile", "--prompt"], 2, "--prompt needs the address of an agent.", None),
        (["run", "sortr"], 2, "There is no agent 'sortr'", "Did you mean 'sorter'?"),
        (["run", "--input", "x=1"], 2, "The agent has no input 'x'.", "Its inputs: none."),
        (["run", "--script", "absent.yaml"], 2, "There is no script 'absent.yaml'.", None),
        (
            ["run", "--out", "agentflow.yaml"],
            2,
            "'agentflow.yaml' is not a directory.",
            "--out takes",
        ),
        (["run", "--out", "."], 2, "There are files in '.'", "--overwrite"),
        (["run"], 2, "Nothing plays the model on target 'local'.", "--script FILE"),
        (["run", "-t", "prod"], 1, "'prod'", None),
        (["schema", "agnt"], 2, "There is no schema 'agnt'.", "Did you mean 'agent'?"),
        (
            ["schema", "--write", "agentflow.yaml"],
            2,
            "'agentflow.yaml': File exists.",
            "Check the path",
        ),
        (["init", "agentflow.yaml/x"], 2, "'agentflow.yaml/x': Not a directory.", "Check the path"),
        (["schema", "agent", "--write"], 2, "--write writes all schemas.", "Leave out"),
        (
            ["init", "new", "--template", "codng"],
            2,
            "no template 'codng'",
            "Did you mean 'coding'?",
        ),
        (["init", "new", "--template", "xxxxxx"], 2, "no template", "There is starter, analyst"),
        (["explain", "AF9999"], 2, "There is no code 'AF9999'.", None),
        (["init"], 2, "There is already agentflow.yaml in '.'.", "Choose another directory"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_wrong_command_line(
    arguments: list[str],
    code: int,
    message: str,
    hint: str | None,
    project: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(project)
    assert main(arguments) == code
    error = capsys.readouterr().err
    assert message in error
    assert (hint or "") in error
    assert "Traceback" not in error


@pytest.mark.parametrize("port", ["65536", "-1", "1e3", "http"])
def test_a_port_is_a_port(port: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["serve", f"--port={port}"])
    assert stopped.value.code == 2
    assert f"'{port}' is not a port: 0 to 65535" in capsys.readouterr().err


def test_a_run_needs_an_environment_and_a_task(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project)
    for line, message in (
        ("environment: box\n", "agent/sorter has no environment"),
        ("task: Sort.\n", "agent/sorter has no task"),
    ):
        (project / "agentflow.yaml").write_text(GOOD.replace(line, ""), encoding="utf-8")
        assert main(["run"]) == 2
        assert message in capsys.readouterr().err


@pytest.mark.parametrize("command", ["plan", "apply", "run"])
def test_a_rule_that_is_an_error_stops_what_would_change_something(
    command: str,
    project: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(project)
    text = GOOD.replace("budget: { usd: 1 }", "metadata: { team: post }")
    (project / "agentflow.yaml").write_text(text, encoding="utf-8")
    assert main([command]) == 1
    assert "error[AF801 no-budget]" in capsys.readouterr().err
    assert not (project / ".agentflow").exists()


def test_a_bug_is_called_one(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import agentflow.cli.lint_command as module

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("the moon is full")

    monkeypatch.setattr(module, "lint", broken)
    monkeypatch.chdir(project)
    assert main(["lint"]) == 3
    error = capsys.readouterr().err
    assert "RuntimeError: the moon is full" in error
    assert "This is a bug in agentflow." in error
    assert "Traceback" not in error


@pytest.mark.parametrize("command", COMMANDS, ids=lambda c: c.name)
def test_every_command_has_help(command: object, capsys: pytest.CaptureFixture[str]) -> None:
    name = command.name  # type: ignore[attr-defined]
    with pytest.raises(SystemExit) as caught:
        main([name, "--help"])
    assert caught.value.code == 0
    assert f"usage: agentflow {name}" in capsys.readouterr().out


def test_an_error_that_quotes_others_sends_no_commands_to_the_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(command: object) -> None:
        raise UsageError("The service said \x1b]0;owned\x07.", hint="Try \x1b[2J.")

    monkeypatch.setattr("agentflow.cli.main.parser_of", fail)
    assert main(["compile"]) == UsageError.exit_code
    shown = capsys.readouterr().err
    assert "The service said" in shown
    assert "\x1b" not in shown
    assert "\x07" not in shown
