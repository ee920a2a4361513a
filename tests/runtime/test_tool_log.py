"""What tools print is kept, as it came, and without known secrets."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from agentflow.runtime.tool_log import ToolLog
from agentflow.secret import protect


def logged(path: Path, *pieces: bytes) -> bytes:
    with ToolLog(path) as log:
        for piece in pieces:
            os.write(log.descriptor, piece)
    return path.read_bytes()


@pytest.mark.parametrize(
    "pieces",
    [
        (b"one\ntwo\n",),
        (b"o", b"ne\nt", b"wo"),
        (b"\xff\xfe\n\x00",),
        (b"",),
        (b"\n\n",),
        (b"x" * 30_000, b"y" * 60_000, b"\nz"),
    ],
    ids=["lines", "pieces", "bytes", "nothing", "empty lines", "long"],
)
def test_it_is_kept_as_it_came(pieces: tuple[bytes, ...], tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(b"before\n")
    assert logged(tmp_path / "log", *pieces) == b"before\n" + b"".join(pieces)


def test_a_secret_is_masked_also_in_pieces(tmp_path: Path) -> None:
    protect("token", "canary-s3cr3t")
    assert (
        logged(tmp_path / "log", b"it is cana", b"ry-s3cr3t!\nthe end")
        == b"it is [token]!\nthe end"
    )


def test_other_processes_write_to_it(tmp_path: Path) -> None:
    with ToolLog(tmp_path / "log") as log:
        subprocess.run(
            [sys.executable, "-c", "import sys; print('from afar', file=sys.stderr)"],
            stderr=log.descriptor,
            check=True,
        )
    assert (tmp_path / "log").read_text() == "from afar\n"
