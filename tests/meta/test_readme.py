"""README.md shows what is so: the spec, the commands, and what the first command really prints."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from agentflow.spec.kinds import KINDS
from tests.support.cli import ROOT, clean_environment, copy_example
from tests.support.readme import blocks, kind_rows, read, updated

_VARIES = [
    (re.compile(r"\b(sesn|env|agent|file)_[A-Za-z0-9]+\b"), r"\1_…"),
    (re.compile(r"\b\d{8}-\d{6}-[0-9a-f]{10}\b"), "RUN"),
    (re.compile(r"sha256:[0-9a-f]+"), "sha256:…"),
    (re.compile(r"\b\d+(\.\d+)? (s|ms)\b"), "TIME"),
    # Which of two resources answers first is up to the service.
    (re.compile(r"^ +apply .*$", re.M), "apply"),
    # A tool that ends late is shown late; the totals of the service carry running time.
    (re.compile(r"\$\d+\.\d+"), "$…"),
]


def normal(text: str) -> list[str]:
    """The lines without what differs from run to run, sorted: stdout and stderr are two streams."""
    for pattern, replacement in _VARIES:
        text = pattern.sub(replacement, text)
    return sorted(line.rstrip() for line in text.splitlines() if line.strip())


def test_generated_parts_are_up_to_date() -> None:
    expected = updated(read())
    if os.environ.get("AGENTFLOW_UPDATE"):
        (ROOT / "README.md").write_text(expected, encoding="utf-8")
    assert read() == expected, "run the tests once with AGENTFLOW_UPDATE=1 and read the diff"


def test_every_kind_is_told_of() -> None:
    assert kind_rows(read()) == list(KINDS)


def test_the_first_command_prints_what_is_shown(tmp_path: Path) -> None:
    """Run as it stands, except that this environment stands in for the one it would set up."""
    first = blocks("sh")[0].strip()
    setup, _, command = first.rpartition(" && ")
    assert "-c constraints.txt -e ." in setup
    assert command == ".venv/bin/agentflow run -C examples/sales-report"
    copy_example("sales-report", tmp_path / "examples")
    words = command.split()[1:]
    result = subprocess.run(
        [sys.executable, "-m", "agentflow", *words],
        cwd=tmp_path,
        env=clean_environment({"COLUMNS": "120"}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=120,
    )
    assert result.returncode == 0, result.stdout
    shown = blocks("text")[0]
    if os.environ.get("AGENTFLOW_UPDATE") and normal(shown) != normal(result.stdout):
        file = ROOT / "README.md"
        file.write_text(read().replace(shown, result.stdout), encoding="utf-8")
        shown = result.stdout
    assert normal(shown) == normal(result.stdout)


def test_the_second_command_runs_the_tests() -> None:
    second = blocks("sh")[1].strip()
    assert second.endswith(".venv/bin/python -m pytest -q -n 2")
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert "README.md" in ci
    bash = shutil.which("bash")
    assert bash is not None
    # .ci/run takes the command out of the README by itself: it must be the very same line.
    script = "awk '/^```sh$/ {block++; inside = (block == 2); next} /^```$/ {inside = 0} inside' README.md"
    assert script in ci
    taken = subprocess.run(
        [bash, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert taken.stdout.strip() == second


def test_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#]+)", read()):
        if not target.startswith("http"):
            assert (ROOT / target).exists(), target


def test_yaml_that_is_shown_lints(tmp_path: Path) -> None:
    """The whole spec of the example; the other blocks are parts of one."""
    from agentflow.source.yaml import parse

    for block in blocks("yaml"):
        assert not parse("README.md", block).problems
