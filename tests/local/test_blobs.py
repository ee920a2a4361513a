"""What a session left becomes files, whatever its programs made of the folder."""

from __future__ import annotations

import os
from pathlib import Path

from agentflow.local.blobs import Blobs
from agentflow.local.workshop import delete_tree


def nest(folder: Path, levels: int) -> None:
    """Folders in folders, deeper than a recursive walk can follow or a path can say."""
    here = os.open(folder, os.O_RDONLY)
    for _ in range(levels):
        os.mkdir("d", dir_fd=here)
        inner = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = inner
    os.close(here)


def test_folders_nested_without_end_do_not_hide_the_other_outputs(tmp_path: Path) -> None:
    outputs = tmp_path / "outputs"
    outputs.mkdir()
    (outputs / "report.md").write_text("done", encoding="utf-8")
    nest(outputs, 1_200)
    try:
        found = Blobs(tmp_path / "blobs").deliveries(outputs, {})
        assert [item.path for item in found] == ["report.md"]
    finally:
        delete_tree(outputs)
    assert not outputs.exists()
