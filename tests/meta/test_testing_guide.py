"""docs/testing.md is executed: its documents as tests of an example, its Python as a pytest of its own."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import agentflow.testing as kit
from agentflow.spec.expect import ExpectSpec
from agentflow.spec.test import FaultSpec, TestSpec
from agentflow.spec.walk import fields
from agentflow.testing.kit import Run
from tests.support.cli import EXAMPLES, ROOT, clean_environment
from tests.testing.command import agentflow

TEXT = (ROOT / "docs/testing.md").read_text(encoding="utf-8")


def block(language: str) -> str:
    [found] = re.findall(rf"^```{language}\n(.*?)^```$", TEXT, re.M | re.S)
    return str(found)


@pytest.fixture
def hello(tmp_path: Path) -> Path:
    root = tmp_path / "hello"
    ignored = shutil.ignore_patterns("tests", ".agentflow", "expected")
    shutil.copytree(EXAMPLES / "hello", root, ignore=ignored)
    (root / "tests.yaml").write_text(block("yaml"), encoding="utf-8")
    return root


def test_the_documents_pass(hello: Path) -> None:
    done = agentflow("test", "--update", cwd=hello)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed" in done.stdout


def test_a_failure_is_told_as_it_is_shown(hello: Path) -> None:
    text = block("yaml").replace("counts: { write: 1 }", "counts: { write: 2 }")
    (hello / "tests.yaml").write_text(text, encoding="utf-8")
    done = agentflow("test", "writes-once", cwd=hello)
    told = re.sub(r"\(\d+ ms\)|\([\d.]+ s\)", "(31 ms)", done.stdout)
    shown = block("text").rstrip().removesuffix("…")
    assert told.startswith(shown), told


def test_the_python_runs(tmp_path: Path) -> None:
    for name in ("hello", "custom-tools"):
        ignored = shutil.ignore_patterns("tests", ".agentflow")
        shutil.copytree(EXAMPLES / name, tmp_path / name, ignore=ignored)
    (tmp_path / "test_guide.py").write_text(block("python"), encoding="utf-8")
    plugins = ("no:cacheprovider", "no:xdist", "no:hypothesispytest")
    chosen = [word for name in plugins for word in ("-p", name)]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *chosen, "--rootdir=.", "-q", "test_guide.py"],
        cwd=tmp_path,
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed" in done.stdout


def test_every_word_is_named() -> None:
    for name in fields(ExpectSpec):
        assert f"`{name}`" in TEXT, name
    for name in ("script", "task", "faults", "stubs", "cassette", "repeat", "pass_rate"):
        assert name in fields(TestSpec)
        assert f"`{name}`" in TEXT, name
    for fault in re.findall(r"'(\w+)'", str(fields(FaultSpec)["fault"])):
        assert f"`{fault}`" in TEXT, fault
    for name in kit.__all__:
        assert name in TEXT, name
    for name in (name for name in vars(Run) if not name.startswith("_")):
        assert re.search(rf"`{name}[`(]", TEXT), name
