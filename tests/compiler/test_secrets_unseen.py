"""What is written out where a secret belongs is an error, and no message and no excerpt shows it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from agentflow.cli.main import main
from agentflow.spec.base import Secret
from agentflow.spec.kinds import KINDS
from agentflow.spec.walk import marked

TOKEN = "zq-7731-hunter2-9f"
PROJECT = "apiVersion: agentflow/v1\nkind: Project\nname: p\nsecrets: { s: 'env:S' }\n---\n"
VAULT = "kind: Vault\nname: v\ncredentials:\n  c:\n"
AGENT = "kind: Agent\nname: a\nmodel: claude-opus-5-5\nprompt: Work.\n"

PLACES = {
    ("Vault", "credentials.*.bearer"): VAULT + "    url: https://x.com\n    bearer: {}\n",
    ("Vault", "credentials.*.oauth.access_token"): VAULT
    + "    url: https://x.com\n    oauth: {{ access_token: {} }}\n",
    ("Vault", "credentials.*.oauth.refresh.refresh_token"): VAULT
    + "    url: https://x.com\n    oauth:\n      access_token: ${{secret.s}}\n      refresh:\n"
    "        client_id: x\n        token_endpoint: https://x.com\n        refresh_token: {}\n",
    ("Vault", "credentials.*.oauth.refresh.client_secret"): VAULT
    + "    url: https://x.com\n    oauth:\n      access_token: ${{secret.s}}\n      refresh:\n"
    "        client_id: x\n        token_endpoint: https://x.com\n"
    "        refresh_token: ${{secret.s}}\n        endpoint_auth: basic\n        client_secret: {}\n",
    ("Vault", "credentials.*.variable.value"): VAULT
    + "    variable: {{ name: X, value: {}, hosts: any }}\n",
    ("Agent", "repositories.*.token"): AGENT
    + "repositories:\n  r:\n    url: https://github.com/a/b\n    token: {}\n",
    ("Deployment", "repositories.*.token"): AGENT
    + "environment: e\n---\nkind: Environment\nname: e\n---\nkind: Deployment\nname: d\nagent: a\n"
    "task: x\nrepositories:\n  r:\n    url: https://github.com/a/b\n    token: {}\n",
    ("Agent", "approvals.*.ask.secret"): AGENT
    + "approvals:\n  - tool: bash\n    ask: {{ webhook: https://x.com, secret: {} }}\n    wait: 1h\n",
    ("Agent", "uncertainty.ask.secret"): AGENT
    + "uncertainty:\n  mode: ask\n  ask: {{ webhook: https://x.com, secret: {} }}\n  wait: 1h\n",
    ("Toolset", "approvals.*.ask.secret"): AGENT
    + "---\nkind: Toolset\nname: t\napprovals:\n  - tool: bash\n"
    "    ask: {{ webhook: https://x.com, secret: {} }}\n    wait: 1h\n",
}
"""A spec for each field that takes nothing but a secret."""

LITERALS = {
    "text": TOKEN,
    "quoted": f"'{TOKEN}'",
    "block": f"|\n            {TOKEN}\n            {TOKEN}\n",
    "list": f"[{TOKEN}]",
    "map": f"{{ {TOKEN}: {TOKEN} }}",
    "unknown substitution": f'"${{{TOKEN}}}"',
    "unknown secret": f'"{TOKEN}${{secret.nope}}"',
    "unset variable": f'"{TOKEN}${{env.AGENTFLOW_NO_SUCH}}"',
    "not closed": f'"{TOKEN}${{secret.s"',
}
NUMBER = "77319462"


def fields() -> Iterator[tuple[str, str]]:
    for kind, model in KINDS.items():
        for field in marked(model, Secret):
            if field.mark.required:
                yield kind, ".".join(field.path)


def test_every_field_that_takes_a_secret_is_here() -> None:
    assert set(fields()) == set(PLACES)


def shown(tmp_path: Path, text: str, capsys: pytest.CaptureFixture[str]) -> str:
    """Everything that lint, compile and --explain print of a project, for people and programs."""
    (tmp_path / "agentflow.yaml").write_text(PROJECT + text, encoding="utf-8")
    addresses = ["vault/v"] if "kind: Vault" in text else ["agent/a"]
    codes = []
    for command in (["lint"], ["lint", "--format", "json"], ["compile"]):
        codes.append(main([*command, "-C", str(tmp_path)]))
    for style in ("human", "json"):
        codes.append(main(["compile", "--explain", *addresses, "-C", str(tmp_path), "--format", style]))  # fmt: skip
    assert set(codes) <= {1, 2}
    output = capsys.readouterr()
    return output.out + output.err


@pytest.mark.parametrize("literal", [*LITERALS, "number"])
@pytest.mark.parametrize("place", PLACES, ids=".".join)
def test_a_secret_that_is_written_out_is_never_shown(
    place: tuple[str, str], literal: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    value = NUMBER if literal == "number" else LITERALS[literal]
    text = shown(tmp_path, PLACES[place].format(value), capsys)
    assert TOKEN not in text
    assert NUMBER not in text
    assert "error[" in text


@pytest.mark.parametrize(
    "text",
    [
        # Misspelt, or where the mapping should stand.
        VAULT + f"    url: https://x.com\n    baerer: {TOKEN}\n",
        VAULT + f"    url: https://x.com\n    password: {TOKEN}\n",
        VAULT + f"    url: https://x.com\n    oauth: {TOKEN}\n",
        f"kind: Vault\nname: v\ncredentials: {{ c: {TOKEN} }}\n",
        AGENT + f"repositories: {{ r: {TOKEN} }}\n",
        # As the password of a URL.
        AGENT + f"mcp:\n  m: {{ url: 'https://u:{TOKEN}@x.com' }}\n",
        AGENT + f"mcp: {{ m: {{ url: 'http://:{TOKEN}@x.com/y', auth: 3 }} }}\n",
        AGENT + f"repositories: {{ r: {{ url: 'https://u:{TOKEN}@github.com/a/b' }} }}\n",
        AGENT + "custom: { c: { description: d, input_schema: { type: object }, "
        f"http: {{ url: 'https://u:{TOKEN}@x.com' }} }} }}\n",
        VAULT + f"    url: https://u:{TOKEN}@x.com\n    bearer: ${{secret.s}}\n",
        # Beside another mistake.
        VAULT + f"    {{ url: 7, bearer: {TOKEN} }}\n",
        VAULT + f"    {{ url: https://x.com, bearer: {TOKEN}, xx: 1 }}\n",
        # Where nothing is read as a spec.
        VAULT + f"    url: https://x.com\n    bearer: {TOKEN}\n    bearer: {TOKEN}\n",
        VAULT + f"    url: https://x.com\n    bearer: {TOKEN}: {TOKEN}\n",
        VAULT + f"    url: [https://x.com, 'bearer': \"{TOKEN}\n",
    ],
)
def test_nor_where_it_stands_by_mistake(
    text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert TOKEN not in shown(tmp_path, text, capsys)


def test_the_project_can_be_read_all_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "agentflow.yaml").write_text(
        PROJECT + VAULT + f"    url: https://x.com\n    bearer: {TOKEN}\n", encoding="utf-8"
    )
    assert main(["lint", "-C", str(tmp_path), "--format", "json"]) == 1
    found = json.loads(capsys.readouterr().out)["problems"]
    assert [problem["code"] for problem in found if problem["severity"] == "error"] == ["AF114"]
