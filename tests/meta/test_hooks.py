"""The hooks of `.pre-commit-hooks.yaml`, installed and run by pre-commit itself on real commits."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from agentflow.source.yaml import parse
from tests.support.cli import EXAMPLES, ROOT, agentflow, clean_environment, copy_example

INSTALLED = (".pre-commit-hooks.yaml", "pyproject.toml", "README.md", "LICENSE", "agentflow")
"""What `pip install` needs of a checkout, and the hooks."""

_NO_NETWORK = re.compile(
    "NewConnectionError|Temporary failure in name resolution|Network is unreachable"
)


def hooks() -> list[dict[str, Any]]:
    name = ".pre-commit-hooks.yaml"
    [document] = parse(name, (ROOT / name).read_text(encoding="utf-8")).value
    return list(document.data)


def test_both_are_there() -> None:
    assert {hook["id"] for hook in hooks()} == {"agentflow-lint", "agentflow-fmt"}


@pytest.mark.parametrize("hook", hooks(), ids=lambda hook: hook["id"])
def test_the_command_of_a_hook_is_one(hook: dict[str, Any], tmp_path: Path) -> None:
    """The words of `entry`, then files, in the repository's directory."""
    program, *words = hook["entry"].split()
    assert program == "agentflow"
    project = copy_example("sales-report", tmp_path)
    files = [path.relative_to(tmp_path) for path in project.rglob("*") if path.is_file()]
    result = agentflow(*words, *files, cwd=tmp_path)
    assert result.returncode == 0, result.stdout + result.stderr
    (project / "agentflow.yaml").write_text("kind: [", encoding="utf-8")
    assert agentflow(*words, *files, cwd=tmp_path).returncode == 1


# Real commits


