"""Who answers a call that asks, and what a shell command may hide."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentflow.runtime.approvals import (
    Allow,
    AskPerson,
    Deny,
    decide,
    shell_operators,
    tool_name,
)
from tests.runtime.support import rule

PYTHON = [rule("bash", match={"command": "python3 *"})]

ALLOWED = [
    "python3 analyse.py",
    "python3 analyse.py --by region",
    'python3 -c "import json; print(1 | 2)"',
    "python3 -c 'a = 1; b = a & 3\nprint(a > b)'",
    r"python3 name\;with\&odd.py",
    "python3 $HOME/x.py",
]
REFUSED = [
    "python3",
    "Python3 x.py",
    "sudo python3 x.py",
    "python3 x.py; rm -rf /",
    "python3 x.py && rm -rf /",
    "python3 x.py & rm -rf /",
    "python3 x.py | sh",
    "python3 x.py || sh",
    "python3 x.py\nrm -rf /",
    "python3 x.py\r\nrm -rf /",
    "python3 $(rm -rf /)",
    'python3 "$(rm -rf /)"',
    "python3 `rm -rf /`",
    'python3 "`rm -rf /`"',
    "python3 <(rm -rf /)",
    "python3 x.py > /etc/passwd",
    "python3 ${x:-$(rm)}",
    "python3 $'a\\'' ; rm ; echo ''",
    "python3 x.py # '\nrm -rf /\n#'",
    "python3 'unclosed",
    "python3 x.py \\\nrm",
]


@pytest.mark.parametrize("command", ALLOWED)
def test_one_simple_command_matches(command: str) -> None:
    assert decide(PYTHON, "bash", {"command": command}) == Allow("rule 1")


@pytest.mark.parametrize("command", REFUSED)
def test_a_second_command_is_not_smuggled_in(command: str) -> None:
    assert isinstance(decide(PYTHON, "bash", {"command": command}), Deny)


def test_a_pattern_with_operators_matches_just_those() -> None:
    rules = [rule("bash", match={"command": "sort * | head *"})]
    assert decide(rules, "bash", {"command": "sort a | head -3"}) == Allow("rule 1")
    for command in ("sort a | head -3 | sh", "sort a; sh | head -3", "sort a || head -3"):
        assert isinstance(decide(rules, "bash", {"command": command}), Deny)


WORDS = st.sampled_from(
    ["'", '"', "\\", "$", "`", "#", "(", ")", "{", "}", " ", "\n", "a", "=", "^"]
)


@given(
    st.lists(WORDS, max_size=10),
    st.lists(WORDS, max_size=10),
    st.sampled_from([";", "\n", "&", "|"]),
)
def test_no_quoting_makes_a_second_command_look_like_a_first(
    before: list[str], after: list[str], operator: str
) -> None:
    """Bash itself is the judge: if it runs `intruder`, the text had operators."""
    command = f": {''.join(before)}{operator}intruder {''.join(after)}"
    if shell_operators(command):
        return
    ran = subprocess.run(
        ["/bin/bash", "-c", f"intruder() {{ builtin echo INTRUDER >&2; }}\n{command}"],
        capture_output=True,
        stdin=subprocess.DEVNULL,
        cwd=Path(__file__).parent,
        env={"PATH": "/nonexistent"},
        timeout=20,
        check=False,
    )
    assert b"INTRUDER" not in ran.stderr


def test_the_first_rule_that_matches_wins() -> None:
    rules = [
        rule("write", match={"file_path": "/tmp/*"}),
        rule("w*", "deny", message="Only below /tmp."),
        rule("*", None, wait_s=60.0, on_timeout="halt"),
    ]
    assert decide(rules, "write", {"file_path": "/tmp/a"}) == Allow("rule 1")
    assert decide(rules, "write", {"file_path": "/etc/a"}) == Deny("Only below /tmp.", "rule 2")
    assert decide(rules, "write", {}) == Deny("Only below /tmp.", "rule 2")
    assert decide(rules, "bash", {}) == AskPerson("rule 3", 60.0, "halt", None)


def test_arguments_that_are_not_text_are_held_against_their_json() -> None:
    rules = [rule("rate", match={"limit": "1?", "tags": '*"a"*'})]
    assert decide(rules, "rate", {"limit": 12, "tags": ["a", "b"]}) == Allow("rule 1")
    assert isinstance(decide(rules, "rate", {"limit": 22, "tags": ["a"]}), Deny)


def test_no_rule_means_deny_with_the_rule_that_would_allow_it() -> None:
    answer = decide([], "bash", {"command": "ls -l"})
    assert isinstance(answer, Deny)
    assert '{ tool: bash, match: { command: "ls *" }, answer: allow }' in answer.message
    answer = decide(PYTHON, "bash", {"command": "ls; ls"})
    assert isinstance(answer, Deny)
    assert "one by one" in answer.message
    answer = decide([], tool_name("add_note", "warehouse"), {})
    assert isinstance(answer, Deny)
    assert "{ tool: warehouse.add_note, answer: allow }" in answer.message
