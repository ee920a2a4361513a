"""The pytest plugin, in a pytest of its own."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.support.cli import ROOT, clean_environment
from tests.testing.desk import make_desk

TESTS = """\
apiVersion: agentflow/v1
kind: Test
name: run-works
layer: loop
agent: analyst
script: ./script.yaml
stubs: { rate: { result: { value: 1.1 } }, bash: { result: "42" } }
---
kind: Test
name: run-fails
layer: loop
agent: analyst
script: ./script.yaml
stubs: { rate: { result: { value: 1.1 } }, bash: { result: "42" } }
expect: { messages: [Gone] }
---
kind: Test
name: for-real
layer: live
agent: analyst
"""

IN_PYTHON = """
from agentflow.testing import ScriptedModel, call, turn


def test_in_python(agentflow_kit, agentflow_clock):
    run = agentflow_kit.run(".", model="script.yaml", stubs={"rate": {"value": 1.1}, "bash": "42"})
    run.expect(outputs="valid")
    agentflow_clock.advance(5)
"""


def run_pytest(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    plugins = ("no:cacheprovider", "no:xdist", "no:hypothesispytest")
    chosen = [word for name in plugins for word in ("-p", name)]
    return subprocess.run(
        [sys.executable, "-m", "pytest", *chosen, f"--rootdir={root}", *arguments],
        cwd=root,
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = make_desk(tmp_path_factory.mktemp("desk"))
    (root / "tests.yaml").write_text(TESTS, encoding="utf-8")
    (root / "other.yaml").write_text("kind: Sometest\n", encoding="utf-8")
    (root / "test_desk.py").write_text(IN_PYTHON, encoding="utf-8")
    return root


def test_documents_are_items_with_names_and_fixtures_are_there(desk: Path) -> None:
    done = run_pytest(desk, "-q", "-rs", "--junitxml=junit.xml")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "2 passed, 1 skipped" in done.stdout.replace("1 failed, ", "")
    assert "tests.yaml:15:22: No message holds a text." in done.stdout
    assert "decided by event" in done.stdout
    assert "it runs on a real target" in done.stdout
    assert "Traceback" not in done.stdout
    assert 'name="run-works"' in (desk / "junit.xml").read_text(encoding="utf-8")


def test_items_are_chosen_as_others_are(desk: Path) -> None:
    only = ("-o", "agentflow_layers=loop live", "-k", "works or live")
    done = run_pytest(desk, "--collect-only", "-q", "tests.yaml", *only)
    assert done.stdout.splitlines()[:2] == ["tests.yaml::for-real", "tests.yaml::run-works"]
    assert "2/3 tests collected" in done.stdout


def test_a_project_with_errors_is_told_at_its_place(tmp_path: Path) -> None:
    root = make_desk(tmp_path)
    text = TESTS.replace("agent: analyst", "agent: analist", 1)
    (root / "tests.yaml").write_text(text, encoding="utf-8")
    done = run_pytest(root, "-q")
    assert done.returncode == 2
    assert "tests.yaml:5:8: No Agent is named 'analist'." in done.stdout
    assert "Traceback" not in done.stdout


def test_the_plugin_is_registered_and_light() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    points = project["project"]["entry-points"]["pytest11"]
    assert points == {"agentflow": "agentflow.testing.plugin"}
    code = (
        "import sys, agentflow.testing.plugin; "
        "print(sorted(name for name in sys.modules if name.startswith('agentflow')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout.strip() == "['agentflow', 'agentflow.testing', 'agentflow.testing.plugin']"
