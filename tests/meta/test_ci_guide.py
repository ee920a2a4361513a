"""docs/ci.md and action.yml: valid by the schemas of those who read them, and run as they would be."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from agentflow.cli.main import COMMANDS, parser_of
from agentflow.source.yaml import parse
from tests.support.cli import ROOT, clean_environment, copy_example

TEXT = (ROOT / "docs/ci.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```yaml\n(.*?)^```$", TEXT, re.M | re.S)
HOOKS, HOOKS_ALWAYS, WITH_ACTION, BY_HAND, GITLAB = BLOCKS
TOOLS = Path(sys.executable).parent
BASH = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c"]
"""As GitHub runs `shell: bash`."""


def data(text: str) -> Any:
    [document] = parse("x.yaml", text).value
    return document.data


ACTION = data((ROOT / "action.yml").read_text(encoding="utf-8"))
INPUTS = {name: str(described["default"]) for name, described in ACTION["inputs"].items()}
STEPS: list[dict[str, Any]] = ACTION["runs"]["steps"]


def step(name: str) -> dict[str, Any]:
    return next(step for step in STEPS if step["name"] == name)


# What those who read them say


def check_by_schema(schema: str, *files: Path) -> None:
    words: list[str | Path] = [TOOLS / "check-jsonschema", "--builtin-schema", f"vendor.{schema}"]
    words += files
    result = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)
    assert result.returncode == 0, result.stdout + result.stderr


def test_the_action_is_one() -> None:
    check_by_schema("github-actions", ROOT / "action.yml")


def test_workflows_are_some(tmp_path: Path) -> None:
    files = []
    for number, block in enumerate((WITH_ACTION, BY_HAND)):
        files.append(tmp_path / f"{number}.yaml")
        files[-1].write_text(block, encoding="utf-8")
    check_by_schema("github-workflows", *files)


def test_the_job_for_gitlab_is_one(tmp_path: Path) -> None:
    (tmp_path / "gitlab-ci.yaml").write_text(GITLAB, encoding="utf-8")
    check_by_schema("gitlab-ci", tmp_path / "gitlab-ci.yaml")


def test_what_configures_pre_commit_does(tmp_path: Path) -> None:
    ids = {hook["id"] for hook in data((ROOT / ".pre-commit-hooks.yaml").read_text())}
    words: list[str | Path] = [TOOLS / "pre-commit", "validate-config"]
    for number, block in enumerate((HOOKS, HOOKS_ALWAYS)):
        words.append(tmp_path / f"{number}.yaml")
        (tmp_path / f"{number}.yaml").write_text(block, encoding="utf-8")
        [repository] = data(block)["repos"]
        assert {hook["id"] for hook in repository["hooks"]} <= ids
    for command in (words, [words[0], "validate-manifest", ROOT / ".pre-commit-hooks.yaml"]):
        result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        assert result.returncode == 0, result.stdout
        assert "warning" not in (result.stdout + result.stderr).lower()


# What they say about each other


def test_every_input_is_told() -> None:
    rows = set(re.findall(r"^\| `([\w-]+)` \|", TEXT, re.M))
    assert rows == set(INPUTS)
    used = data(WITH_ACTION)["jobs"]["lint"]["steps"][-1]["with"]
    assert set(used) <= set(INPUTS)


def test_actions_of_others_are_named_by_commit() -> None:
    """A tag could be moved to other code, which would run in every repository that uses this one."""
    others = [step["uses"] for step in STEPS if "uses" in step]
    assert len(others) == 2
    for other in others:
        assert re.fullmatch(r"[\w-]+/[\w/-]+@[0-9a-f]{40}", other)


def test_no_input_can_become_a_command() -> None:
    for each in STEPS:
        assert "${{" not in each.get("run", ""), "it would be pasted into the script"


def test_what_is_asked_for_is_what_is_needed() -> None:
    """The most that is asked for is the upload, and what uploads asks for it."""
    wanted = {"contents": "read", "security-events": "write", "actions": "read"}
    for block in (WITH_ACTION, BY_HAND):
        assert data(block)["permissions"] == wanted
    assert INPUTS["upload"] == "false"


@pytest.mark.parametrize("words", re.findall(r"agentflow ((?:lint|fmt) --[^`\n]+)", TEXT))
def test_options_that_are_shown_exist(words: str) -> None:
    name, *options = words.replace(" FILE", " x").split()
    parser, _ = parser_of(next(command for command in COMMANDS if command.name == name))
    parser.parse_args(options)


def test_links_lead_somewhere() -> None:
    for target, anchor in re.findall(r"\]\((?!http)([^)#]+)(?:#([^)]+))?\)", TEXT):
        page = (ROOT / "docs" / target).read_text(encoding="utf-8")
        titles = [
            re.sub(r"[^a-z0-9 -]", "", title.lower()).replace(" ", "-")
            for title in re.findall(r"^#+ (.*)$", page, re.M)
        ]
        assert not anchor or anchor in titles, f"{target}#{anchor}"


# The steps, run


class Ended(NamedTuple):
    code: int
    out: str
    outputs: Mapping[str, str]


class Runner:
    """A machine of GitHub, as far as steps see it: a directory for temporary files, and outputs."""

    def __init__(self, tmp_path: Path) -> None:
        self.temporary = tmp_path / "temporary"
        self.work = tmp_path / "work"
        (self.temporary / "agentflow" / "bin").mkdir(parents=True)
        self.work.mkdir()

    def use_this_environment(self) -> None:
        """In place of the step that installs."""
        place = self.temporary / "agentflow" / "bin" / "agentflow"
        place.symlink_to(TOOLS / "agentflow")

    def run(self, script: str, environ: Mapping[str, str] | None = None) -> Ended:
        outputs = self.temporary / "outputs"
        outputs.write_text("", encoding="utf-8")
        result = subprocess.run(
            [*BASH, script],
            cwd=self.work,
            env=clean_environment(
                {
                    "RUNNER_TEMP": str(self.temporary),
                    "GITHUB_OUTPUT": str(outputs),
                    "GITHUB_ACTION_PATH": str(ROOT),
                    "PATH": f"{TOOLS}{os.pathsep}{os.environ['PATH']}",
                    **(environ or {}),
                }
            ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=300,
        )
        lines = outputs.read_text(encoding="utf-8").splitlines()
        return Ended(result.returncode, result.stdout, dict(line.split("=", 1) for line in lines))

    def lint(self, **inputs: str) -> Ended:
        """The action's own step, with inputs named as variables: `python_version`."""
        given = {**INPUTS, **{name.replace("_", "-"): value for name, value in inputs.items()}}
        assert given.keys() == INPUTS.keys()
        lint = step("Lint")
        environ = {
            name: re.sub(r"\$\{\{ inputs\.([\w-]+) \}\}", lambda match: given[match[1]], value)
            for name, value in lint["env"].items()
        }
        return self.run(lint["run"], environ)


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    """A repository with a sound project and a broken one."""
    made = Runner(tmp_path)
    for name in ("desk", "shop"):
        copied = copy_example("sales-report", tmp_path / name)
        copied.rename(made.work / name)
    file = made.work / "shop" / "agentflow.yaml"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("environment: analytics", "environment: none"), encoding="utf-8")
    return made


