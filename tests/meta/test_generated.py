"""Files that are generated say what the code says now. AGENTFLOW_UPDATE=1 writes them again."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support.generated import GENERATED

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("path", sorted(GENERATED))
def test_a_generated_file_is_up_to_date(path: str) -> None:
    expected = GENERATED[path]()
    file = ROOT / path
    if os.environ.get("AGENTFLOW_UPDATE"):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(expected, encoding="utf-8")
    assert file.exists(), f"{path} is missing: run the tests once with AGENTFLOW_UPDATE=1"
    assert file.read_text(encoding="utf-8") == expected, (
        f"{path} is out of date: run the tests once with AGENTFLOW_UPDATE=1 and read the diff"
    )


@pytest.mark.parametrize("folder", ["schemas", "docs/rules"])
def test_nothing_in_a_generated_folder_is_left_over(folder: str) -> None:
    present = {
        path.relative_to(ROOT).as_posix() for path in (ROOT / folder).rglob("*") if path.is_file()
    }
    assert present <= set(GENERATED), sorted(present - set(GENERATED))
