"""What the embedded service leaves on the disk."""

from __future__ import annotations

import os
from pathlib import Path

from agentflow.operations.embedded import Embedded, embedded_service


def test_other_users_cannot_look_into_what_the_service_keeps(tmp_path: Path) -> None:
    (tmp_path / ".agentflow").mkdir()
    (tmp_path / ".agentflow").chmod(0o755)  # as a checkout makes it
    mask = os.umask(0o022)
    try:
        with embedded_service(Embedded(root=tmp_path, script=None, open_to_others=True)):
            kept = tmp_path / ".agentflow" / "local"
            assert kept.stat().st_mode & 0o077 == 0
            assert (kept / "service.json").stat().st_mode & 0o077 == 0
    finally:
        os.umask(mask)