def results(sarif: Path) -> list[tuple[str, str]]:
    """Code and file of each."""
    log = json.loads(sarif.read_text(encoding="utf-8"))
    return [
        (
            result["ruleId"],
            result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"],
        )
        for result in log["runs"][0]["results"]
    ]


BROKEN = ("AF201", "shop/agentflow.yaml")


def test_the_action_passes_what_is_sound(runner: Runner) -> None:
    runner.use_this_environment()
    ended = runner.lint(directory="desk")
    assert ended.code == 0, ended.out
    assert results(Path(ended.outputs["sarif"])) == []


def test_the_action_fails_where_lint_does_and_leaves_what_is_uploaded(runner: Runner) -> None:
    runner.use_this_environment()
    ended = runner.lint(directory="shop")
    assert ended.code == 1
    assert re.search(r"^::error file=shop/agentflow\.yaml,line=\d+", ended.out, re.M)
    assert BROKEN in results(Path(ended.outputs["sarif"]))
    assert Path(ended.outputs["sarif"]).parent == runner.temporary
    upload = step("Upload findings")
    assert "!cancelled()" in upload["if"], "else it would not run after a failure"
    assert upload["with"]["sarif_file"] == "${{ steps.lint.outputs.sarif }}"


def test_the_action_takes_paths_of_several_projects_and_options(runner: Runner) -> None:
    runner.use_this_environment()
    ended = runner.lint(
        paths="desk\nshop/agentflow.yaml\n",
        args="--exit-zero\n--select=AF2\n",
        level="strict",
        sarif="found here.sarif",
    )
    assert (ended.code, ended.outputs) == (0, {"sarif": "found here.sarif"})
    assert BROKEN in results(runner.work / "found here.sarif")


def test_what_could_not_be_checked_leaves_nothing_to_upload(runner: Runner) -> None:
    """Also nothing of an earlier run, which would pass for what is so now."""
    runner.use_this_environment()
    assert runner.lint(directory="shop", sarif="x.sarif").outputs
    ended = runner.lint(directory=".", sarif="x.sarif")
    assert (ended.code, ended.outputs) == (2, {})
    assert not (runner.work / "x.sarif").exists()


@pytest.mark.parametrize("name", ["directory", "paths", "args", "level", "sarif"])
def test_an_input_is_no_command(runner: Runner, name: str) -> None:
    runner.use_this_environment()
    evil = "$(touch taken)`touch taken`; touch taken' ; touch taken\" && touch taken #"
    runner.lint(**{"directory": "desk", name: evil})
    assert not list(runner.work.rglob("taken"))


def commands(block: str) -> Sequence[str]:
    described = data(block)
    if "jobs" in described:
        return [each["run"] for each in described["jobs"]["lint"]["steps"] if "run" in each]
    return list(described["agentflow"]["script"])


@pytest.mark.parametrize("block", [BY_HAND, GITLAB], ids=["github", "gitlab"])
def test_recipes_by_hand_work(runner: Runner, block: str) -> None:
    install, lint = commands(block)
    assert install.startswith("pip install ")
    [written] = re.findall(r"(?:sarif_file: |paths: \[)([\w.]+)", block)
    for project, code in (("desk", 0), ("shop", 1)):
        ended = runner.run(f"cd {project} && {lint}")
        assert ended.code == code, ended.out
        assert (runner.work / project / written).is_file(), "this is what is uploaded"


@pytest.mark.matrix
def test_the_action_installs_itself(runner: Runner) -> None:
    ended = runner.run(step("Install agentflow")["run"], {"PIP_REQUIRE_VIRTUALENV": "1"})
    assert ended.code == 0, ended.out
    assert runner.lint(directory="desk").code == 0
    assert runner.lint(directory="shop").code == 1
