"""`lint` and `fmt` with files of several projects, and with what a commit has changed."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import NamedTuple

import pytest

from agentflow.cli.main import main
from agentflow.operations.answers import Answer
from agentflow.operations.traced import Trace

PROJECT = "apiVersion: agentflow/v1\nkind: Project\nname: {name}\n"
BOX = "apiVersion: agentflow/v1\nkind: Environment\nname: box\nnetwork: { hosts: [] }\n"
AGENT = """apiVersion: agentflow/v1
kind: Agent
name: writer
description: Writes.
model: claude-haiku-5-5
environment: box
prompt: ../prompts/writer.md
tools: { write: allow }
outputs:
  report: { path: report.md, sections: [Findings] }
done: [Every paragraph has a source.]
uncertainty: stop
budget: { usd: 3 }
"""
PROMPT = "You write what you are asked to write, and name your sources.\n"
FILES = {
    "agentflow.yaml": PROJECT,
    "box.yaml": BOX,
    "agents/writer.yaml": AGENT,
    "prompts/writer.md": PROMPT,
    "data/table.csv": "a,b\n",
}


class Said(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def found(self) -> set[tuple[str, str]]:
        """Code and file of each finding; the output is JSON."""
        problems = json.loads(self.out)["problems"]
        return {(p["code"], p["span"]["file"] if p["span"] else "") for p in problems}


class Repository:
    """Two projects and a file of neither."""

    def __init__(self, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.root = root
        self._capsys = capsys

    def write(self, name: str, text: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def read(self, name: str) -> str:
        return (self.root / name).read_text(encoding="utf-8")

    def run(self, *words: str) -> Said:
        code = main(words)
        told = self._capsys.readouterr()
        return Said(code, told.out, told.err)

    def changed(self, *names: str) -> Said:
        return self.run("lint", "--changed", "--format", "json", *names)


@pytest.fixture
def repository(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Repository:
    made = Repository(tmp_path, capsys)
    for project in ("desk", "shop"):
        for name, text in FILES.items():
            made.write(f"{project}/{name}", text.replace("{name}", project))
    made.write("README.md", "# Two projects\n")
    monkeypatch.chdir(tmp_path)
    return made


EVERYTHING = [f"{project}/{name}" for project in ("desk", "shop") for name in FILES]


def test_what_is_sound_says_nothing(repository: Repository) -> None:
    said = repository.changed(*EVERYTHING, "README.md")
    assert (said.code, said.found) == (0, set())
    said = repository.run("lint", "--changed", *EVERYTHING)
    assert said.out.startswith("no problems in 6 specs in 6 files")


@pytest.mark.parametrize("changed", ["desk/box.yaml", "desk/prompts/writer.md", "desk/data/x.csv"])
def test_an_error_elsewhere_is_reported(repository: Repository, changed: str) -> None:
    """Whatever kind of file the change is in, and also where the file is gone."""
    repository.write("desk/box.yaml", BOX.replace("name: box", "name: crate"))
    said = repository.changed(changed)
    assert said.code == 1
    assert said.found >= {("AF201", "desk/agents/writer.yaml")}
    assert repository.changed("shop/box.yaml").found == set()


def test_a_file_that_is_gone_breaks_what_uses_it(repository: Repository) -> None:
    (repository.root / "desk/prompts/writer.md").unlink()
    said = repository.changed("desk/prompts/writer.md")
    assert (said.code, said.found) == (1, {("AF001", "desk/agents/writer.yaml")})


def test_what_is_no_error_is_reported_where_the_change_is(repository: Repository) -> None:
    repository.write("desk/agents/writer.yaml", AGENT.replace("uncertainty: stop\n", ""))
    repository.write("desk/prompts/writer.md", PROMPT + "Section two is TBD.\n")
    writer, prompt = ("AF502", "desk/agents/writer.yaml"), ("AF505", "desk/prompts/writer.md")
    assert repository.changed("desk/box.yaml").found == set()
    assert repository.changed("desk/prompts/writer.md").found == {prompt}
    assert repository.changed("desk/agents/writer.yaml").found == {writer, prompt}
    assert repository.changed("desk/agentflow.yaml").found == {writer, prompt}
    assert repository.changed("desk").found == {writer, prompt}, "all specs below a directory"


def test_what_points_at_the_change_is_reported(repository: Repository) -> None:
    """A finding in one file whose other half is in the changed one."""
    repository.write("desk/prompts/writer.md", PROMPT + "Use `pip install pandas`.\n")
    alone = repository.changed("desk/data/table.csv").found
    related = repository.changed("desk/box.yaml")
    assert alone == set()
    assert {file for _, file in related.found} == {"desk/prompts/writer.md"}


def test_severities_of_the_project_count(repository: Repository) -> None:
    settings = "lint: { severity: { AF502: error } }\n"
    repository.write("desk/agentflow.yaml", PROJECT.replace("{name}", "desk") + settings)
    repository.write("desk/agents/writer.yaml", AGENT.replace("uncertainty: stop\n", ""))
    said = repository.changed("desk/box.yaml")
    assert (said.code, said.found) == (1, {("AF502", "desk/agents/writer.yaml")})


def test_files_of_no_project_are_passed_over(repository: Repository) -> None:
    assert repository.changed("README.md", "gone/away.yaml").found == set()
    said = repository.run("lint", "--changed", "README.md")
    assert (said.code, said.out.split(" (")[0]) == (0, "no problems in 0 files")
    assert repository.run("lint", "README.md").code == 1, "named, it is to be a spec"


def test_a_file_belongs_to_the_nearest_project(repository: Repository) -> None:
    repository.write("agentflow.yaml", "kind: [")
    assert repository.changed("desk/box.yaml").code == 0
    assert repository.changed("README.md").code == 1


def test_without_files_it_is_the_project_of_the_directory(repository: Repository) -> None:
    """Something is gone, which pre-commit does not name: errors are all that can be said."""
    assert repository.changed().found == set()
    (repository.root / "desk/prompts/writer.md").unlink()
    assert repository.changed().found == set()
    said = repository.changed("-C", "desk")
    assert (said.code, said.found) == (1, {("AF001", "desk/agents/writer.yaml")})


@pytest.mark.parametrize(
    "words",
    [
        ["--changed", "-", "--stdin-filename", "desk/box.yaml"],
        ["--changed", "--write-baseline"],
        ["--sarif", "x.sarif", "--fix"],
        ["--sarif", "x.sarif", "--diff"],
        ["--sarif", "x.sarif", "--write-baseline"],
        ["--fix", "--format", "json", "desk/box.yaml", "shop/box.yaml"],
    ],
)
def test_what_makes_no_sense_is_said(repository: Repository, words: list[str]) -> None:
    said = repository.run("lint", *words)
    assert said.code == 2
    assert said.err.startswith("error: ")
    assert not (repository.root / "x.sarif").exists()


def test_an_answer_to_a_change_is_not_kept(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would take the place of one that is asked for again."""
    kept: list[Answer] = []
    monkeypatch.setenv("AGENTFLOW_CACHE_DIR", str(tmp_path / "kept"))
    monkeypatch.setattr(Trace, "keep", lambda _, path, answer, root: kept.append(answer))
    repository.run("lint", "--changed", "desk/box.yaml")
    repository.run("lint", "desk/box.yaml", "shop/box.yaml")
    repository.run("lint", "desk", "--sarif", "x.sarif")
    assert kept == []
    repository.run("lint", "desk")
    assert len(kept) == 1


