"""What an editor asks about a place: hover, definition, references, completion, symbols, actions, commands."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcException

from tests.support.language_client import Client

PROJECT = """\
apiVersion: agentflow/v1
kind: Project
name: shop
vars:
  company: { default: Northwind, description: Whose shop it is. }
  token: { default: "${env.SHOP_TOKEN:-none}" }
secrets:
  mail: env:MAIL_TOKEN
targets:
  prod: { service: anthropic, vars: { company: Contoso } }
"""
AGENTS = """\
apiVersion: agentflow/v1
kind: Agent
name: writer
description: Writes letters.
extends: base
model: claude-opus-5-5
environment: box
use: [desk]
prompt: ./prompts/writer.md
task: Write to {{ inputs.who }}.
inputs:
  who: { type: string, default: "${var.company}" }
outputs: { letter: { path: letter.md } }
done: [The letter is written.]
uncertainty: assume
---
kind: Agent
name: base
abstract: true
budget: { usd: 1, turns: 20 }
---
kind: Environment
name: box
description: "Closed: ${var.token}"
---
kind: Toolset
name: desk
tools: { write: allow, read: allow }
---
kind: Fragment
name: manners
params: { tone: { default: warm } }
text: Be {{ params.tone }}.
---
kind: Vault
name: keys
credentials:
  mail:
    url: https://mail.example.com/mcp
    bearer: "${secret.mail}"
