"""A check ends its process at once, but not before all is said, and not where somebody waits for the end."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ENTRY = "import sys; from agentflow.cli.main import main; {more}; sys.exit(main())"
PROJECT = "apiVersion: agentflow/v1\nkind: Project\nname: p\n"


def left(root: Path, *words: str, more: str = "pass") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", ENTRY.format(more=more), "lint", "-C", str(root), *words]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("words", [(), ("--no-cache",)], ids=["kept", "not kept"])
def test_all_is_said_and_the_exit_code_is_right(tmp_path: Path, words: tuple[str, ...]) -> None:
    (tmp_path / "agentflow.yaml").write_text(PROJECT, encoding="utf-8")
    assert left(tmp_path, *words).returncode == 0
    agents = [f"---\nkind: Agent\nname: a{number}\nmodle: m\n" for number in range(150)]
    (tmp_path / "agentflow.yaml").write_text(PROJECT + "".join(agents), encoding="utf-8")
    for _ in range(2):
        done = left(tmp_path, "--format", "json", *words)
        assert done.returncode == 1
        assert done.stdout.endswith("}\n")
        assert len(done.stdout) > 70_000  # more than a pipe holds
        assert done.stderr == ""


def test_who_waits_for_the_end_sees_it(tmp_path: Path) -> None:
    (tmp_path / "agentflow.yaml").write_text(PROJECT, encoding="utf-8")
    done = left(tmp_path, "--no-cache", more="import atexit; atexit.register(print, 'the end')")
    assert done.returncode == 0
    assert done.stdout.splitlines()[-1] == "the end"


def test_a_thread_is_waited_for(tmp_path: Path) -> None:
    (tmp_path / "agentflow.yaml").write_text(PROJECT, encoding="utf-8")
    # It ends after everything else: the main thread waits for it where it ends as usual.
    more = (
        "import threading; main_thread = threading.current_thread(); "
        "threading.Thread(target=lambda: (main_thread.join(), print('done'))).start()"
    )
    done = left(tmp_path, "--no-cache", more=more)
    assert done.returncode == 0
    assert done.stdout.splitlines()[-1] == "done"
