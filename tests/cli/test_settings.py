"""`--set` on every command that compiles a project."""

from __future__ import annotations

from pathlib import Path

import pytest

from agentflow.cli.main import main

SPECS = (
    "apiVersion: agentflow/v1\nkind: Project\nname: shop\n---\n"
    "kind: Environment\nname: box\n---\n"
    "kind: Agent\nname: sorter\nmodel: claude-opus-5-5\nenvironment: box\nprompt: You sort letters.\n"
    "task: Sort.\ntools: { write: allow }\noutputs: { r: { path: r.md } }\n"
    "done: [The letters are sorted.]\nuncertainty: assume\nbudget: { usd: 1 }\n"
)


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "agentflow.yaml").write_text(SPECS, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_COLOR", "1")
    return tmp_path


@pytest.mark.parametrize("command", ["lint", "compile", "plan", "apply", "run", "serve"])
def test_what_does_not_fit_stops_every_command(
    command: str, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(project.rglob("*"))
    assert main([command, "--set", "agent/sortr.budget.usd=3"]) == 1
    shown = "".join(capsys.readouterr())
    assert "no spec has the address 'agent/sortr'" in shown
    assert "Did you mean 'agent/sorter'?" in shown
    assert sorted(project.rglob("*")) == before


def test_the_value_is_pointed_at(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--set", "agent/sorter.repair=2", "--set", "agent/sorter.budget.usd=much"]
    assert main(["lint", *arguments]) == 1
    assert (
        "--set:2:25: error[AF114 malformed-value] `budget.usd`: 'much' is not an amount in dollars "
        "such as 2.50, without a unit.\n"
        "  |\n2 | agent/sorter.budget.usd=much\n  |                         ^^^^\n"
    ) in capsys.readouterr().out


def test_it_is_said_also_of_a_file_that_was_chosen(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lint", "agentflow.yaml", "--set", "agent/sorter.repair=many"]) == 1
    assert "--set:1:21" in capsys.readouterr().out


def test_the_manifest_is_another_one_and_the_last_wins(capsys: pytest.CaptureFixture[str]) -> None:
    def digest(*settings: str) -> str:
        arguments = [part for text in settings for part in ("--set", text)]
        assert main([*arguments, "compile", "--digest"]) == 0
        return capsys.readouterr().out

    plain = digest()
    assert digest("agent/sorter.repair=1") == plain
    assert digest("agent/sorter.repair=0") != plain
    assert digest("agent/sorter.repair=0", "agent/sorter.repair=1") == plain
    assert digest("agent/sorter.done+=[All of them.]") != plain