---
kind: Deployment
name: weekly
agent: writer
task: Write as {{ vars.company }}.
"""
OTHERS = AGENTS.partition("---\n")[2]
"""All but the first of them."""
PROMPT = '# {{ vars.company }}\n\n{% include "fragment/manners" %}\n{{ outputs_section }}\n'


@pytest.fixture(scope="module")
def root(new_project: Callable[..., Path]) -> Path:
    return new_project({"agents.yaml": AGENTS, "prompts/writer.md": PROMPT}, project=PROJECT)


@pytest.fixture(scope="module")
def ask(client: Client, root: Path) -> Ask:
    return Ask(client, root)


class Ask:
    """Asks about the place of a text in a file; `|` in it is the cursor, and else its start."""

    def __init__(self, client: Client, root: Path) -> None:
        self.client = client
        self.root = root
        self.uris = {
            name: client.open(root / name)
            for name in ("agents.yaml", "agentflow.yaml", "prompts/writer.md")
        }

    def place(self, file: str, words: str) -> dict[str, Any]:
        before, _, after = words.partition("|")
        text = (self.root / file).read_text(encoding="utf-8")
        assert text.count(before + after) == 1, words
        start = text.index(before + after) + (len(before) if "|" in words else 0)
        line = text.count("\n", 0, start)
        return self.client.at(self.uris[file], line, start - text.rfind("\n", 0, start) - 1)

    def hover(self, file: str, words: str) -> str:
        found = self.client.ask(lsp.TEXT_DOCUMENT_HOVER, lsp.HoverParams(**self.place(file, words)))
        return str(found.contents.value) if found else ""

    def shown(self, location: lsp.Location) -> str:
        """`file:line text`, the line from 1."""
        path = Path(location.uri.removeprefix("file://"))
        start, end = location.range.start, location.range.end
        line = path.read_text(encoding="utf-8").split("\n")[start.line]
        words = line[start.character : end.character]
        return f"{path.relative_to(self.root)}:{start.line + 1} {words}".rstrip()

    def definition(self, file: str, words: str) -> list[str]:
        params = lsp.DefinitionParams(**self.place(file, words))
        return [self.shown(x) for x in self.client.ask(lsp.TEXT_DOCUMENT_DEFINITION, params)]

    def references(self, file: str, words: str, *, declared: bool = False) -> list[str]:
        context = lsp.ReferenceContext(include_declaration=declared)
        params = lsp.ReferenceParams(**self.place(file, words), context=context)
        return [self.shown(x) for x in self.client.ask(lsp.TEXT_DOCUMENT_REFERENCES, params)]

    def complete(self, file: str, text: str) -> dict[str, str]:
        """What is offered at `|` in a text that is in the editor only: by label, the text after it."""
        before, _, after = text.partition("|")
        uri = self.uris[file]
        saved = (self.root / file).read_text(encoding="utf-8")
        if file == "agents.yaml":
            # The other specs of the file stay, so that it says the same of them whether the server has
            # looked at it since it was changed or not.
            after += f"\n---\n{OTHERS}"
        else:
            # Until the server has looked at what was written in the last test, that is what it knows.
            self.client.problems(self.uris["agents.yaml"])
        self.client.change(uri, before + after)
        lines = before.split("\n")
        place = self.client.at(uri, len(lines) - 1, len(lines[-1]))
        found = self.client.ask(lsp.TEXT_DOCUMENT_COMPLETION, lsp.CompletionParams(**place))
        self.client.change(uri, saved)
        result = {}
        for item in found.items:
            edit = item.text_edit
            assert edit.range.end == place["position"]
            result[item.label] = (
                before[: len(before) - (place["position"].character - edit.range.start.character)]
                + edit.new_text
            )
        return result


@pytest.mark.parametrize(
    ("file", "words", "expected"),
    [
        ("agents.yaml", "environment: b|ox", ["agents.yaml:23 box"]),
        ("agents.yaml", "use: [d|esk]", ["agents.yaml:27 desk"]),
        ("agents.yaml", "extends: base|", ["agents.yaml:18 base"]),
        ("agents.yaml", "agent: wri|ter", ["agents.yaml:3 writer"]),
        ("agents.yaml", "${var.com|pany}", ["agentflow.yaml:5 company"]),
        ("agents.yaml", "{{ inputs.w|ho }}", ["agents.yaml:12 who"]),
        ("agents.yaml", "{{ params.to|ne }}", ["agents.yaml:32 tone"]),
        ("agents.yaml", "${secret.mai|l}", ["agentflow.yaml:8 mail"]),
        ("agents.yaml", "as {{ vars.comp|any }}", ["agentflow.yaml:5 company"]),
        ("agents.yaml", "./prompts/wr|iter.md", ["prompts/writer.md:1"]),
        ("prompts/writer.md", "fragment/man|ners", ["agents.yaml:31 manners"]),
        ("prompts/writer.md", "vars.comp|any", ["agentflow.yaml:5 company"]),
        ("agents.yaml", "Writes let|ters.", []),
    ],
)
def test_a_name_leads_to_what_it_names(
    ask: Ask, file: str, words: str, expected: list[str]
) -> None:
    assert ask.definition(file, words) == expected


def test_all_uses_are_found_from_each_of_them(ask: Ask) -> None:
    uses = [
        "agents.yaml:12 ${var.company}",
        "agents.yaml:45 company",
        "prompts/writer.md:1 company",
    ]
    for file, words in [
        ("agentflow.yaml", "  com|pany: { default"),
        ("prompts/writer.md", "vars.comp|any"),
        ("agents.yaml", "${var.com|pany}"),
    ]:
        assert ask.references(file, words) == uses
    assert ask.references("agents.yaml", "name: bo|x", declared=True) == [
        "agents.yaml:7 box",
        "agents.yaml:23 box",
    ]
    # Of a prompt: who is told it.
    assert ask.references("prompts/writer.md", "outputs_se|ction") == [
        "agents.yaml:9 ./prompts/writer.md"
    ]


@pytest.mark.parametrize(
    ("file", "words", "parts"),
    [
        (
            "agents.yaml",
            "uncer|tainty",
            ["What to do when something is unclear", "`assume`", "`ask`"],
        ),
        ("agents.yaml", "budget: { u|sd", ["usd"]),
        ("agents.yaml", "use: [de|sk]", ["toolset/desk", "agents.yaml:27"]),
        ("agents.yaml", "${var.com|pany}", ["vars.company", "`Northwind`", "agentflow.yaml:5"]),
        ("agents.yaml", "${secret.ma|il}", ["secrets.mail", "env:MAIL_TOKEN"]),
        ("agents.yaml", "environ|ment: box", ["Where its tools run"]),
        ("agents.yaml", "ex|tends: base", ["An agent whose values"]),
        ("agents.yaml", "to|ols: { write", ["As in an Agent"]),
        ("prompts/writer.md", "vars.comp|any", ["`Northwind`"]),
        ("prompts/writer.md", "fragment/man|ners", ["fragment/manners", "agents.yaml:31"]),
    ],
)
def test_hover_explains(ask: Ask, file: str, words: str, parts: list[str]) -> None:
    said = ask.hover(file, words)
    for part in parts:
        assert part in said


def test_hover_shows_what_counts_in_the_end(ask: Ask) -> None:
    said = ask.hover("agents.yaml", 'default: "${var.|company}"')
    assert "On target `local`: `Northwind` from agents.yaml:12, as `${var.company}`" in said


def test_hover_shows_no_secret(new_project: Callable[..., Path]) -> None:
    root = new_project({"agents.yaml": AGENTS, "prompts/writer.md": PROMPT}, project=PROJECT)
    client = Client(root, environ={"SHOP_TOKEN": "hush-hush", "MAIL_TOKEN": "very-secret"})
    ask = Ask(client, root)
    for file, words in [
        ("agents.yaml", "Closed: ${var.to|ken}"),
        ("agents.yaml", 'descr|iption: "Closed'),
        ("agents.yaml", "${secret.mai|l}"),
        ("agents.yaml", "bea|rer"),
        ("agents.yaml", "creden|tials"),
        ("agentflow.yaml", "env.SHOP|_TOKEN"),
        ("agentflow.yaml", "to|ken: { default"),
    ]:
        said = ask.hover(file, words)
        assert said
        assert "hush-hush" not in said
        assert "very-secret" not in said
    assert client.stop() == 0


@pytest.mark.parametrize(
    ("text", "some"),
    [
        ("environment: bo|x", {"box"}),
        ("environment: |", {"box"}),
        ("use: [|]", {"desk"}),
        ("use: [de|", {"desk"}),
        ("use:\n  - |", {"desk"}),
        ("extends: |", {"base", "writer"}),
        ("model: |", {"claude-opus-5-5", "claude-haiku-4-5"}),
        ("model: { id: cl|", {"claude-opus-5-5"}),
        ("model: { effort: |", {"low", "max"}),
        ("tools: { wr|", {"write"}),
        ("tools:\n  read: allow\n  |", {"write", "bash"}),
        ("tools:\n  write: |", {"allow", "ask", "off", "auto"}),
        ("uncertainty: |", {"assume", "ask", "stop"}),
        ("vaults: [|", {"keys"}),
        ("mcp: { m: { url: 'https://x.example.com/mcp', auth: | } }", {"keys.mail"}),
        ("tools: { write: ask }\napprovals:\n  - { tool: | }", {"write"}),
        ("prompt: ./pro|", {"./prompts/"}),
        ("prompt: ./prompts/|", {"./prompts/writer.md"}),
        ("scratch: ${|", {"var.company", "secret.mail", "ref.environment.box.id"}),
        ("task: Write {{ vars.|", {"company", "token"}),
        ("inputs: { who: {} }\ntask: Write {{ inputs.| }}", set()),
        ('task: "{% include \'|"', {"fragment/manners"}),
        ("task: '{{ fragment(\"|'", {"manners"}),
        ("tools: { bash: ask } # agentflow: ignore[AF6|", {"AF602", "AF001"}),
        ("abstract: |", {"true", "false"}),
        ("budget: { | }", {"usd", "turns", "warn_at"}),
        ("|", {"prompt", "tools", "done"}),
        ("mod|\nprompt: x", {"model"}),
    ],
)
def test_what_fits_is_offered(ask: Ask, text: str, some: set[str]) -> None:
    head = "apiVersion: agentflow/v1\nkind: Agent\nname: writer\n"
    offers = ask.complete("agents.yaml", f"{head}{text}")
    assert some <= offers.keys(), offers


def test_what_is_chosen_takes_the_place_of_what_was_written(ask: Ask) -> None:
    head = "apiVersion: agentflow/v1\nkind: Agent\nname: a\n"
    assert ask.complete("agents.yaml", f"{head}too|")["tools"] == f"{head}tools: "
    assert ask.complete("agents.yaml", f"{head}environment: b|")["box"] == f"{head}environment: box"
    offers = ask.complete("agents.yaml", f"{head}task: ${{var.com|")
    assert offers["var.company"] == f"{head}task: ${{var.company}}"
    offers = ask.complete("agents.yaml", f"{head}skills: [] # agentflow: ignore[AF50|]")
    assert offers["AF501"] == f"{head}skills: [] # agentflow: ignore[AF501"


def test_keys_that_are_there_are_not_offered_again(ask: Ask) -> None:
    text = "apiVersion: agentflow/v1\nkind: Agent\nname: a\nmodel: m\n|\nprompt: x\n"
    offers = ask.complete("agents.yaml", text)
    assert "tools" in offers
    assert offers.keys().isdisjoint({"name", "model", "prompt", "kind"})


@pytest.mark.parametrize(
    ("text", "some"),
    [
        ("{{ vars.| }}", {"company"}),
        ("{{ inp|", {"inputs"}),
        ("{{ inputs.|", {"who"}),
        ("{{ |", {"vars", "outputs_section"}),
        ('{% include "fragment/|" %}', {"fragment/manners"}),
        ('{{ fragment("m|', {"manners"}),
        ("{# agentflow: ignore[|] #}", {"AF505"}),
    ],
)
def test_prompts_are_completed_too(ask: Ask, text: str, some: set[str]) -> None:
    assert some <= ask.complete("prompts/writer.md", f"Words.\n{text}").keys()


def test_plain_words_of_a_prompt_are_left_alone(ask: Ask) -> None:
    assert ask.complete("prompts/writer.md", "Write kind: |") == {}
    assert ask.complete("prompts/writer.md", "{{ vars.company }} wr|") == {}


def test_kinds_and_other_kinds_in_overlays(ask: Ask) -> None:
    offers = ask.complete("agents.yaml", "apiVersion: agentflow/v1\nkind: |\n")
    assert {"Agent", "Flow", "Policy"} <= offers.keys()
    overlay = "apiVersion: agentflow/v1\nkind: Overlay\nname: o\n"
    assert "prod" in ask.complete("agents.yaml", f"{overlay}target: |")
    patch = f"{overlay}target: prod\npatch:\n  agent/writer:\n    "
    assert "budget" in ask.complete("agents.yaml", f"{patch}|")
    assert "box" in ask.complete("agents.yaml", f"{patch}environment: |")


def test_the_outline_has_every_spec(ask: Ask) -> None:
    ask.client.problems(ask.uris["agents.yaml"])
    params = lsp.DocumentSymbolParams(lsp.TextDocumentIdentifier(ask.uris["agents.yaml"]))
    found = ask.client.ask(lsp.TEXT_DOCUMENT_DOCUMENT_SYMBOL, params)
    assert [(x.detail, x.name) for x in found][:3] == [
        ("Agent", "writer"),
        ("Agent", "base"),
        ("Environment", "box"),
    ]
    assert [x.name for x in found[1].children] == ["kind", "name", "abstract", "budget"]
    for symbol in found:
        assert symbol.range.start.line <= symbol.selection_range.start.line
        assert symbol.range.end.line >= symbol.selection_range.end.line


def test_specs_are_found_by_name(ask: Ask) -> None:
    found = ask.client.ask(lsp.WORKSPACE_SYMBOL, lsp.WorkspaceSymbolParams("eekl"))
    here = [x for x in found if x.location.uri == ask.uris["agents.yaml"]]
    assert [(x.container_name, x.name) for x in here] == [("deployment", "weekly")]


def run(client: Client, command: str, *arguments: Any) -> Any:
    return client.ask(
        lsp.WORKSPACE_EXECUTE_COMMAND, lsp.ExecuteCommandParams(command, list(arguments))
    )


def test_the_prompt_is_rendered_on_command(ask: Ask) -> None:
    uri, prompt = ask.uris["agents.yaml"], ask.uris["prompts/writer.md"]
    for argument in (
        {"uri": uri, "address": "agent/writer"},
        {"uri": uri, "position": {"line": 4, "character": 0}},
        {"uri": prompt, "position": {"line": 0, "character": 0}},
    ):
        text = run(ask.client, "agentflow.renderPrompt", argument)
        assert text.startswith("# Northwind\n\nBe warm.\n")
        assert "letter.md" in text


def test_a_spec_is_explained_on_command(ask: Ask) -> None:
    text = run(
        ask.client, "agentflow.explain", {"uri": ask.uris["agents.yaml"], "address": "agent/writer"}
    )
    assert re.search(r"usd: 1 +# agents\.yaml:20", text)


@pytest.mark.parametrize(
    ("argument", "said"),
    [
        ("agent/nobody", "agent/nobody"),
        ({"uri": "HERE", "address": "agent/writr"}, "Did you mean 'agent/writer'?"),
        ({"uri": "HERE", "address": "environment/box"}, "no agent"),
        ({"uri": "HERE", "address": "agent/base"}, "abstract"),
        ({"uri": "file:///nowhere/a.yaml"}, "no open project"),
        (7, "None"),
    ],
)
def test_a_command_says_what_is_wrong(ask: Ask, argument: Any, said: str) -> None:
    if isinstance(argument, dict) and argument["uri"] == "HERE":
        argument = {**argument, "uri": ask.uris["agents.yaml"]}
    with pytest.raises(JsonRpcException, match=re.escape(said)):
        run(ask.client, "agentflow.renderPrompt", argument)