# Several projects


def test_files_of_several_projects_are_checked_each_in_its_own(repository: Repository) -> None:
    for project in ("desk", "shop"):
        repository.write(f"{project}/agents/writer.yaml", AGENT.replace("uncertainty: stop\n", ""))
    said = repository.run("lint", "--format", "json", "shop/agents/writer.yaml", "desk")
    assert said.found == {
        ("AF502", "desk/agents/writer.yaml"),
        ("AF502", "shop/agents/writer.yaml"),
    }
    shown = repository.run("lint", "shop/agents/writer.yaml", "desk").out
    assert "desk/agents/writer.yaml:" in shown
    assert "name: writer" in shown, "with its line"


def test_findings_of_two_projects_are_never_the_same_one(repository: Repository) -> None:
    for project in ("desk", "shop"):
        repository.write(f"{project}/agents/writer.yaml", AGENT.replace("uncertainty: stop\n", ""))
    log = json.loads(repository.run("lint", "--format", "sarif", "desk", "shop").out)
    marks = [result["partialFingerprints"] for result in log["runs"][0]["results"]]
    assert len(marks) == 2
    assert marks[0] != marks[1]


def test_fixes_are_made_in_each(repository: Repository) -> None:
    bad = AGENT.replace("budget:", "# agentflow: ignore[AF501]\nbudget:")
    for project in ("desk", "shop"):
        repository.write(f"{project}/agents/writer.yaml", bad)
        repository.write(f"{project}/agents/other.yaml", bad.replace("writer\n", "other\n"))
    changed = ["desk/agents/writer.yaml", "shop/agents/writer.yaml"]
    said = repository.run("lint", "--changed", "--fix", *changed)
    assert said.code == 0
    for project in ("desk", "shop"):
        assert repository.read(f"{project}/agents/writer.yaml") == AGENT
        assert "ignore" in repository.read(f"{project}/agents/other.yaml"), "it was not changed"


def test_an_error_elsewhere_is_reported_and_not_fixed(repository: Repository) -> None:
    unused = "# agentflow: ignore[AF501]\n"
    settings = "lint: { severity: { AF091: error } }\n"
    repository.write("desk/agentflow.yaml", PROJECT.replace("{name}", "desk") + settings)
    repository.write("desk/box.yaml", unused + BOX)
    said = repository.run("lint", "--changed", "--fix", "desk/agents/writer.yaml")
    assert said.code == 1
    assert "AF091" in said.out
    assert repository.read("desk/box.yaml") == unused + BOX
    assert repository.run("lint", "--changed", "--fix", "desk/box.yaml").code == 0
    assert repository.read("desk/box.yaml") == BOX


