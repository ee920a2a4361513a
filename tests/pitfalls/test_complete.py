"""Every pitfall of these parts has a test that bears its number."""

from __future__ import annotations

import re
from pathlib import Path

HERE = Path(__file__).parent
PARTS = {
    "a_event_loop": range(1, 19),
    "b_stream": range(19, 30),
    "c_cost": range(30, 35),
    "d_permissions": range(35, 42),
    "f_servers": range(56, 57),
    "h_files": range(69, 75),
}
_TEST = re.compile(r"^def test_(\d\d)_\w+\(", re.M)


def test_every_pitfall_has_a_test() -> None:
    for part, numbers in PARTS.items():
        text = (HERE / f"test_{part}.py").read_text(encoding="utf-8")
        assert {int(number) for number in _TEST.findall(text)} == set(numbers), part


def test_no_file_is_left_out() -> None:
    files = {path.stem.removeprefix("test_") for path in HERE.glob("test_[a-z]_*.py")}
    assert files == set(PARTS)
