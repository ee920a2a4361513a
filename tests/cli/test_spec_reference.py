"""The page of the language: every kind, every key, and no link that leads nowhere."""

from __future__ import annotations

import re

from agentflow.cli.spec_reference import spec_page
from agentflow.spec.kinds import KINDS
from agentflow.spec.walk import known_keys

PAGE = spec_page()


def sections() -> dict[str, str]:
    found = re.split(r"^#{2,3} (.+)$", PAGE, flags=re.M)
    return dict(zip(found[1::2], found[2::2], strict=True))


def test_every_key_of_every_kind_is_on_the_page() -> None:
    for kind, model in KINDS.items():
        for key in known_keys(model, ()):
            assert f"| `{key}` |" in sections()[kind], (kind, key)


def test_each_part_stands_there_once_and_every_link_leads_to_one() -> None:
    headings = [line.lstrip("# ").lower() for line in PAGE.splitlines() if line.startswith("##")]
    assert len(headings) == len(set(headings))
    links = set(re.findall(r"\]\(#([a-z]+)\)", PAGE))
    assert links <= set(headings)
    assert {"budget", "tools", "agent", "memorystore"} <= links


def test_types_are_called_by_their_names() -> None:
    budget = sections()["Budget"]
    assert "| `usd` | dollars |" in budget
    assert "| `tokens` | count |" in budget
    assert "| `wall` | duration |" in budget
    assert "| `warn_at` | share | `80%` |" in budget
    assert "| `agent` | [Agent](#agent) | required |" in sections()["Deployment"]
    assert "| `timeout` | duration | `60s` |" in sections()["CustomTool"]
    assert "list of [Vault](#vault)" in sections()["Agent"]


def test_every_row_has_a_meaning() -> None:
    rows = [line for line in PAGE.splitlines() if line.startswith("| `")]
    assert len(rows) > 250
    for row in rows:
        assert not row.endswith("|  |"), row
