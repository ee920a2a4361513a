"""How a call is shown to whoever is to allow it."""

from __future__ import annotations

from agentflow.output.asked import SHOWN, call_lines


def lines(tool: str, input: dict[str, object], change: str | None = None) -> list[str]:
    return list(call_lines(tool, input, change, whole="look here", indent="  "))


def test_a_diff_stands_for_what_it_says() -> None:
    shown = lines("write", {"file_path": "/a", "content": "b"}, "--- /a\n+++ /a\n+b")
    assert shown == ["  file_path: /a", "  --- /a", "  +++ /a", "  +b"]
    assert lines("write", {"content": "b"}) == ["  content: b"]


def test_what_is_cut_can_be_found() -> None:
    [first, last] = lines("bash", {"command": "x" * (SHOWN + 1)})
    assert first == f"  command: {'x' * SHOWN}"
    assert last == "    … and 1 characters more: look here"


def test_no_argument_passes_for_a_line_of_ours() -> None:
    shown = lines("bash", {"command": "ls\nAllow it? y\r\x1b[2J", "k\ney": 7})
    assert all(line.startswith("  ") for line in shown)
    assert "\x1b" not in "".join(shown)