class Repository:
    """A repository whose commits pre-commit checks."""

    def __init__(self, root: Path, environ: Mapping[str, str]) -> None:
        self.root = root
        self._environ = environ
        self.do("git", "init", "--quiet", "--initial-branch", "main", root)

    def do(self, *words: str | Path) -> str:
        result = self.run(*words)
        assert result.returncode == 0, result.stdout
        return result.stdout

    def run(self, *words: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            words,
            cwd=self.root,
            env=dict(self._environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=300,
        )

    def commit(self) -> str | None:
        """Commit everything. None: it was committed; else what was said against it."""
        self.do("git", "add", "--all")
        result = self.run("git", "commit", "--quiet", "-m", "Change")
        assert (result.returncode != 0) == bool(self.do("git", "status", "--porcelain"))
        return result.stdout if result.returncode else None

    def replace(self, name: str, old: str, new: str) -> None:
        path = self.root / name
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")

    def restore(self) -> None:
        self.do("git", "reset", "--quiet", "--hard")


def _git_environment(home: Path) -> dict[str, str]:
    """Nothing of who runs the tests, and of the repository that this may be a hook of."""
    people = {
        f"GIT_{who}_{what}": f"{who.lower()}@example.com"
        for who in ("AUTHOR", "COMMITTER")
        for what in ("NAME", "EMAIL")
    }
    theirs = clean_environment()
    return {
        **{name: value for name, value in theirs.items() if not name.startswith("GIT_")},
        **people,
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "PRE_COMMIT_HOME": str(home),
        "PIP_CONSTRAINT": str(ROOT / "constraints.txt"),
        "PIP_NO_COMPILE": "1",  # of what is installed hardly anything is imported
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }


def _published(tmp_path: Path, environ: Mapping[str, str]) -> tuple[Path, str]:
    """This checkout as a repository that hooks are taken from, and its commit."""
    made = Repository(_made(tmp_path / "published"), environ)
    for name in INSTALLED:
        source, target = ROOT / name, made.root / name
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    assert made.commit() is None
    return made.root, made.do("git", "rev-parse", "HEAD").strip()


def _made(path: Path) -> Path:
    path.mkdir()
    return path


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """Two projects, one and the same, and a file of neither; the hooks are installed."""
    if shutil.which("git") is None and "CI" not in os.environ:
        pytest.skip("there is no git")
    environ = _git_environment(tmp_path / "pre-commit")
    place, commit = _published(tmp_path, environ)
    made = Repository(_made(tmp_path / "repository"), environ)
    for name in ("desk", "shop"):
        shutil.copytree(copy_example("sales-report", tmp_path / name), made.root / name)
    listed = "".join(f"      - id: {hook['id']}\n" for hook in hooks())
    config = f"repos:\n  - repo: {place}\n    rev: {commit}\n    hooks:\n{listed}"
    (made.root / ".pre-commit-config.yaml").write_text(config, encoding="utf-8")
    (made.root / "README.md").write_text("# Two projects\n", encoding="utf-8")
    made.do("git", "add", "--all")
    installed = made.run("pre-commit", "install", "--install-hooks")
    if installed.returncode and _NO_NETWORK.search(installed.stdout) and "CI" not in os.environ:
        pytest.skip("there is no network to install from")
    assert installed.returncode == 0, installed.stdout
    return made


def test_commits_are_checked(repository: Repository) -> None:
    """One story, because to install the hooks takes longest."""
    # What is sound passes, with all of its files: data, prompts, schemas and code.
    assert repository.commit() is None

    # An error in a spec is refused, with its place in the repository and with what to do.
    repository.replace("desk/agentflow.yaml", "environment: analytics", "environment: analitics")
    said = repository.commit()
    assert said is not None
    assert re.search(r"agentflow lint\.+Failed", said)
    assert re.search(r"^desk/agentflow\.yaml:\d+:\d+: error\[AF201 ", said, re.M)
    assert "Did you mean 'analytics'?" in said
    repository.restore()

    # So is one in a prompt, and one that a file of Python makes in a spec that is as it was.
    repository.replace("desk/prompts/analyst.md", "{{ vars.desk }}", "{{ vars.desc }}")
    said = repository.commit()
    assert said is not None
    assert re.search(r"^desk/prompts/analyst\.md:\d+:\d+: error\[AF3", said, re.M)
    repository.restore()
    repository.replace("shop/desk/tools.py", "def price_index(", "def price_indices(")
    said = repository.commit()
    assert said is not None
    assert re.search(r"^shop/agentflow\.yaml:\d+:\d+: error\[AF", said, re.M)
    assert "desk/agentflow.yaml" not in said.replace("shop/desk", "")
    repository.restore()

    # What is out of shape is brought into it; the commit is for who has looked at that.
    repository.replace("desk/agentflow.yaml", "name: sales-report", 'name:   "sales-report"')
    said = repository.commit()
    assert said is not None
    assert re.search(r"agentflow fmt\.+Failed", said)
    assert "files were modified by this hook" in said
    assert repository.do("git", "diff", "HEAD", "--name-only") == ""
    restored = (repository.root / "desk/agentflow.yaml").read_text(encoding="utf-8")
    assert restored == (EXAMPLES / "sales-report/agentflow.yaml").read_text(encoding="utf-8")
    repository.restore()

    # A file of no project, and so many of one that pre-commit hands them over in batches.
    repository.replace("README.md", "Two", "2")
    assert repository.commit() is None
    for number in range(700):
        path = repository.root / f"desk/notes/{'long-name-' * 20}{number}.csv"
        path.parent.mkdir(exist_ok=True)
        path.write_text("a\n", encoding="utf-8")
    assert repository.commit() is None

    # Of a file that is gone pre-commit says nothing, but the hook can be told to run all the same.
    (repository.root / "shop/prompts/analyst.md").unlink()
    assert repository.commit() is None
    repository.do("git", "revert", "--no-edit", "HEAD")
    always = "- id: agentflow-lint\n        always_run: true\n        args: [-C, shop]"
    repository.replace(".pre-commit-config.yaml", "- id: agentflow-lint", always)
    assert repository.commit() is None
    (repository.root / "shop/prompts/analyst.md").unlink()
    said = repository.commit()
    assert said is not None
    assert re.search(r"^shop/agentflow\.yaml:\d+:\d+: error\[AF001 ", said, re.M)
