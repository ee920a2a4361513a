"""Lint in several processes says what one says, whatever becomes of the others."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from agentflow.cli.main import main

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="one process elsewhere")

PROJECT = """\
apiVersion: agentflow/v1
kind: Project
name: post
---
kind: Environment
name: office
---
kind: Environment
name: cellar
"""
CLERK = "apiVersion: agentflow/v1\nkind: Agent\nname: clerk-{0}\nmodel: claude-opus-5-5\n"
KINDS = (
    "environment: office\nprompt: You count the letters of desk {0}.\n",
    "promt: You count.\nprompt: You count.\n",
    "prompt: You count {{{{ vars.nothing }}}}.\nbudgt: 1\n",
    "prompt: You count.\nbudget: {{ usd: 0.00001 }}\ntools: {{ bash: allow, edit: maybe }}\n",
    "prompt: |\n  Never delete any files.\n  TODO: say which.\ntools: {{ write: allow }}\n",
    "prompt: Use ${{var.nobody}}.\n",
    "prompt: The api_key is Zk3vX9qLm2TnR8wYb5Hc7Jd{0}.\n# agentflow: ignore[AF901] a toy\n",
    'prompt: "{{{{ inputs.x }}}}"\n',
    "prompt: {{ no: text }}\noutputs: {{ a: {{ path: a/b.md }}, b: {{ path: b.md }} }}\n",
)
"""Specs with errors and findings of many kinds, and without."""

HEAD = """\
import os, signal, sys
from agentflow.cli.main import main
from agentflow.operations import in_parts, lint

lint.check = None  # of the whole: it is not needed
first, fork, copies = os.getpid(), os.fork, []
def copied():
    copies.append(fork())
    os.write(2, b"copied\\n") if copies[-1] else None
    return copies[-1]
os.fork = copied
scan = in_parts.scan
"""
TAIL = "\nsys.exit(main(sys.argv[1:]))\n"


def command(root: Path, script: str, words: Sequence[str]) -> list[str]:
    return [sys.executable, "-c", HEAD + script + TAIL, "lint", "-C", str(root), *words]


def said(root: Path, *words: str, script: str = "") -> tuple[int, str, str]:
    done = subprocess.run(
        command(root, script, words),
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "AGENTFLOW_CACHE_DIR": str(root.parent / "cache")},
    )
    return done.returncode, done.stdout, done.stderr


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("many") / "desk"
    root.mkdir()
    (root / "agentflow.yaml").write_text(PROJECT, encoding="utf-8")
    for number in range(300):
        text = CLERK + KINDS[number % len(KINDS)]
        (root / f"clerk-{number}.yaml").write_text(text.format(number), encoding="utf-8")
    return root


@pytest.fixture(scope="module")
def alone(desk: Path) -> tuple[int, str, str]:
    """What one process says."""
    return said(desk, "--no-cache", "--format", "json", "--jobs", "1")


def test_two_say_what_one_says(desk: Path, alone: tuple[int, str, str]) -> None:
    code, shown, error = alone
    assert (code, error) == (1, "")
    codes = {problem["code"] for problem in json.loads(shown)["problems"]}
    assert len(codes) > 12
    done = said(desk, "--no-cache", "--format", "json", "--jobs", "2")
    assert done == (code, shown, "copied\n")


def test_what_two_keep_is_what_one_keeps(desk: Path, alone: tuple[int, str, str]) -> None:
    assert said(desk, "--format", "json", "--jobs", "2")[1:] == (alone[1], "copied\n")
    # Of one file that has changed only the part is checked again, and all else is as it was kept.
    (desk / "clerk-9.yaml").write_text(CLERK.format(9) + KINDS[0].format(9) + "#\n", "utf-8")
    assert said(desk, "--format", "json", "--jobs", "2") == alone


def test_a_copy_that_is_killed_is_done_without(desk: Path, alone: tuple[int, str, str]) -> None:
    script = """
def killed(*given, **options):
    if os.getpid() != first:
        os.kill(os.getpid(), signal.SIGKILL)
    return scan(*given, **options)
in_parts.scan = killed
"""
    words = ("--no-cache", "--format", "json", "--jobs", "4")
    assert said(desk, *words, script=script) == (*alone[:2], "copied\n" * 3)


def test_an_interruption_ends_all_of_them(desk: Path) -> None:
    script = """
def stuck(*given, **options):
    if not copies:
        return scan(*given, **options)
    os.write(1, b"stuck\\n")
    while True:
        signal.pause()
in_parts.scan = stuck
"""
    cache = desk.parent / "interrupted"
    process = subprocess.Popen(
        command(desk, script, ("--jobs", "3")),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "AGENTFLOW_CACHE_DIR": str(cache)},
        start_new_session=True,
    )
    assert process.stdout is not None
    for _ in range(3):
        assert process.stdout.readline() == b"stuck\n"
    os.killpg(process.pid, signal.SIGINT)  # as Ctrl-C in a terminal
    # Nothing more is said, and by nobody: a copy that stayed would hold the pipe open.
    assert process.communicate(timeout=60) == (b"", b"copied\n" * 2 + b"interrupted\n")
    assert process.returncode == 130
    assert not cache.exists()


@pytest.mark.parametrize("number", ["0", "x", "", "-1", "1.5", "257"])
def test_a_number_of_processes_is_a_number(
    number: str, desk: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["lint", "-C", str(desk), f"--jobs={number}"]) == 2
    assert f"--jobs is {number!r}, and no number from 1 to 256." in capsys.readouterr().err
    monkeypatch.setenv("AGENTFLOW_JOBS", number or "many")
    assert main(["lint", "-C", str(desk)]) == 2
    assert "AGENTFLOW_JOBS is " in capsys.readouterr().err
