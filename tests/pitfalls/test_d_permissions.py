"""D: what an agent may do while nobody looks."""

from __future__ import annotations

import pytest

from tests.pitfalls.specs import agent, compiled, linted

DEPLOYED = (
    "---\nkind: Deployment\nname: nightly\nagent: a\nenvironment: id:env_1\ntask: Go.\n"
    'schedule: { cron: "0 6 * * *", timezone: UTC }\n'
)


def test_35_a_tool_that_asks_in_the_night_is_an_error() -> None:
    found = compiled(agent("tools: { bash: ask }\n" + DEPLOYED))
    assert "nobody answers for deployment 'nightly'" in found["AF279"].message
    server = "mcp: { crm: { url: 'https://crm.dev/mcp', others: ask } }\n"
    assert "AF279" in compiled(agent(server + DEPLOYED))
    # A server says nothing of its tools: they are off, not asking.
    assert "AF279" not in compiled(
        agent("mcp: { crm: { url: 'https://crm.dev/mcp' } }\n" + DEPLOYED)
    )


@pytest.mark.parametrize("key", ["allowed_hosts", "max_redirects", "block_private_networks"])
def test_36_a_key_that_limits_nothing_is_an_error_and_never_dropped(key: str) -> None:
    found = compiled(agent(f"tools: {{ web_fetch: {{ policy: allow, {key}: [a.example.com] }} }}"))
    problem = found["AF110"]
    assert key in problem.message
    assert problem.hint


@pytest.mark.parametrize("word", ["deny", "always_deny", "never_allow"])
def test_37_a_policy_that_does_not_exist_is_an_error_with_the_word_that_does(word: str) -> None:
    problem = compiled(agent(f"tools: {{ bash: {word} }}"))["AF113"]
    assert word in problem.message
    assert "off" in f"{problem.message} {problem.hint}"


def test_37_a_tool_has_one_entry() -> None:
    assert "AF012" in compiled(agent("tools:\n  bash: allow\n  bash: ask"))


def test_38_settings_that_restrict_nothing_are_told() -> None:
    raw = "raw:\n  tools:\n    - type: agent_toolset_20260401\n      configs: [{ name: read }]"
    assert "AF614" in linted(agent(raw))
    assert "AF601" in linted(
        agent("tools: { read: allow, edit: allow }", "Never modify any files.")
    )


def test_39_a_gate_that_can_be_walked_round_or_never_closes_is_told() -> None:
    rule = "approvals: [{ tool: write, match: { KEY: '/mnt/*' }, answer: allow }]"
    tools = "tools: { write: ask, bash: allow }\n"
    assert "AF603" in linted(agent(tools + rule.replace("KEY", "file_path")))
    problem = compiled(agent(tools + rule.replace("KEY", "path")))["AF255"]
    assert "file_path" in f"{problem.message} {problem.hint}"


def test_40_what_only_the_prompt_forbids_is_told() -> None:
    assert "AF611" in linted(agent("tools: { bash: allow }", "Never push to the main branch."))
    server = "mcp: { t: { url: 'https://t.dev/mcp', tools: { delete_comment: allow } } }"
    assert "AF612" in linted(agent(server, "Never delete any comments."))


def test_41_a_secret_in_a_text_is_an_error() -> None:
    key = "Zk3vX9qLm2TnR8wYb5Hc7Jd1"
    found = linted(agent("", f'"The api_key is {key}."'))
    assert "AF901" in found
    # Nor is it told to whoever reads the log.
    assert key not in f"{found['AF901'].message} {found['AF901'].hint}"
