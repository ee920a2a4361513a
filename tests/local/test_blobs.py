"""What a session left becomes files, whatever its programs made of the folder."""

from __future__ import annotations

import os
from pathlib import Path

from agentflow.local.blobs import Blobs


def test_folders_nested_without_end_do_not_hide_the_other_outputs(tmp_path: Path) -> None:
    outputs = tmp_path / "outputs"
    outputs.mkdir()
    (outputs / "report.md").write_text("done", encoding="utf-8")
    # Deeper than a recursive walk, and than a process may have descriptors for.
    here = os.open(outputs, os.O_RDONLY)
    chain = [here]
    for _ in range(1_200):
        os.mkdir("d", dir_fd=chain[-1])
        chain.append(os.open("d", os.O_RDONLY, dir_fd=chain[-1]))
    try:
        found = Blobs(tmp_path / "blobs").deliveries(outputs, {})
        assert [item.path for item in found] == ["report.md"]
    finally:
        for folder in reversed(chain[:-1]):
            os.rmdir("d", dir_fd=folder)
        for folder in chain:
            os.close(folder)
