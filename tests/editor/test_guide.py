"""docs/editors.md tells of everything the language server can, and starts it as it wants to be started."""

from __future__ import annotations

import re
import tomllib

from agentflow.cli.main import COMMANDS, parser_of
from tests.support.cli import ROOT
from tests.support.language_client import Client

PAGE = (ROOT / "docs" / "editors.md").read_text(encoding="utf-8")


def block(language: str) -> str:
    [found] = re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.M | re.S)
    return str(found)


def test_every_command_is_told(client: Client) -> None:
    provider = client.answer.capabilities.execute_command_provider
    assert provider is not None
    assert sorted(provider.commands) == sorted(re.findall(r"^\| `(agentflow\.\w+)` \|", PAGE, re.M))


def test_every_ability_is_told(client: Client) -> None:
    able = client.answer.capabilities
    rows = re.findall(r"^\| ([a-z][^|`]*) \|", PAGE, re.M)
    told = {
        "quick fixes": able.code_action_provider,
        "hover": able.hover_provider,
        "go to definition, references": able.definition_provider and able.references_provider,
        "completion": able.completion_provider,
        "outline, workspace symbols": able.document_symbol_provider
        and able.workspace_symbol_provider,
        "formatting": able.document_formatting_provider,
    }
    assert [row for row in rows if row not in ("in the editor", "findings")] == list(told)
    assert all(told.values())
    others = (able.rename_provider, able.inlay_hint_provider, able.code_lens_provider)
    assert others == (None, None, None)


def test_editors_start_the_server_as_it_wants() -> None:
    server = tomllib.loads(block("toml"))["language-server"]["agentflow"]
    words = [server["command"], *server["args"]]
    for language in ("lua", "elisp"):
        shown = re.findall(r'"([^"]+)"', block(language))
        start = shown.index("lsp") - 1
        assert shown[start : start + len(words)] == words
    [command] = [command for command in COMMANDS if command.name == "lsp"]
    parser, _ = parser_of(command)
    assert parser.parse_args(words[2:]).stdio