# SARIF beside


def test_sarif_is_written_beside_another_format(repository: Repository) -> None:
    repository.write("desk/box.yaml", BOX.replace("name: box", "name: crate"))
    said = repository.run("lint", "desk", "--format", "github", "--sarif", "out.sarif")
    assert said.code == 1
    assert said.out.startswith("::")
    alone = repository.run("lint", "desk", "--format", "sarif", "--no-cache").out
    assert repository.read("out.sarif") == alone
    assert "AF201" in alone
    assert repository.run("lint", "shop", "--sarif", "out.sarif").code == 0
    assert "AF201" not in repository.read("out.sarif"), "replaced whole"


def test_sarif_may_go_where_no_file_is(repository: Repository) -> None:
    """Such as a pipe: it is written to, and not replaced by a file."""
    pipe = repository.root / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        assert repository.run("lint", "desk", "--sarif", "pipe").code == 0
        assert json.loads(os.read(reader, 1 << 20))["version"] == "2.1.0"
    finally:
        os.close(reader)
    assert pipe.is_fifo()


def test_sarif_goes_where_a_link_leads(repository: Repository) -> None:
    repository.write("there.sarif", "old")
    (repository.root / "there.sarif").chmod(0o640)
    (repository.root / "link.sarif").symlink_to("there.sarif")
    assert repository.run("lint", "desk", "--sarif", "link.sarif").code == 0
    assert (repository.root / "link.sarif").is_symlink()
    assert json.loads(repository.read("there.sarif"))["version"] == "2.1.0"
    assert (repository.root / "there.sarif").stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("place", ["nowhere/out.sarif", "desk"])
def test_sarif_that_cannot_be_written_is_said(repository: Repository, place: str) -> None:
    said = repository.run("lint", "desk", "--sarif", place)
    assert (said.code, said.out) == (2, "")
    assert place.split("/")[0] in said.err
    assert not list(repository.root.rglob("*.sarif*")), "and nothing is left behind"


def test_names_that_are_no_text_and_many_of_them(repository: Repository) -> None:
    odd = os.fsdecode(b"desk/data/\xff\n.csv")
    repository.write("desk/box.yaml", BOX.replace("name: box", "name: crate"))
    said = repository.changed(odd, *(f"shop/data/{number}.csv" for number in range(3000)))
    assert said.found >= {("AF201", "desk/agents/writer.yaml")}
    assert {file.split("/")[0] for _, file in said.found} == {"desk"}


# Formatting

UNTIDY = "name: box\nkind: Environment\napiVersion: agentflow/v1\nnetwork: { hosts: [] }\n"


def test_changed_specs_are_formatted(repository: Repository) -> None:
    for name in ("desk/box.yaml", "shop/box.yaml", "desk/other.yaml"):
        repository.write(name, UNTIDY.replace("box", Path(name).stem))
    repository.write("loose.yaml", UNTIDY)
    repository.write("desk/values.yaml", "b: 1\na: 2\n")
    names = [*EVERYTHING, "README.md", "loose.yaml", "desk/values.yaml", "gone.yaml"]
    said = repository.run("fmt", "--changed", *names)
    assert said.code == 0
    assert said.out.splitlines() == ["desk/box.yaml", "shop/box.yaml"]
    assert repository.read("desk/box.yaml") == repository.read("shop/box.yaml") == BOX
    assert repository.read("desk/other.yaml") == UNTIDY.replace("box", "other")
    assert repository.read("loose.yaml") == UNTIDY, "in no project"


def test_a_broken_spec_stops_no_other_project(repository: Repository) -> None:
    repository.write("desk/box.yaml", "kind: Environment\nname: [\n")
    repository.write("shop/box.yaml", UNTIDY)
    said = repository.run("fmt", "--changed", "desk/box.yaml", "shop/box.yaml")
    assert said.code == 1
    assert "desk/box.yaml:" in said.err
    assert repository.read("shop/box.yaml") == BOX


def test_named_files_of_several_projects_are_formatted(repository: Repository) -> None:
    for project in ("desk", "shop"):
        repository.write(f"{project}/box.yaml", UNTIDY)
    said = repository.run("fmt", "--check", "--format", "json", "desk", "shop/box.yaml")
    assert said.code == 1
    files = {file["file"]: file["changed"] for file in json.loads(said.out)["files"]}
    assert files.pop("desk/box.yaml")
    assert files.pop("shop/box.yaml")
    assert files == {"desk/agentflow.yaml": False, "desk/agents/writer.yaml": False}


def test_nothing_changed_is_nothing_to_format(repository: Repository) -> None:
    repository.write("desk/box.yaml", UNTIDY)
    assert repository.run("fmt", "--changed", "-C", "desk").code == 0
    assert repository.read("desk/box.yaml") == UNTIDY
