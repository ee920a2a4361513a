"""docs/python.md is executed: its blocks in order, as one program, beside the example it speaks of."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import get_type_hints

from agentflow.operations.asked import Running
from agentflow.runtime.run import Verdict
from tests.support.cli import ROOT, clean_environment

TEXT = (ROOT / "docs/python.md").read_text(encoding="utf-8")


def test_the_guide_runs(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "examples/hello", tmp_path / "hello")
    program = "\n".join(re.findall(r"^```python\n(.*?)^```$", TEXT, re.M | re.S))
    (tmp_path / "guide.py").write_text(program, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-W", "error", "guide.py"],
        cwd=tmp_path,
        env=clean_environment() | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    first, refused = done.stdout.splitlines()
    assert re.fullmatch(r"welcome \S+/welcome\.md [0-9a-f]{64}", first)
    assert refused == "There is no agent 'greter' in this project. Did you mean 'greeter'?"


def test_every_argument_and_verdict_is_named() -> None:
    for name in get_type_hints(Running):
        assert f"`{name}`" in TEXT, name
    for verdict in Verdict:
        assert f"`{verdict.value}`" in TEXT, verdict
