"""Bad input as data: what a person may write or have on disk, and the one clear answer.

Held against the compiler in `tests/compiler/test_bad_input.py` and against the command line.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["CASES", "NOT_FROM_FILES", "BadInput"]

PROJECT = "apiVersion: agentflow/v1\nkind: Project\nname: shop\n"
HEAD = "apiVersion: agentflow/v1\nkind: Agent\nname: a\nmodel: claude-opus-5-5\n"
AGENT = f"{HEAD}prompt: Work.\n"
FRAGMENT = (
    "---\nkind: Fragment\nname: rules\n"
    "params: {level: {enum: [low, high], default: low}, n: {type: integer, default: 1}}\n"
    "text: Be {{ params.level }}.\n"
)
CARD = "description: A rate., input_schema: {type: object}"
"""What a custom tool that is no function has to say of itself."""


@dataclass(frozen=True, kw_only=True)
class BadInput:
    """A project with one mistake."""

    id: str
    files: Mapping[str, str | bytes]
    """By path. `agentflow.yaml` is added unless it is here or `has_project` is false."""
    code: str
    file: str = "a.yaml"
    line: int = 1
    column: int = 1
    message: str
    """A part of it."""
    hint: str | None = None
    """A part of it. None: there is no hint."""
    placed: bool = True
    """False: no file is to blame, so there is no place."""
    has_project: bool = True
    target: str = "local"
    variables: Mapping[str, str] = field(default_factory=dict)
    prepare: Callable[[Path], None] | None = None
    """Makes what cannot be written as text: links, pipes, directories."""

    def write(self, root: Path) -> None:
        """Put the project on disk."""
        files = dict(self.files)
        if self.has_project:
            files.setdefault("agentflow.yaml", PROJECT)
        for name, content in files.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        if self.prepare is not None:
            self.prepare(root)


def _bomb() -> str:
    lines = ["x0: &x0 [a, a, a, a, a, a, a, a, a, a]"]
    lines += [f"x{n}: &x{n} [{', '.join([f'*x{n - 1}'] * 10)}]" for n in range(1, 9)]
    return AGENT + "\n".join(lines) + "\n"


def _huge(root: Path) -> None:
    with (root / "a.yaml").open("w") as file:
        file.write(AGENT)
        file.truncate(50 << 20)


def _pipe(root: Path) -> None:
    os.mkfifo(root / "prompt.md")


def _link_to_itself(root: Path) -> None:
    (root / "prompt.md").symlink_to("prompt.md")


def _link_out(root: Path) -> None:
    (root / "prompt.md").symlink_to("/etc/passwd")


def _directory(root: Path) -> None:
    (root / "prompts").mkdir()


def _project_directory(root: Path) -> None:
    (root / "agentflow.yaml").mkdir()


DESK = (
    "def rate(currency: str) -> str:\n"
    '    """The rate of a currency."""\n'
    "    return currency\n\n\n"
    "def complete(outputs):\n"
    "    return True\n"
)
"""The module `desk`: a custom tool and a check."""
ENVIRONMENT = "apiVersion: agentflow/v1\nkind: Environment\nname: e\n"
ASKING = "tools: {bash: ask, read: allow}\n"
DEPLOYMENT = (
    "apiVersion: agentflow/v1\nkind: Deployment\nname: d\nagent: id:agent_01A\n"
    "environment: id:env_01A\ntask: Tidy up.\n"
)
SKILL = "apiVersion: agentflow/v1\nkind: Skill\nname: s\nfolder: ./s\n"


def _large_skill(root: Path) -> None:
    with (root / "s" / "data.bin").open("wb") as file:
        file.truncate(30_000_000)


def agent(body: str) -> dict[str, str | bytes]:
    return {"a.yaml": AGENT + body}


def coded(body: str, code: str = DESK) -> dict[str, str | bytes]:
    """An agent with code of its own."""
    return {"a.yaml": AGENT + body, "desk.py": code}


def prompt(text: str, name: str = "p.md") -> dict[str, str | bytes]:
    """An agent whose prompt stands in a file."""
    return {"a.yaml": f"{HEAD}prompt: ./{name}\n", name: text}


CASES: tuple[BadInput, ...] = (
    # Reading
    BadInput(
        id="empty-project-file",
        files={"agentflow.yaml": ""},
        code="AF022",
        file="agentflow.yaml",
        message="agentflow.yaml holds no spec.",
        hint="apiVersion: agentflow/v1",
    ),
    BadInput(
        id="markdown-of-another-kind",
        files={"a.md": "---\napiVersion: agentflow/v1\nkind: Environment\nname: a\n---\n\nText.\n"},
        code="AF025",
        file="a.md",
        line=7,
        message="is the prompt of an Agent, and its kind is Environment.",
        hint="Move the spec to a YAML file.",
    ),
    BadInput(
        id="null-byte-in-a-prompt",
        files={"a.yaml": f"{HEAD}prompt: ./one.md\n", "one.md": "One.\nTwo\0\n"},
        code="AF019",
        file="one.md",
        line=2,
        column=4,
        message="The text holds the character U+0000",
        hint="Remove it",
    ),
    BadInput(
        id="frontmatter-without-an-end",
        files={"a.md": f"---\n{HEAD}"},
        code="AF025",
        file="a.md",
        message="does not end",
        hint="`---`",
    ),
    BadInput(
        id="prompt-twice-in-markdown",
        files={"a.md": f"---\n{AGENT}---\nWrite.\n"},
        code="AF025",
        file="a.md",
        line=6,
        message="'prompt'",
        hint="Keep one",
    ),
    BadInput(
        id="ant-unknown-key",
        files={"agents/a.md": "---\nname: A\nmodel: claude-opus-5-5\ntoolz: []\n---\nWork.\n"},
        code="AF110",
        file="agents/a.md",
        line=4,
        message="'toolz'",
        hint="Did you mean 'tools'?",
    ),
    BadInput(
        id="ant-key-of-specs",
        files={"agents/a.yaml": "name: A\nmodel: claude-opus-5-5\nbudget: { usd: 1 }\n"},
        code="AF110",
        file="agents/a.yaml",
        line=3,
        message="'budget'",
        hint="in the words of `ant apply`",
    ),
    BadInput(
        id="ant-path-leads-nowhere",
        files={
            "agents/analyst.md": "---\nname: A\nmodel: claude-opus-5-5\n---\nWork.\n",
            "deployments/d.md": "---\nname: D\nagent: ../agents/analist.md\n"
            "environment_id: env_1\n---\nGo.\n",
        },
        code="AF201",
        file="deployments/d.md",
        line=3,
        column=8,
        message="'agents/analist.md'",
        hint="Did you mean '../agents/analyst.md'?",
    ),
    BadInput(
        id="ant-skill-without-a-commit",
        files={
            "agents/a.yaml": "name: A\nmodel: claude-opus-5-5\n"
            "skills: ['https://github.com/desk/skills/tree/main/charts']\n"
            "tools: [{ type: agent_toolset_20260401 }]\n"
        },
        code="AF114",
        file="agents/a.yaml",
        line=3,
        column=10,
        message="not pinned",
        hint="tree/COMMIT/charts",
    ),
    BadInput(
        id="only-comments",
        files={"agentflow.yaml": "# later\n"},
        code="AF022",
        file="agentflow.yaml",
        message="holds no spec",
        hint="Write one",
    ),
    BadInput(
        id="tab",
        files={"a.yaml": f"{AGENT}tools:\n\tbash: allow\n"},
        code="AF011",
        line=7,
        message="A tab indents this line",
        hint="two spaces",
    ),
    BadInput(
        id="unclosed-bracket",
        files=agent("tools: {bash: allow\n"),
        code="AF010",
        line=7,
        message="not closed",
        hint="Add the missing",
    ),
    BadInput(
        id="colon-in-text",
        files={"a.yaml": f"{HEAD}prompt: Work: hard.\n"},
        code="AF010",
        line=5,
        column=13,
        message="A ':' stands where no key can be.",
        hint="Quote text",
    ),
    BadInput(
        id="question-mark-between-braces",
        files=agent("outputs: { o: { path: o.md, description: Is it true?, required: true } }\n"),
        code="AF010",
        line=6,
        column=52,
        message="A '?' stands inside a text that is not quoted",
        hint='Quote the whole text: "Is it true?".',
    ),
    BadInput(
        id="colon-between-braces",
        files=agent("custom: { rate: { run: desk.tools:rate } }\n"),
        code="AF010",
        line=6,
        column=34,
        message="A ':' stands inside a text that is not quoted",
        hint='Quote the whole text: "desk.tools:rate".',
    ),
    BadInput(
        id="unquoted-template",
        files={"a.yaml": f"{HEAD}prompt: {{{{ vars.x }}}}\n"},
        code="AF014",
        line=5,
        column=10,
        message="'{{' starts a mapping",
        hint="Quote the whole text",
    ),
    BadInput(
        id="duplicate-key",
        files=agent("repair: 1\nrepair: 2\n"),
        code="AF012",
        line=7,
        message="'repair' is set twice in one mapping, first in line 6.",
        hint="Remove one",
    ),
    BadInput(
        id="custom-tag",
        files=agent("scratch: !!python/object:os.system /tmp\n"),
        code="AF013",
        line=6,
        column=10,
        message="'!!python/object:os.system'",
        hint="Remove the tag",
    ),
    BadInput(
        id="merge-key",
        files=agent("tools:\n  <<: {bash: allow}\n"),
        code="AF015",
        line=7,
        column=3,
        message="'<<'",
        hint="Repeat the keys",
    ),
    BadInput(
        id="unknown-alias",
        files=agent("scratch: *tmp\n"),
        code="AF016",
        line=6,
        column=10,
        message="No anchor '&tmp'",
        hint="Quote",
    ),
    BadInput(
        id="alias-bomb",
        files={"a.yaml": _bomb()},
        code="AF017",
        line=10,
        column=45,
        message="repeat more than 100,000 values",
        hint="Write the values out",
    ),
    BadInput(
        id="too-deep",
        files=agent(f"raw: {'{a: ' * 100}1{'}' * 100}\n"),
        code="AF018",
        line=6,
        column=258,
        message="64 levels",
        hint="take levels out",
    ),
    BadInput(
        id="null-byte",
        files={"a.yaml": AGENT.replace("Work.", "Wo\0rk.")},
        code="AF019",
        line=5,
        column=11,
        message="U+0000",
        hint="Remove it",
    ),
    BadInput(
        id="the-mark-of-a-secret",
        files={"a.yaml": AGENT.replace("Work.", '"Work on \\uFDD0secret.x\\uFDD1."')},
        code="AF019",
        line=5,
        column=9,
        message="The value holds the character U+FDD0, which is no text.",
        hint="Remove it",
    ),
    BadInput(
        id="the-mark-of-a-secret-in-a-file",
        files={"a.yaml": f"{HEAD}prompt: ./one.md\n", "one.md": "One.\nTwo \ufdd0secret.x\ufdd1\n"},
        code="AF019",
        file="one.md",
        line=2,
        column=5,
        message="The text holds the character U+FDD0",
        hint="Remove it",
    ),
    BadInput(
        id="half-a-character-on-the-command-line",
        files={
            "agentflow.yaml": f"{PROJECT}vars: {{who: {{default: x}}}}\n",
            "a.yaml": f'{HEAD}prompt: "Work for {{{{ vars.who }}}}."\n',
        },
        variables={"who": "\udcff"},
        code="AF019",
        message="--var who=…: the value holds U+DCFF, which is no text.",
        hint="Give text in UTF-8.",
        placed=False,
    ),
    BadInput(
        id="not-a-number",
        files=agent("budget: {usd: .inf}\n"),
        code="AF020",
        line=6,
        column=15,
        message=".inf",
        hint="Quote",
    ),
    BadInput(
        id="yaml-1.1",
        files={"a.yaml": f"%YAML 1.1\n---\n{AGENT}"},
        code="AF021",
        message="YAML 1.2",
        hint="%YAML",
    ),
    BadInput(
        id="not-utf8",
        files={"a.yaml": AGENT.replace("Work", "Wörk").encode("latin-1")},
        code="AF005",
        message="byte 77 (line 5) is 0xf6",
        hint="UTF-8",
    ),
    BadInput(
        id="utf16",
        files={"a.yaml": AGENT.encode("utf-16")},
        code="AF005",
        message="not UTF-8",
        hint="It is UTF-16",
    ),
    BadInput(
        id="spec-of-50-mb",
        files={},
        prepare=_huge,
        code="AF004",
        message="'a.yaml' has 50.0 MiB, and at most 1 are read.",
        hint="inputs of a run",
    ),
    BadInput(
        id="project-file-is-a-directory",
        files={},
        has_project=False,
        prepare=_project_directory,
        code="AF002",
        file="agentflow.yaml",
        message="'agentflow.yaml' is a directory",
        hint="Name a file in it",
    ),
    BadInput(
        id="prompt-is-missing",
        files={
            "a.yaml": f"{HEAD}prompt: ./prompts/analist.md\n",
            "prompts/analyst.md": "Work.",
        },
        code="AF001",
        line=5,
        column=9,
        message="There is no file 'prompts/analist.md'.",
        hint="Did you mean 'prompts/analyst.md'?",
    ),
    BadInput(
        id="prompt-is-a-directory",
        files={"a.yaml": f"{HEAD}prompt: ./prompts\n"},
        prepare=_directory,
        code="AF002",
        line=5,
        column=9,
        message="'prompts' is a directory",
        hint="Name a file in it",
    ),
    BadInput(
        id="prompt-is-a-pipe",
        files={"a.yaml": f"{HEAD}prompt: ./prompt.md\n"},
        prepare=_pipe,
        code="AF002",
        line=5,
        column=9,
        message="a pipe",
        hint="Put a file there",
    ),
    BadInput(
        id="prompt-outside",
        files={"a.yaml": f"{HEAD}prompt: ../../etc/passwd\n"},
        code="AF003",
        line=5,
        column=9,
        message="leads out of the project",
        hint="Move the file",
    ),
    BadInput(
        id="prompt-links-outside",
        files={"a.yaml": f"{HEAD}prompt: ./prompt.md\n"},
        prepare=_link_out,
        code="AF003",
        line=5,
        column=9,
        message="'prompt.md' leads out of the project",
        hint="Move the file",
    ),
    BadInput(
        id="prompt-is-too-large",
        files={"a.yaml": f"{HEAD}prompt: ./prompt.md\n", "prompt.md": "x" * ((1 << 20) + 1)},
        code="AF004",
        line=5,
        column=9,
        message="at most 1 are read",
        hint="inputs of a run",
    ),
    BadInput(
        id="prompt-is-empty",
        files={"a.yaml": f"{HEAD}prompt: ./prompt.md\n", "prompt.md": "\n"},
        code="AF115",
        line=5,
        column=9,
        message="is empty",
        hint="Write the prompt",
    ),
    BadInput(
        id="prompt-without-dot",
        files={"a.yaml": f"{HEAD}prompt: prompts/a.md\n", "prompts/a.md": "Work."},
        code="AF114",
        line=5,
        column=9,
        message="the text 'prompts/a.md' itself",
        hint="'./prompts/a.md'",
    ),
    # Composition
    BadInput(
        id="extends-itself",
        files={
            "a.yaml": AGENT + "extends: b\n",
            "b.yaml": AGENT.replace(": a\n", ": b\n") + "extends: a\n",
        },
        code="AF220",
        line=6,
        column=10,
        message="agent/a → agent/b → agent/a",
        hint="Take one `extends` out.",
    ),
    BadInput(
        id="extends-a-version",
        files={"a.yaml": AGENT + "extends: b@7\n", "b.yaml": AGENT.replace(": a\n", ": b\n")},
        code="AF114",
        line=6,
        column=10,
        message="`extends` is 'b@7'",
        hint="lower-case letters",
    ),
    BadInput(
        id="toolsets-disagree",
        files={
            "a.yaml": AGENT + "use: [t, u]\n---\nkind: Toolset\nname: t\ntools: { read: ask }\n"
            "---\nkind: Toolset\nname: u\ntools: { read: allow }\n"
        },
        code="AF221",
        line=6,
        column=10,
        message="The toolsets 't' and 'u', both used by agent 'a', say different things about "
        "`tools.read`.",
        hint="Say it in the agent",
    ),
    BadInput(
        id="overlays-disagree",
        files={
            "a.yaml": AGENT,
            "o.yaml": "apiVersion: agentflow/v1\nkind: Overlay\nname: o\ntarget: local\n"
            "patch: { agent/a: { repair: 2 } }\n---\nkind: Overlay\nname: p\ntarget: local\n"
            "patch: { agent/a: { repair: 3 } }\n",
        },
        code="AF222",
        file="o.yaml",
        line=10,
        column=21,
        message="Two overlays change `repair` of agent/a",
        hint="keep one of the two",
    ),
    BadInput(
        id="appends-to-text",
        files={"a.yaml": AGENT + "prompt+: [more]\n"},
        code="AF223",
        line=6,
        message="`prompt+` appends to a list, and 'prompt' is none here.",
        hint="Write `prompt:`",
    ),
    BadInput(
        id="appends-no-list",
        files={"a.yaml": AGENT + "done+: more\n"},
        code="AF223",
        line=6,
        message="takes a list of what is added",
        hint="in brackets",
    ),
    BadInput(
        id="nothing-to-remove",
        files={"a.yaml": AGENT + "tools: { read: ask }\ntools-: [bash]\n"},
        code="AF224",
        line=7,
        column=10,
        message="'bash' is not in 'tools'",
        hint="Leave it out here",
    ),
    BadInput(
        id="name-in-an-overlay",
        files={
            "a.yaml": AGENT,
            "o.yaml": "apiVersion: agentflow/v1\nkind: Overlay\nname: o\ntarget: local\n"
            "patch: { agent/a: { name: b } }\n",
        },
        code="AF225",
        file="o.yaml",
        line=5,
        column=21,
        message="An overlay cannot change 'name'.",
        hint="It belongs in the spec itself",
    ),
    BadInput(
        id="title-in-defaults",
        files={
            "agentflow.yaml": f"{PROJECT}defaults: {{ agent: {{ title: A }} }}\n",
            "a.yaml": AGENT,
        },
        code="AF225",
        file="agentflow.yaml",
        line=4,
        column=22,
        message="Defaults cannot set 'title'.",
        hint="It belongs in the spec itself",
    ),
    BadInput(
        id="overlay-of-nothing",
        files={
            "a.yaml": AGENT,
            "o.yaml": "apiVersion: agentflow/v1\nkind: Overlay\nname: o\ntarget: local\n"
            "patch: { agent/aa: { repair: 2 } }\n",
        },
        code="AF226",
        file="o.yaml",
        line=5,
        column=10,
        message="No spec has the address 'agent/aa'",
        hint="Did you mean 'agent/a'?",
    ),
    BadInput(
        id="overlay-for-no-target",
        files={
            "a.yaml": AGENT,
            "o.yaml": "apiVersion: agentflow/v1\nkind: Overlay\nname: o\ntarget: loacl\n"
            "patch: { agent/a: { repair: 2 } }\n",
        },
        code="AF209",
        file="o.yaml",
        line=4,
        column=9,
        message="The project has no target 'loacl'",
        hint="Did you mean 'local'?",
    ),
    BadInput(
        id="unknown-secret",
        files={
            "agentflow.yaml": f"{PROJECT}secrets: {{ warehouse: 'env:W' }}\n",
            "v.yaml": "apiVersion: agentflow/v1\nkind: Vault\nname: v\ncredentials:\n  c:\n"
            "    url: https://x.com\n    bearer: ${secret.warehuose}\n",
        },
        code="AF229",
        file="v.yaml",
        line=7,
        column=13,
        message="No secret is named 'warehuose'.",
        hint="Did you mean 'warehouse'?",
    ),
    BadInput(
        id="abstract-is-used",
        files={
            "a.yaml": "apiVersion: agentflow/v1\nkind: Agent\nname: base\nabstract: true\n---\n"
            + AGENT.removeprefix("apiVersion: agentflow/v1\n")
            + "team: { subagents: [base] }\n"
        },
        code="AF230",
        line=10,
        column=21,
        message="Agent 'base' is abstract",
        hint="Declare one that extends it",
    ),
    # Documents
    BadInput(
        id="no-api-version",
        files={"a.yaml": AGENT.removeprefix("apiVersion: agentflow/v1\n")},
        code="AF101",
        message="which version of the language",
        hint="Add the line `apiVersion: agentflow/v1`.",
    ),
    BadInput(
        id="other-api-version",
        files={"a.yaml": AGENT.replace("v1", "v2")},
        code="AF102",
        column=13,
        message="'agentflow/v2', a newer language than this agentflow reads: agentflow/v1.",
        hint="Install the agentflow that reads it",
    ),
    BadInput(
        id="older-api-version",
        # Of what else stands in the file nothing is said.
        files={"a.yaml": AGENT.replace("v1", "v0") + "instructions: x\n---\nkind: Robot\n"},
        code="AF102",
        column=13,
        message="'agentflow/v0', an older language than this agentflow reads: agentflow/v1.",
        hint="Install the agentflow that reads it",
    ),
    BadInput(
        id="no-such-api-version",
        files={"a.yaml": AGENT.replace("agentflow/v1", "agentflow/1.0")},
        code="AF102",
        column=13,
        message="'agentflow/1.0' is not a version of the language.",
        hint="Write `apiVersion: agentflow/v1`.",
    ),
    BadInput(
        id="no-kind",
        files={"a.yaml": AGENT.replace("kind: Agent\n", "")},
        code="AF103",
        message="does not say what it declares",
        hint="Project, Agent, Environment",
    ),
    BadInput(
        id="unknown-kind",
        files={"a.yaml": AGENT.replace("kind: Agent", "kind: Agnet")},
        code="AF104",
        line=2,
        column=7,
        message="There is no kind 'Agnet'.",
        hint="Did you mean 'Agent'?",
    ),
    BadInput(
        id="list-instead-of-spec",
        files=agent("---\n- kind: Agent\n"),
        code="AF105",
        line=7,
        message="A spec is a mapping",
        hint="kind: Agent",
    ),
    BadInput(
        id="same-address-twice",
        files={"a.yaml": AGENT, "b.yaml": AGENT},
        code="AF106",
        file="b.yaml",
        line=3,
        column=7,
        message="Agent 'a' is declared a second time, first at a.yaml:3:7.",
        hint="Rename",
    ),
    BadInput(
        id="two-projects",
        files={"b.yaml": PROJECT},
        code="AF107",
        file="b.yaml",
        line=3,
        column=7,
        message="first at agentflow.yaml:3:7",
        hint="Keep one",
    ),
    BadInput(
        id="no-project",
        files={"agentflow.yaml": AGENT},
        code="AF108",
        file="agentflow.yaml",
        message="No document declares the project.",
        hint="kind: Project",
    ),
    # Shape
    BadInput(
        id="unknown-key-near-miss",
        files=agent("repairs: 1\n"),
        code="AF110",
        line=6,
        message="Agent has no key 'repairs'.",
        hint="Did you mean 'repair'?",
    ),
    BadInput(
        id="key-of-another-guide",
        files={"a.yaml": f"{HEAD}instructions: Work.\n"},
        code="AF110",
        line=5,
        message="no key 'instructions'",
        hint="Did you mean 'prompt'?",
    ),
    BadInput(
        id="hosts-of-another-guide",
        files=agent("---\nkind: Environment\nname: e\nallowed_ips: [10.0.0.1]\n"),
        code="AF110",
        line=9,
        message="no key 'allowed_ips'",
        hint="Did you mean 'network.hosts'?",
    ),
    BadInput(
        id="missing-key",
        files={"a.yaml": HEAD},
        code="AF111",
        line=3,
        message="Agent 'a' has no 'prompt'.",
        hint="Add `prompt: …`.",
    ),
    BadInput(
        id="wrong-type",
        files=agent("description: [a, b]\n"),
        code="AF112",
        line=6,
        column=14,
        message="`description` is a list, and it has to be text.",
    ),
    BadInput(
        id="yes-is-text",
        files=agent("outputs: {r: {path: r.md, required: yes}}\n"),
        code="AF112",
        line=6,
        column=37,
        message="`outputs.r.required` is 'yes'",
        hint="true and false only",
    ),
    BadInput(
        id="empty-value",
        files={"a.yaml": f"{HEAD}prompt:\n"},
        code="AF112",
        line=5,
        message="`prompt` has no value.",
        hint="Write one",
    ),
    BadInput(
        id="deny-a-tool",
        files=agent("tools: {bash: deny}\n"),
        code="AF113",
        line=6,
        column=15,
        message="`tools.bash` cannot be 'deny'.",
        hint="Did you mean 'off'?",
    ),
    BadInput(
        id="bad-name",
        files={"a.yaml": AGENT.replace("name: a", "name: Sales Analyst")},
        code="AF114",
        line=3,
        column=7,
        message="`name` is 'Sales Analyst'",
        hint="lower-case letters",
    ),
    BadInput(
        id="budget-with-currency",
        files=agent("budget: {usd: $2}\n"),
        code="AF114",
        line=6,
        column=15,
        message="'$2' is not an amount in dollars such as 2.50",
    ),
    BadInput(
        id="budget-without-unit",
        files=agent("budget: {wall: 20}\n"),
        code="AF114",
        line=6,
        column=16,
        message="A duration needs a unit: write 20s, 20m or 20h.",
    ),
    BadInput(
        id="budget-with-unknown-unit",
        files=agent("budget: {tokens: 400K}\n"),
        code="AF114",
        line=6,
        column=18,
        message="'400K' is not a whole number such as 60, 400k or 1.5M.",
    ),
    BadInput(
        id="share-without-percent",
        files=agent("budget: {turns: 5, warn_at: 0.8}\n"),
        code="AF114",
        line=6,
        column=29,
        message="0.8 is not a share such as 80%.",
    ),
    BadInput(
        id="toolset-named-by-a-variable",
        files=agent(
            "vars: {set: {default: desk}}\nuse: ['${var.set}']\n"
            "---\nkind: Toolset\nname: desk\ntools: {read: allow}\n"
        ),
        code="AF114",
        line=7,
        column=7,
        message="`use[0]` is '${var.set}', which is malformed.",
        hint="are written out",
    ),
    BadInput(
        id="out-of-range",
        files=agent("repair: 11\n"),
        code="AF115",
        line=6,
        column=9,
        message="`repair` is the number 11, and it has to be at most 10.",
        hint="at most 10",
    ),
    # References and substitution
    BadInput(
        id="unknown-environment",
        files=agent("environment: analitics\n---\nkind: Environment\nname: analytics\n"),
        code="AF201",
        line=6,
        column=14,
        message="No Environment is named 'analitics'.",
        hint="Did you mean 'analytics'?",
    ),
    BadInput(
        id="unknown-ref",
        files=agent("description: ${ref.agent.b.id}\n"),
        code="AF201",
        line=6,
        column=14,
        message="No Agent is named 'b'.",
        hint="Declare this Agent.",
    ),
    BadInput(
        id="shell-variable",
        files=agent("description: Home is ${HOME}.\n"),
        code="AF202",
        line=6,
        column=22,
        message="'${HOME}' is not a substitution.",
        hint="$${HOME}",
    ),
    BadInput(
        id="unclosed-substitution",
        files=agent("description: From ${var.x to y.\n"),
        code="AF202",
        line=6,
        column=19,
        message="'${' is not closed.",
        hint="$${",
    ),
    BadInput(
        id="undefined-variable",
        files=agent("vars: {company: {default: x}}\ndescription: At ${var.compny}.\n"),
        code="AF203",
        line=7,
        column=17,
        message="No variable is named 'compny'.",
        hint="Did you mean 'company'?",
    ),
    BadInput(
        id="unset-environment-variable",
        files=agent("description: ${env.AGENTFLOW_NOT_SET}\n"),
        code="AF204",
        line=6,
        column=14,
        message="'AGENTFLOW_NOT_SET' is not set",
        hint="${env.AGENTFLOW_NOT_SET:-default}",
    ),
    BadInput(
        id="unset-environment-variable-with-message",
        files=agent('description: "${env.AGENTFLOW_NOT_SET:?Ask the sales desk.}"\n'),
        code="AF204",
        line=6,
        column=15,
        message="'AGENTFLOW_NOT_SET' is not set",
        hint="Ask the sales desk.",
    ),
    BadInput(
        id="variable-without-value",
        files=agent("vars: {company: {type: string}}\n"),
        code="AF205",
        line=6,
        column=8,
        message="The variable 'company' has no value.",
        hint="--var company=…",
    ),
    BadInput(
        id="variables-in-a-circle",
        files=agent('vars: {a: {default: "${var.b}"}, b: {default: "${var.a}"}}\n'),
        code="AF206",
        line=6,
        column=48,
        message="a → b → a",
        hint="Give one of them a value",
    ),
    BadInput(
        id="variable-of-another-type",
        files=agent("vars: {days: {type: integer, default: many}}\n"),
        code="AF207",
        line=6,
        column=39,
        message="The variable 'days' is a whole number, not 'many'.",
        hint="Write a whole number.",
    ),
    BadInput(
        id="command-line-value-of-another-type",
        files=agent("vars: {days: {type: integer, default: 3}}\n"),
        variables={"days": "many"},
        code="AF207",
        placed=False,
        message="--var days=many",
        hint="a whole number",
    ),
    BadInput(
        id="value-not-listed",
        files=agent("vars: {region: {enum: [emea, apac], default: emea}}\n"),
        variables={"region": "mars"},
        code="AF207",
        placed=False,
        message="'mars' is not a value of the variable 'region'.",
        hint="Use emea or apac.",
    ),
    BadInput(
        id="secret-in-the-open",
        files=agent("description: ${secret.token}\n"),
        code="AF208",
        line=6,
        column=14,
        message="'token' would be stored in plain text",
        hint="Secrets are legal only",
    ),
    BadInput(
        id="service-unencrypted",
        files={
            "agentflow.yaml": f"{PROJECT}targets: {{prod: {{service: 'http://agents.example.com'}}}}\n",
            "a.yaml": AGENT,
        },
        target="prod",
        file="agentflow.yaml",
        code="AF114",
        line=4,
        column=27,
        message="The key would travel unencrypted",
    ),
    BadInput(
        id="service-with-credentials",
        files={
            "agentflow.yaml": f"{PROJECT}targets: {{prod: {{service: 'https://ann:s3cret@agents.example.com'}}}}\n",
            "a.yaml": AGENT,
        },
        target="prod",
        file="agentflow.yaml",
        code="AF114",
        line=4,
        column=27,
        message="credentials go elsewhere",
    ),
    BadInput(
        id="service-without-host",
        files={
            "agentflow.yaml": f"{PROJECT}targets: {{prod: {{service: 'https://:99999'}}}}\n",
            "a.yaml": AGENT,
        },
        target="prod",
        file="agentflow.yaml",
        code="AF114",
        line=4,
        column=27,
        message="A base URL has a host",
    ),
    BadInput(
        id="unknown-target",
        files={
            "agentflow.yaml": f"{PROJECT}targets: {{prod: {{service: anthropic}}}}\n",
            "a.yaml": AGENT,
        },
        target="prd",
        code="AF209",
        placed=False,
        message="The project has no target 'prd'.",
        hint="Did you mean 'prod'?",
    ),
    BadInput(
        id="value-for-no-variable",
        files={"a.yaml": AGENT},
        variables={"compny": "x"},
        code="AF210",
        placed=False,
        message="no variable is named 'compny'",
        hint="Declare it",
    ),
    BadInput(
        id="target-sets-no-variable",
        files={
            "agentflow.yaml": f"{PROJECT}vars: {{company: {{default: x}}}}\n"
            "targets: {prod: {service: anthropic, vars: {compny: y}}}\n",
        },
        code="AF210",
        file="agentflow.yaml",
        line=5,
        column=45,
        message="Target 'prod' sets 'compny'",
        hint="Did you mean 'company'?",
    ),
    # Templates and meaning
    BadInput(
        id="template-syntax",
        files={"a.yaml": f"{HEAD}prompt: 'Work {{{{ vars.x'\n"},
        code="AF301",
        line=5,
        column=10,
        message="The template cannot be parsed",
        hint="Close every",
    ),
    BadInput(
        id="template-undefined-variable",
        files={
            "a.yaml": f"{HEAD}vars: {{company: {{default: x}}}}\n"
            "prompt: |\n  Work.\n  For {{ vars.compny }}.\n"
        },
        code="AF302",
        line=8,
        column=15,
        message="The prompt uses vars.compny, which is not declared.",
        hint="Did you mean vars.company?",
    ),
    BadInput(
        id="template-undefined-in-a-file",
        files={
            "a.yaml": f"{HEAD}prompt: ./prompt.md\n",
            "prompt.md": "# Work\n\nFor {{ vars.company }}.\n",
        },
        code="AF302",
        file="prompt.md",
        line=3,
        column=13,
        message="vars.company",
        hint="Declare it",
    ),
    BadInput(
        id="input-in-the-prompt",
        files={"a.yaml": f"{HEAD}prompt: 'Work {{{{ inputs.x }}}}'\n"},
        code="AF303",
        line=5,
        column=18,
        message="inputs",
        hint="`task`",
    ),
    BadInput(
        id="undeclared-input",
        files=agent("task: 'Do {{ inputs.x }}'\n"),
        code="AF302",
        line=6,
        column=21,
        message="inputs.x",
        hint="Declare it",
    ),
    BadInput(
        id="include-is-missing",
        files={"a.yaml": f"{HEAD}prompt: \"{{% include './c.md' %}}\"\n"},
        code="AF001",
        line=5,
        column=21,
        message="c.md",
        hint="Create it",
    ),
    BadInput(
        id="cyclic-includes",
        files={
            "a.yaml": f"{HEAD}prompt: ./one.md\n",
            "one.md": "One.\n{% include './two.md' %}\n",
            "two.md": "{% include './one.md' %}\n",
        },
        code="AF305",
        file="two.md",
        column=12,
        message="one.md → two.md → one.md",
        hint="out",
    ),
    BadInput(
        id="unknown-filter",
        files={"a.yaml": f"{HEAD}prompt: \"{{{{ 'a' | zzz }}}}\"\n"},
        code="AF307",
        line=5,
        column=19,
        message="There is no filter 'zzz'.",
        hint="agentflow explain AF307",
    ),
    BadInput(
        id="unknown-fragment",
        files={"a.yaml": f"{HEAD}prompt: '{{% include \"fragment/rule\" %}}'\n{FRAGMENT}"},
        code="AF201",
        line=5,
        column=21,
        message="No Fragment is named 'rule'.",
        hint="Did you mean 'rules'?",
    ),
    BadInput(
        id="unknown-parameter-of-a-fragment",
        files={"a.yaml": f"{HEAD}prompt: '{{{{ fragment(\"rules\", levl=1) }}}}'\n{FRAGMENT}"},
        code="AF312",
        line=5,
        column=31,
        message="The fragment 'rules' has no parameter 'levl'.",
        hint="Did you mean 'level'?",
    ),
    BadInput(
        id="parameter-of-a-fragment-not-in-enum",
        files={"a.yaml": f'{HEAD}prompt: \'{{{{ fragment("rules", level="mid") }}}}\'\n{FRAGMENT}'},
        code="AF312",
        line=5,
        column=31,
        message="is 'low' or 'high', not 'mid'",
        hint="Give it a value that fits.",
    ),
    BadInput(
        id="fragment-with-a-filter",
        files={"a.yaml": f"{HEAD}prompt: '{{{{ fragment(\"rules\") | upper }}}}'\n{FRAGMENT}"},
        code="AF313",
        line=5,
        column=22,
        message="stands alone between the braces",
        hint="without filters",
    ),
    BadInput(
        id="default-of-a-parameter-does-not-fit",
        files={"a.yaml": f"{AGENT}{FRAGMENT.replace('default: 1', 'default: one')}"},
        code="AF312",
        line=9,
        column=80,
        message="The default of the parameter 'n' does not fit: it is a whole number, not 'one'.",
        hint="Mend the default or the type.",
    ),
    BadInput(
        id="mistake-in-a-fragment",
        files={"a.yaml": f"{AGENT}{FRAGMENT.replace('params.level', 'params.levl')}"},
        code="AF302",
        line=10,
        column=20,
        message="The fragment 'rules' uses params.levl, which is not declared.",
        hint="Did you mean params.level?",
    ),
    BadInput(
        id="fragments-in-a-circle",
        files={
            "a.yaml": f"{AGENT}{FRAGMENT}---\nkind: Fragment\nname: b\ntext: '{{% include \"fragment/c\" %}}'\n"
            "---\nkind: Fragment\nname: c\ntext: '{% include \"fragment/b\" %}'\n"
        },
        code="AF305",
        line=18,
        column=19,
        message="fragment/b → fragment/c → fragment/b",
        hint="Take one of these includes out.",
    ),
    BadInput(
        id="section-that-says-nothing",
        files=agent("sections: { tools: '{# nothing #}' }\n"),
        code="AF310",
        line=6,
        column=21,
        message="The section 'tools' says nothing",
        hint="{{ standard }}",
    ),
    BadInput(
        id="inputs-in-a-section",
        files=agent("inputs: { x: {} }\nsections: { tools: '{{ inputs.x }}' }\n"),
        code="AF303",
        line=7,
        column=24,
        message="The section 'tools' uses inputs",
        hint="`task`",
    ),
    BadInput(
        id="unknown-section",
        files=agent("sections: { output: x }\n"),
        code="AF113",
        line=6,
        column=13,
        message="`sections` has no 'output'.",
        hint="Did you mean 'outputs'?",
    ),
    BadInput(
        id="section-cut-by-a-comma",
        files=agent("outputs: { a: { path: a.md, sections: [Answer (short, clear] } }\n"),
        code="AF156",
        line=6,
        column=40,
        message="A parenthesis of the section 'Answer (short' has no other half.",
        hint="put a section that has one in quotes",
    ),
    BadInput(
        id="schema-is-missing",
        files=agent("outputs: {r: {path: r.json, schema: ./r.json}}\n"),
        code="AF001",
        line=6,
        column=37,
        message="There is no file 'r.json'.",
        hint="Create it",
    ),
    BadInput(
        id="host-with-scheme",
        files=agent("---\nkind: Environment\nname: e\nnetwork: {hosts: ['https://x.org']}\n"),
        code="AF152",
        line=9,
        column=19,
        message="'https://x.org'",
        hint="x.org",
    ),
    BadInput(
        id="telemetry-without-a-scheme",
        files={"agentflow.yaml": f"{PROJECT}telemetry: otel.example.com\n"},
        code="AF114",
        file="agentflow.yaml",
        line=4,
        column=12,
        message="`telemetry` is 'otel.example.com', which is malformed.",
        hint="https://otel.example.com:4318",
    ),
    BadInput(
        id="telemetry-with-a-password",
        files={
            "agentflow.yaml": f"{PROJECT}telemetry: {{endpoint: 'https://ann:s3cret@otel.example.com'}}\n"
        },
        code="AF114",
        file="agentflow.yaml",
        line=4,
        column=23,
        message="`telemetry.endpoint` is text, which is malformed.",
        hint="OTEL_EXPORTER_OTLP_HEADERS",
    ),
    # Custom tools
    BadInput(
        id="tool-that-nothing-runs",
        files=agent("custom: {rate: {description: A rate.}}\n"),
        code="AF114",
        line=6,
        column=16,
        message="`custom.rate`: Nothing runs this tool. Write one of `run`, `command` and `http`.",
    ),
    BadInput(
        id="tool-run-in-two-ways",
        files=agent("custom: {rate: {run: 'desk:rate', command: [rate]}}\n"),
        code="AF114",
        line=6,
        column=16,
        message="run in one way, and this one has `run` and `command`.",
    ),
    BadInput(
        id="command-as-a-line",
        files=agent(f"custom: {{rate: {{command: rate --now, {CARD}}}}}\n"),
        code="AF112",
        line=6,
        column=26,
        message="`custom.rate.command` is 'rate --now', and it has to be a list.",
        hint="brackets",
    ),
    BadInput(
        id="command-of-nothing",
        files=agent(f"custom: {{rate: {{command: [], {CARD}}}}}\n"),
        code="AF115",
        line=6,
        column=26,
        message="`custom.rate.command` has 0 entries",
        hint="Add",
    ),
    BadInput(
        id="command-without-its-file",
        files={
            **agent(f"custom: {{rate: {{command: [python3, ./rat.py], {CARD}}}}}\n"),
            "rate.py": "",
        },
        code="AF001",
        line=6,
        column=36,
        message="There is no file 'rat.py'.",
        hint="Did you mean 'rate.py'?",
    ),
    BadInput(
        id="command-outside-of-the-project",
        files=agent(f"custom: {{rate: {{command: [../rate], {CARD}}}}}\n"),
        code="AF003",
        line=6,
        column=27,
        message="'../rate' leads out of the project.",
        hint="Move the file",
    ),
    BadInput(
        id="command-without-description",
        files=agent("custom: {rate: {command: [rate], input_schema: {type: object}}}\n"),
        code="AF162",
        line=6,
        column=10,
        message="The tool 'rate' has no description.",
        hint="Write its `description`: with `command`",
    ),
    BadInput(
        id="http-without-input-schema",
        files=agent("custom: {rate: {http: {url: 'https://x.org/'}, description: A rate.}}\n"),
        code="AF169",
        line=6,
        column=10,
        message="The tool 'rate' has no input schema.",
        hint="Write its `input_schema`: with `http`",
    ),
    BadInput(
        id="http-as-text",
        files=agent(f"custom: {{rate: {{http: 'https://x.org/', {CARD}}}}}\n"),
        code="AF112",
        line=6,
        column=23,
        message="`custom.rate.http` is 'https://x.org/', and it has to be a mapping.",
        hint="key: value",
    ),
    *(
        BadInput(
            id=f"http-{id}",
            files=agent(f"custom: {{rate: {{http: {{url: '{url}'}}, {CARD}}}}}\n"),
            code="AF114",
            line=6,
            column=29,
            message=message,
        )
        for id, url, message in (
            ("unencrypted", "http://x.org/rates", "would send the arguments unencrypted"),
            ("with-password", "https://me:pw@x.org/", "no user and no password"),
            ("with-fragment", "https://x.org/a#b", "The part '#b' of a URL is never sent"),
            ("other-scheme", "ftp://x.org/", "is not a URL such as https://"),
            ("without-host", "https:///rates", "is not a URL such as https://"),
            ("bad-port", "https://x.org:port/", "is not a URL: a port is a number up to 65535."),
        )
    ),
    BadInput(
        id="http-header-of-the-connection",
        files=agent(
            "custom: {rate: {http: {url: 'https://x.org/', headers: {Host: y.org}}, "
            + CARD
            + "}}\n"
        ),
        code="AF114",
        line=6,
        column=57,
        message="The header 'Host' is set by the connection itself.",
    ),
    BadInput(
        id="http-header-of-two-lines",
        files=agent(
            "custom: {rate: {http: {url: 'https://x.org/', headers: {A: \"b\\nC: d\"}}, "
            + CARD
            + "}}\n"
        ),
        code="AF114",
        line=6,
        column=60,
        message="one line of ASCII characters",
    ),
    BadInput(
        id="http-status-that-is-none",
        files=agent(f"custom: {{rate: {{http: {{url: 'https://x.org/', expect: 99}}, {CARD}}}}}\n"),
        code="AF115",
        line=6,
        column=55,
        message="`custom.rate.http.expect` is the number 99",
        hint="at least 200",
    ),
    BadInput(
        id="http-expects-a-word",
        files=agent(f"custom: {{rate: {{http: {{url: 'https://x.org/', expect: ok}}, {CARD}}}}}\n"),
        code="AF112",
        line=6,
        column=55,
        message="`custom.rate.http.expect` is 'ok'",
        hint="",
    ),
    BadInput(
        id="http-with-a-method",
        files=agent(
            f"custom: {{rate: {{http: {{url: 'https://x.org/', method: GET}}, {CARD}}}}}\n"
        ),
        code="AF110",
        line=6,
        column=47,
        message="`custom.rate.http` has no key 'method'.",
        hint="Known keys are url, headers and expect.",
    ),
    BadInput(
        id="tool-whose-module-cannot-be-imported",
        files={
            **agent("custom: {rate: {run: 'desk:rate'}}\n"),
            "desk.py": "import absent_package as p\ndef rate(day: p.Day): 'A rate.'\n",
        },
        code="AF262",
        file="desk.py",
        line=1,
        message="The module of rate() cannot be imported: ModuleNotFoundError: No module named",
        hint="Its schema needs that; otherwise write the tool's `input_schema`",
    ),
    BadInput(
        id="tool-whose-argument-has-no-end",
        files={
            **agent("custom: {rate: {run: 'desk:rate'}}\n"),
            "desk.py": "from dataclasses import dataclass\n@dataclass\nclass Tree:\n"
            "    left: 'Tree | None'\ndef rate(tree: Tree): 'A rate.'\n",
        },
        code="AF252",
        file="desk.py",
        line=5,
        column=10,
        message="The type 'Tree' has no end: it is made of itself.",
        hint="input_schema",
    ),
    BadInput(
        id="tool-with-an-argument-of-no-form",
        files={
            **agent("custom: {rate: {run: 'desk:rate'}}\n"),
            "desk.py": "class Day: ...\ndef rate(day: Day): 'A rate.'\n",
        },
        code="AF252",
        file="desk.py",
        line=2,
        column=15,
        message="The type 'Day' of 'day' has no JSON form.",
        hint="input_schema",
    ),
    # Rendering
    BadInput(
        id="outcome-without-points",
        files=agent("done: [{check: 'c:f'}]\noutcome: done\n") | {"c.py": "def f(o): ...\n"},
        code="AF170",
        line=7,
        column=10,
        message="The rubric is `done`, and the agent's `done` has no text.",
        hint="Write points below `done` of the agent, or the rubric itself.",
    ),
    BadInput(
        id="rubric-is-empty",
        files=agent("outcome: {rubric: ./r.md}\n") | {"r.md": " \n"},
        code="AF170",
        line=6,
        column=19,
        message="The rubric 'r.md' is empty.",
        hint="Write there what the result is held against.",
    ),
    BadInput(
        id="rubric-is-too-long",
        files=agent("outcome: ./r.md\n") | {"r.md": "x" * 262_145},
        code="AF170",
        line=6,
        column=10,
        message="has 262,145 characters; the service takes 262,144.",
        hint="Keep what decides",
    ),
    BadInput(
        id="rubric-of-an-agent-elsewhere",
        files={"a.yaml": DEPLOYMENT + "outcome: done\n"},
        code="AF170",
        line=7,
        column=10,
        message="the agent's `done` is not known here.",
        hint="or the rubric itself.",
    ),
    BadInput(
        id="skill-without-its-file",
        files={"a.yaml": SKILL, "s/skill.md": "Be brief.\n"},
        code="AF171",
        line=4,
        column=9,
        message="The folder 's' has no SKILL.md.",
        hint="Rename 'skill.md' to SKILL.md.",
    ),
    BadInput(
        id="skill-without-frontmatter",
        files={"a.yaml": SKILL, "s/SKILL.md": "# Style\n"},
        code="AF171",
        file="s/SKILL.md",
        message="'s/SKILL.md' does not begin with its name and description.",
        hint="Begin it with a line `---`",
    ),
    BadInput(
        id="skill-with-broken-frontmatter",
        files={"a.yaml": SKILL, "s/SKILL.md": "---\nname: [s\n---\n"},
        code="AF010",
        file="s/SKILL.md",
        line=3,
        message="A list in brackets is not closed.",
        hint="Add the missing",
    ),
    BadInput(
        id="skill-with-a-reserved-name",
        files={"a.yaml": SKILL, "s/SKILL.md": "---\nname: claude-style\ndescription: d\n---\n"},
        code="AF171",
        file="s/SKILL.md",
        line=2,
        column=7,
        message="The name of the skill, 'claude-style', has 'claude' in it, which is reserved.",
        hint="Choose another name.",
    ),
    BadInput(
        id="skill-with-a-name-in-words",
        files={"a.yaml": SKILL, "s/SKILL.md": "---\nname: House style\ndescription: d\n---\n"},
        code="AF171",
        file="s/SKILL.md",
        line=2,
        column=7,
        message="'House style' is no name of a skill.",
        hint="lower-case letters, digits and hyphens",
    ),
    BadInput(
        id="skill-without-a-description",
        files={"a.yaml": SKILL, "s/SKILL.md": "---\nname: style\n---\n"},
        code="AF171",
        file="s/SKILL.md",
        line=2,
        message="The skill has no description",
        hint="Write `description:`",
    ),
    BadInput(
        id="skill-with-a-long-description",
        files={
            "a.yaml": SKILL,
            "s/SKILL.md": f"---\nname: style\ndescription: {'d' * 1025}\n---\n",
        },
        code="AF171",
        file="s/SKILL.md",
        line=3,
        column=14,
        message="has 1,025 characters; the service takes 1,024.",
        hint="Say when to read it",
    ),
    BadInput(
        id="skill-that-is-too-large",
        files={"a.yaml": SKILL, "s/SKILL.md": "---\nname: style\ndescription: d\n---\n"},
        prepare=_large_skill,
        code="AF171",
        line=4,
        column=9,
        message="The skill has 30.0 MB; the service takes less than 30 MB.",
        hint="Leave out what the agent does not read.",
    ),
    BadInput(
        id="agent-pinned-to-a-word",
        files={"a.yaml": DEPLOYMENT.replace("01A\nenv", "01A@latest\nenv")},
        code="AF114",
        line=4,
        column=8,
        message="`agent` is 'id:agent_01A@latest', which is malformed.",
        hint="'name@7' for one version",
    ),
    BadInput(
        id="task-of-a-deployment-that-fails-on-its-inputs",
        files=agent("inputs: {n: {type: integer}}\n")
        | {
            "b.yaml": DEPLOYMENT.replace("id:agent_01A", "a").replace(
                "Tidy up.", "Share {{ 1 / inputs.n }}"
            )
            + "inputs: {n: 0}\n"
        },
        code="AF309",
        file="b.yaml",
        line=6,
        column=7,
        message="The task cannot be rendered with these inputs",
        hint="Give values below `inputs` that the task can use.",
    ),
    # Specs that have to fit each other
    BadInput(
        id="overlay-that-loosens",
        files={
            "a.yaml": AGENT + "tools: {bash: ask}\n",
            "o.yaml": "apiVersion: agentflow/v1\nkind: Overlay\nname: o\ntarget: local\npatch:\n  agent/a: {tools: {bash: allow}}\n",
        },
        code="AF227",
        file="o.yaml",
        line=6,
        column=27,
        message="`tools.bash` is allow, and was ask.",
        hint="Take it back, or write `loosen: [tools]` in the target 'local'.",
    ),
    BadInput(
        id="mcp-behind-a-closed-network",
        files=agent(
            "environment: e\nmcp: {crm: {url: 'https://crm.dev/mcp'}}\n---\nkind: Environment\nname: e\n"
        ),
        code="AF284",
        line=7,
        column=18,
        message="Environment 'e' does not let 'crm.dev' through, so the MCP server 'crm' of agent 'a' cannot be used.",
        hint="Write `mcp: inferred` below `network` of 'e', or add the host there.",
    ),
    BadInput(
        id="mcp-credential-for-another-path",
        files={
            "agentflow.yaml": PROJECT + 'secrets: {s: "env:S", t: "env:T"}\n',
            "a.yaml": AGENT
            + "mcp: {crm: {url: 'https://crm.dev', auth: v.c}}\n---\nkind: Vault\nname: v\ncredentials: {c: {url: 'https://crm.dev/mcp', bearer: '${secret.s}'}}\n",
        },
        code="AF263",
        line=6,
        column=43,
        message="The credential 'v.c' is for 'https://crm.dev/mcp', so the service does not send it to 'crm' at 'https://crm.dev'.",
        hint="Write the same URL in both.",
    ),
    BadInput(
        id="mcp-server-twice",
        files=agent("mcp: {a: {url: 'https://x.dev/mcp'}, b: {url: 'https://X.dev/mcp/'}}\n"),
        code="AF264",
        line=6,
        column=47,
        message="The MCP servers 'a' and 'b' are one: they have the same URL.",
        hint="Keep one of them, with the tools of both.",
    ),
    BadInput(
        id="team-of-teams",
        files=agent(
            "team: {subagents: [b]}\n---\nkind: Agent\nname: b\nmodel: claude-opus-5-5\nprompt: Work.\nteam: {subagents: [self]}\n"
        ),
        code="AF265",
        line=6,
        column=20,
        message="Agent 'b' has a team itself, so it cannot be in that of 'a': work is handed on once.",
        hint="Remove it here, or remove `team` from 'b'.",
    ),
    BadInput(
        id="team-in-two-places",
        files=agent(
            "team: {subagents: [b]}\n---\nkind: Agent\nname: b\nmodel: {id: claude-opus-5-5, geo: us}\nprompt: Work.\n"
        ),
        code="AF266",
        line=6,
        column=20,
        message="Agent 'b' runs in 'us', and 'a' wherever its workspace says: a team runs in one place.",
        hint="Write `geo: us` below `model` of both.",
    ),
    BadInput(
        id="advisor-that-knows-less",
        files=agent("team: {advisor: claude-haiku-4-5}\n"),
        code="AF267",
        line=6,
        column=17,
        message="The advisor 'claude-haiku-4-5' is less capable than 'claude-opus-5-5'.",
        hint="Name a model at least as capable, or give the agent a smaller one.",
    ),
    BadInput(
        id="skill-without-read",
        files=agent("skills: [anthropic/xlsx]\n"),
        code="AF268",
        line=6,
        column=1,
        message="Agent 'a' has skills, but cannot read them.",
        hint="Write `tools: { read: allow }`.",
    ),
    BadInput(
        id="credential-twice",
        files={
            "agentflow.yaml": PROJECT + 'secrets: {s: "env:S", t: "env:T"}\n',
            "a.yaml": "apiVersion: agentflow/v1\nkind: Vault\nname: v\ncredentials:\n  c: {url: 'https://x.dev', bearer: '${secret.s}'}\n  d: {url: 'https://x.dev/', bearer: '${secret.t}'}\n",
        },
        code="AF269",
        line=6,
        column=12,
        message="The credentials 'c' and 'd' are for the same server.",
        hint="Remove one of them, or put it into a vault of its own.",
    ),
    BadInput(
        id="policy-not-met",
        files=agent(
            "budget: {usd: 9}\n---\nkind: Policy\nname: house\nchecks: {cap: {message: Ask the desk., max_budget: {usd: 5}}}\n"
        ),
        code="AF270",
        line=6,
        column=15,
        message="`budget.usd` of agent/a is $9, and may be $5 at most (policy 'house', cap).",
        hint="Ask the desk.",
    ),
    BadInput(
        id="files-on-own-machines",
        files={
            "a.yaml": AGENT
            + "environment: e\nfiles: {d: ./d.csv}\n---\nkind: Environment\nname: e\nhosting: self-hosted\n",
            "d.csv": "1\n",
        },
        code="AF271",
        line=7,
        column=1,
        message="No files are mounted: environment 'e' is self-hosted.",
        hint="Use an environment with `hosting: cloud`, or have your workers do it.",
    ),
    BadInput(
        id="files-of-one-name",
        files={
            "a.yaml": AGENT + "files: {one: ./x/d.csv, two: ./y/d.csv}\n",
            "x/d.csv": "1\n",
            "y/d.csv": "2\n",
        },
        code="AF272",
        line=6,
        column=30,
        message="The file 'two' and the file 'one' are mounted at the same place: /mnt/session/uploads/d.csv.",
        hint="Give one of them another `mount`, or another name.",
    ),
    BadInput(
        id="variable-for-a-closed-host",
        files={
            "agentflow.yaml": PROJECT + 'secrets: {s: "env:S", t: "env:T"}\n',
            "a.yaml": AGENT
            + "environment: e\nvaults: [v]\n---\nkind: Environment\nname: e\n---\nkind: Vault\nname: v\ncredentials: {c: {variable: {name: T, value: '${secret.s}', hosts: [api.dev]}}}\n",
        },
        code="AF273",
        line=7,
        column=10,
        message="The variable 'T' is for 'api.dev', which environment 'e' does not reach.",
        hint="Add api.dev to `network.hosts` of 'e', or remove it here.",
    ),
    BadInput(
        id="memory-store-twice",
        files=agent("memory: [m, memorystore/m]\n---\nkind: MemoryStore\nname: m\n"),
        code="AF274",
        line=6,
        column=13,
        message="The memory store 'memorystore/m' is named twice.",
        hint="Remove one of them.",
    ),
    BadInput(
        id="schedule-with-seconds",
        files=agent(
            "---\nkind: Deployment\nname: d\nagent: a\nenvironment: id:env_1\ntask: Go.\nschedule: {cron: '0 0 9 * * *', timezone: UTC}\n"
        ),
        code="AF275",
        line=12,
        column=19,
        message="A schedule has five fields, and '0 0 9 * * *' has 6.",
        hint="The fields are minute, hour, day of month, month and day of week; there are no seconds and no years.",
    ),
    BadInput(
        id="schedule-past-midnight",
        files=agent(
            "---\nkind: Deployment\nname: d\nagent: a\nenvironment: id:env_1\ntask: Go.\nschedule: {cron: '0 24 * * *', timezone: UTC}\n"
        ),
        code="AF275",
        line=12,
        column=21,
        message="'24' is no hour.",
        hint="Write a number from 0 to 23.",
    ),
    BadInput(
        id="zone-that-is-none",
        files=agent(
            "---\nkind: Deployment\nname: d\nagent: a\nenvironment: id:env_1\ntask: Go.\nschedule: {cron: '0 9 * * *', timezone: Europe/Berlim}\n"
        ),
        code="AF276",
        line=12,
        column=41,
        message="No time zone is named 'Europe/Berlim'.",
        hint="Did you mean 'Europe/Berlin'?",
    ),
    BadInput(
        id="deployment-without-task",
        files=agent("---\nkind: Deployment\nname: d\nagent: a\nenvironment: id:env_1\n"),
        code="AF277",
        line=8,
        column=7,
        message="Deployment 'd' has no task, and neither has agent 'a'.",
        hint="Write `task:` with what the agent is to do.",
    ),
    BadInput(
        id="deployment-with-an-unknown-input",
        files=agent(
            "inputs: {region: {}}\ntask: 'For {{ inputs.region }}.'\n---\nkind: Deployment\nname: d\nagent: a\nenvironment: id:env_1\ninputs: {region: x, regoin: y}\n"
        ),
        code="AF278",
        line=13,
        column=21,
        message="Agent 'a' has no input 'regoin'.",
        hint="Did you mean 'region'?",
    ),
    BadInput(
        id="deployment-system-old-model",
        files={
            "a.yaml": AGENT.replace("claude-opus-5-5", "claude-sonnet-4-5")
            + "---\nkind: Deployment\nname: d\nagent: a\nenvironment: id:env_1\ntask: Go.\n"
            + "system: Today nobody is at the desk.\n"
        },
        code="AF285",
        line=12,
        column=1,
        message="claude-sonnet-4-5 takes no message of the system",
        hint="a newer model",
    ),
    BadInput(
        id="deployment-nobody-answers",
        files=agent(
            "tools: {bash: ask}\n---\nkind: Deployment\nname: d\nagent: a\nenvironment: id:env_1\ntask: Go.\n"
        ),
        code="AF279",
        line=10,
        column=8,
        message="Agent 'a' waits for answers, and nobody answers for deployment 'd': bash asks.",
        hint="Write `answered_by:` with the process or person that answers, or change the tools.",
    ),
    BadInput(
        id="flow-in-a-circle",
        files=agent(
            "---\nkind: Flow\nname: f\nsteps: {one: {agent: a, needs: [two]}, two: {agent: a, needs: [one]}}\n"
        ),
        code="AF280",
        line=9,
        column=32,
        message="The steps wait for each other: one → two → one.",
        hint="Take one of them out of `needs`.",
    ),
    BadInput(
        id="flow-from-a-later-step",
        files=agent(
            "inputs: {x: {}}\n---\nkind: Flow\nname: f\nsteps: {one: {agent: a, inputs: {x: {from: steps.two.outputs.r}}}, two: {agent: a, inputs: {x: y}}}\n"
        ),
        code="AF281",
        line=10,
        column=44,
        message="The step 'one' uses 'two', which may not have run before it.",
        hint="Add two to its `needs`.",
    ),
    BadInput(
        id="flow-with-one-equals-sign",
        files=agent(
            "---\nkind: Flow\nname: f\ninputs: {x: {}}\nsteps: {one: {agent: a, when: inputs.x = 1}}\n"
        ),
        code="AF282",
        line=10,
        column=40,
        message="'=' has no meaning in a condition.",
        hint="Write `==`.",
    ),
    BadInput(
        id="test-of-a-tool-that-is-off",
        files={
            "a.yaml": AGENT
            + "tools: {bash: ask}\n---\nkind: Test\nname: t\nagent: a\nlayer: loop\nscript: ./s.yaml\nexpect: {tools: {order: [bsh]}}\n",
            "s.yaml": "turns: []\n",
        },
        code="AF283",
        line=13,
        column=26,
        message="Agent 'a' has no tool 'bsh'.",
        hint="Did you mean 'bash'?",
    ),
    BadInput(
        id="session-with-metadata-of-agentflow",
        files=agent("session: {metadata: {agentflow.run: r1}}\n"),
        code="AF168",
        line=6,
        column=22,
        message="The metadata key 'agentflow.run' belongs to agentflow.",
        hint="Choose another prefix.",
    ),
    BadInput(
        id="credential-with-metadata-of-agentflow",
        files={
            "agentflow.yaml": PROJECT + "secrets: {t: 'env:T'}\n",
            "a.yaml": "apiVersion: agentflow/v1\nkind: Vault\nname: v\ncredentials:\n  c:\n"
            "    url: https://x.dev/mcp\n    bearer: ${secret.t}\n"
            "    metadata: {agentflow.address: a}\n",
        },
        code="AF168",
        line=8,
        column=16,
        message="The metadata key 'agentflow.address' belongs to agentflow.",
        hint="Choose another prefix.",
    ),
    # What the service refuses, and what would do nothing
    BadInput(
        id="prompt-links-to-itself",
        files={"a.yaml": f"{HEAD}prompt: ./prompt.md\n"},
        prepare=_link_to_itself,
        code="AF006",
        line=5,
        column=9,
        message="'prompt.md' cannot be read: ",
        hint="Links lead in a circle",
    ),
    BadInput(
        id="prompt-of-a-book",
        files=prompt("word " * 20_001),
        code="AF150",
        line=5,
        column=9,
        message="The system prompt of agent 'a' has 100,",
        hint="Move reference material to a file",
    ),
    BadInput(
        id="domain-with-a-scheme",
        files=agent("tools: {web_fetch: {policy: allow, domains: ['https://docs.dev/api']}}\n"),
        code="AF151",
        line=6,
        column=46,
        message="The domain 'https://docs.dev/api' is refused by the service: it has a scheme.",
        hint="Write docs.dev.",
    ),
    BadInput(
        id="packages-behind-a-closed-network",
        files={"a.yaml": ENVIRONMENT + "packages: {pip: [pandas], apt: [jq]}\n"},
        code="AF153",
        line=4,
        message="apt and pip cannot install: the network is closed to package managers.",
        hint="Write `packages: true` below `network`.",
    ),
    BadInput(
        id="open-network-with-hosts",
        files={"a.yaml": ENVIRONMENT + "network: {open: true, hosts: [a.dev]}\n"},
        code="AF167",
        line=4,
        column=23,
        message="The network is open, so hosts below it restrict nothing.",
        hint="Remove `open: true`",
    ),
    BadInput(
        id="output-elsewhere",
        files=agent("outputs: {report: {path: /tmp/report.md}}\n"),
        code="AF154",
        line=6,
        column=26,
        message="The output 'report' is not a file below /mnt/session/outputs/: '/tmp/report.md'.",
        hint="Write a file name such as report.md.",
    ),
    BadInput(
        id="output-in-a-subdirectory",
        files=agent("outputs: {report: {path: monthly/report.md}}\n"),
        code="AF154",
        line=6,
        column=26,
        message="in a subdirectory, which the service drops",
        hint="Write `path: report.md`.",
    ),
    BadInput(
        id="outputs-of-one-name",
        files=agent("outputs: {long: {path: report.md}, short: {path: Report.md}}\n"),
        code="AF155",
        line=6,
        column=50,
        message="The outputs 'long' and 'short' are delivered as the same file.",
        hint="another file name",
    ),
    BadInput(
        id="scratch-among-the-outputs",
        files=agent("scratch: /mnt/session/outputs/tmp\n"),
        code="AF157",
        line=6,
        column=10,
        message="'/mnt/session/outputs/tmp' is among the outputs: its files are delivered.",
        hint="Write /tmp.",
    ),
    BadInput(
        id="schema-with-an-unknown-type",
        files=agent("outputs: {r: {path: r.json, schema: {type: objet}}}\n"),
        code="AF158",
        line=6,
        column=44,
        message="The schema of the output 'r' is not valid JSON Schema: at type: 'objet' is no type.",
        hint="Did you mean 'object'?",
    ),
    BadInput(
        id="schema-with-a-wrong-value",
        files=agent("outputs: {r: {path: r.json, schema: {type: object, required: rows}}}\n"),
        code="AF158",
        line=6,
        column=62,
        message="at required: 'rows' is not of type 'array'.",
        hint="Look the key up",
    ),
    BadInput(
        id="schema-that-refers-to-nothing",
        files=agent("outputs: {r: {path: r.json, schema: ./r.schema.json}}\n")
        | {"r.schema.json": '{\n  "$ref": "#/$defs/rwo",\n  "$defs": {"row": {}}\n}\n'},
        code="AF158",
        file="r.schema.json",
        line=2,
        column=11,
        message="the $ref '#/$defs/rwo' names no part of the schema.",
        hint="Did you mean '#/$defs/row'?",
    ),
    BadInput(
        id="schema-elsewhere",
        files=agent("outputs: {r: {path: r.json, schema: {$ref: 'https://x.dev/r.json'}}}\n"),
        code="AF158",
        line=6,
        column=44,
        message="the $ref 'https://x.dev/r.json' leads out of the schema, and nothing is fetched.",
        hint="below `$defs`",
    ),
    BadInput(
        id="schema-file-with-a-list",
        files=agent("outputs: {r: {path: r.json, schema: ./r.schema.json}}\n")
        | {"r.schema.json": "[]\n"},
        code="AF259",
        line=6,
        column=37,
        message="The schema 'r.schema.json' is not one JSON object.",
        hint="Write a JSON Schema",
    ),
    BadInput(
        id="custom-tool-called-bash",
        files=coded("custom: {bash: {run: 'desk:rate'}}\n"),
        code="AF160",
        line=6,
        column=10,
        message="The custom tool 'bash' has the name of a built-in tool.",
        hint="Give it another name",
    ),
    BadInput(
        id="tool-that-takes-a-list",
        files=agent(f"custom: {{rate: {{command: [rate], {CARD.replace('object', 'array')}}}}}\n"),
        code="AF161",
        line=6,
        column=77,
        message="The input schema of 'rate' is not of type object.",
        hint="write `type: object` with `properties`",
    ),
    BadInput(
        id="argument-with-a-space",
        files=agent(
            "custom:\n  rate:\n    command: [rate]\n    description: A rate.\n"
            "    input_schema: {type: object, properties: {due day: {}}}\n"
        ),
        code="AF161",
        line=10,
        column=47,
        message="The service refuses 'due day' as the name of an argument of 'rate'.",
        hint="Use letters, digits",
    ),
    BadInput(
        id="rule-of-an-argument-that-says-nothing",
        files=coded("custom: {rate: {run: 'desk:rate', arguments: {currency: {}}}}\n"),
        code="AF163",
        line=6,
        column=47,
        message="The rule for the argument 'currency' allows and denies nothing.",
        hint="or remove it",
    ),
    BadInput(
        id="rule-of-an-unknown-argument",
        files=coded("custom: {rate: {run: 'desk:rate', arguments: {curency: {deny: [XXX]}}}}\n"),
        code="AF257",
        line=6,
        column=47,
        message="The tool 'rate' has no argument 'curency'.",
        hint="Did you mean 'currency'?",
    ),
    BadInput(
        id="default-in-words",
        files=agent("inputs: {days: {type: integer, default: seven}}\n"),
        code="AF164",
        line=6,
        column=41,
        message="The default 'seven' of the input 'days' is not of type integer.",
        hint="Write a value of type integer.",
    ),
    BadInput(
        id="default-that-is-no-choice",
        files=agent("inputs: {region: {enum: [north, south], default: nroth}}\n"),
        code="AF164",
        line=6,
        column=50,
        message="The default 'nroth' of the input 'region' is not among its choices.",
        hint="'north' or 'south'",
    ),
    BadInput(
        id="budget-that-limits-nothing",
        files=agent("budget: {warn_at: 50%}\n"),
        code="AF165",
        line=6,
        message="The budget has no limit.",
        hint="Write one of usd, tokens, turns, tool_calls, active or wall.",
    ),
    BadInput(
        id="budget-that-is-never-used-up",
        files=agent("budget: {active: 2h, wall: 1h}\n"),
        code="AF165",
        line=6,
        column=18,
        message="The active time can never be used up: it is longer than the wall time.",
        hint="Lower `active`, or raise `wall`.",
    ),
    BadInput(
        id="pool-that-is-not-declared",
        files={
            **agent("budget: {usd: 2, pools: [dsk]}\n"),
            "agentflow.yaml": "apiVersion: agentflow/v1\nkind: Project\nname: p\npools:\n  desk: {usd: 20, per: day}\n",
        },
        code="AF286",
        line=6,
        column=26,
        message="No pool is named 'dsk'.",
        hint="Did you mean 'desk'?",
    ),
    BadInput(
        id="pool-without-a-project",
        files=agent("budget: {usd: 2, pools: [desk]}\n"),
        code="AF286",
        line=6,
        column=26,
        message="No pool is named 'desk'.",
        hint="Declare it in the project: `pools: { desk: { usd: 20, per: day } }`.",
    ),
    BadInput(
        id="pool-named-twice",
        files={
            **agent("budget: {usd: 2, pools: [desk, desk]}\n"),
            "agentflow.yaml": "apiVersion: agentflow/v1\nkind: Project\nname: p\npools:\n  desk: {usd: 20, per: day}\n",
        },
        code="AF286",
        line=6,
        column=32,
        message="The pool 'desk' is named twice.",
        hint="Name it once.",
    ),
    BadInput(
        id="pool-that-limits-nothing",
        files={
            **agent("budget: {usd: 2}\n"),
            "agentflow.yaml": "apiVersion: agentflow/v1\nkind: Project\nname: p\npools:\n  desk: {per: day}\n",
        },
        code="AF165",
        file="agentflow.yaml",
        line=5,
        column=3,
        message="The pool 'desk' has no limit.",
        hint="Write one of usd or tokens.",
    ),
    BadInput(
        id="pool-of-an-unknown-zone",
        files={
            **agent("budget: {usd: 2}\n"),
            "agentflow.yaml": "apiVersion: agentflow/v1\nkind: Project\nname: p\npools:\n  desk: {usd: 9, per: day, timezone: Europe/Berlim}\n",
        },
        code="AF276",
        file="agentflow.yaml",
        line=5,
        column=38,
        message="No time zone is named 'Europe/Berlim'.",
        hint="Did you mean 'Europe/Berlin'?",
    ),
    BadInput(
        id="fast-mode-of-a-small-model",
        files={"a.yaml": AGENT.replace("claude-opus-5-5", "{id: claude-haiku-4-5, speed: fast}")},
        code="AF166",
        line=4,
        column=38,
        message="The model 'claude-haiku-4-5' has no fast mode.",
        hint="Models that have it",
    ),
    # Code of the project
    BadInput(
        id="code-in-no-module",
        files=coded("custom: {rate: {run: 'dsek:rate'}}\n"),
        code="AF250",
        line=6,
        column=22,
        message="The code 'dsek:rate' is not in this project: there is no 'dsek.py'.",
        hint="from the project directory",
    ),
    BadInput(
        id="check-that-is-not-defined",
        files=coded("done: [{check: 'desk:complet'}]\n"),
        code="AF251",
        line=6,
        column=16,
        message="The module 'desk.py' defines no function 'complet'.",
        hint="Did you mean 'complete'?",
    ),
    BadInput(
        id="code-that-is-no-python",
        files=coded("custom: {rate: {run: 'desk:rate'}}\n", "def rate(:\n    pass\n"),
        code="AF253",
        file="desk.py",
        column=10,
        message="The module 'desk.py' is not valid Python: ",
        hint="python -m py_compile desk.py",
    ),
    BadInput(
        id="function-without-the-argument",
        files=coded(
            "custom:\n  rate:\n    run: 'desk:rate'\n"
            "    input_schema: {type: object, required: [currency], "
            "properties: {currency: {}, day: {}}}\n"
        ),
        code="AF260",
        line=9,
        column=83,
        message="rate() takes no argument 'day', which its schema offers.",
        hint="Remove the property, or add the parameter.",
    ),
    BadInput(
        id="check-in-two-ways",
        files=agent("done: [{check: {run: 'desk:ok', command: [ok]}}]\n"),
        code="AF114",
        line=6,
        column=16,
        message="`done[0].check`: A check has exactly one of `run` and `command`.",
    ),
    BadInput(
        id="check-by-a-program-that-is-missing",
        files=agent("done: [{check: {command: [python3, ./check.py]}}]\n"),
        code="AF001",
        line=6,
        column=36,
        message="There is no file 'check.py'.",
        hint="Create it, or correct the path.",
    ),
    BadInput(
        id="check-with-a-limit-without-unit",
        files=agent("done: [{check: {command: [ok], timeout: 30}}]\n"),
        code="AF114",
        line=6,
        column=41,
        message="A duration needs a unit: write 30s, 30m or 30h.",
    ),
    BadInput(
        id="variables-for-a-request",
        files=agent(
            f"custom: {{rate: {{http: {{url: 'https://r.example'}}, env: {{A: b}}, {CARD}}}}}\n"
        ),
        code="AF114",
        line=6,
        column=16,
        message="`custom.rate`: `env` is for what runs here. A request has `headers`.",
    ),
    BadInput(
        id="result-longer-than-the-service-takes",
        files=agent(f"custom: {{rate: {{command: [rate], max_result: 200k, {CARD}}}}}\n"),
        code="AF115",
        line=6,
        column=46,
        message="`custom.rate.max_result` is '200k', and it has to be at most 100000.",
        hint="at most 100000",
    ),
    BadInput(
        id="check-without-a-parameter",
        files=coded("done: [{check: 'desk:complete'}]\n", "def complete():\n    return True\n"),
        code="AF260",
        line=6,
        column=16,
        message="The check complete() cannot be called with one argument.",
        hint="Write `def complete(outputs): ...`",
    ),
    # Approvals and assumptions
    BadInput(
        id="approval-of-an-unknown-tool",
        files=agent(ASKING + "approvals: [{tool: bsh, answer: deny}]\n"),
        code="AF254",
        line=7,
        column=20,
        message="No tool of this agent is named 'bsh'.",
        hint="Did you mean 'bash'?",
    ),
    BadInput(
        id="approval-of-what-never-asks",
        files=agent(ASKING + "approvals: [{tool: read, answer: deny}]\n"),
        code="AF254",
        line=7,
        column=20,
        message="The rule is about 'read', which never asks, so it decides nothing.",
        hint="Write `read: ask`",
    ),
    BadInput(
        id="approval-by-an-unknown-argument",
        files=agent(ASKING + "approvals: [{tool: bash, match: {comand: 'rm *'}, answer: deny}]\n"),
        code="AF255",
        line=7,
        column=34,
        message="The tool 'bash' has no argument 'comand'.",
        hint="Did you mean 'command'?",
    ),
    *(
        BadInput(
            id=f"approval-by-a-webhook-{id}",
            files={
                "agentflow.yaml": PROJECT + "secrets: {s: 'env:S'}\n",
                **agent(
                    f"{ASKING}approvals:\n- tool: bash\n{wait}  ask:\n    webhook: {url}\n"
                    f"    secret: {secret}\n"
                ),
            },
            code="AF114",
            line=line,
            column=column,
            message=message,
        )
        for id, wait, url, secret, line, column, message in (
            ("for-ever", "", "https://a.org", "${secret.s}", 8, 3, "A webhook needs `wait`"),
            ("unencrypted", "  wait: 1h\n", "http://a.org", "${secret.s}", 11, 14, "unencrypted"),
            (
                "with-its-secret",
                "  wait: 1h\n",
                "https://a.org",
                "correct horse",
                12,
                13,
                "A secret is written out here.",
            ),
        )
    ),
    BadInput(
        id="nobody-is-asked-by-those-who-assume",
        files=agent("uncertainty: {mode: assume, wait: 1h}\n"),
        code="AF114",
        line=6,
        column=14,
        message="`uncertainty`: `wait` goes with `mode: ask`.",
        hint=None,
    ),
    BadInput(
        id="approval-behind-a-wider-one",
        files=agent(
            f"{ASKING}approvals:\n- {{tool: '*', answer: allow}}\n- {{tool: bash, answer: deny}}\n"
        ),
        code="AF256",
        line=9,
        column=3,
        message="Rule 2 is never reached: rule 1 takes the same calls.",
        hint="put the narrower rule first",
    ),
    BadInput(
        id="assumptions-in-no-output",
        files=agent(
            "outputs: {report: {path: r.md}}\nuncertainty: {mode: assume, record: reprt}\n"
        ),
        code="AF258",
        line=7,
        column=37,
        message="Assumptions are to be written to 'reprt', which is no output of this agent.",
        hint="Did you mean 'report'?",
    ),
    BadInput(
        id="agents-that-need-each-other",
        files=agent(
            "metadata: {helper: '${ref.agent.b.id}'}\n---\nkind: Agent\nname: b\n"
            "model: claude-opus-5-5\nprompt: Work.\nmetadata: {boss: '${ref.agent.a.id}'}\n"
        ),
        code="AF261",
        line=12,
        column=18,
        message="No order of creation is possible: agent/a needs agent/b needs agent/a.",
        hint="Take one of these references out.",
    ),
    # Templates
    BadInput(
        id="include-without-dot",
        files=prompt("Work.\n{% include 'rules.md' %}\n") | {"rules.md": "Be brief.\n"},
        code="AF304",
        file="p.md",
        line=2,
        column=12,
        message="The include 'rules.md' is not a path beside the template.",
        hint="Write './rules.md'",
    ),
    BadInput(
        id="template-that-imports",
        files=prompt("{% import './m.md' as m %}Work {{ m.x() }}.\n"),
        code="AF306",
        file="p.md",
        column=4,
        message="The tag 'import' is not available in templates.",
        hint="write an include",
    ),
    BadInput(
        id="template-that-imports-one-name",
        files=prompt("{% from './m.md' import x as y %}Work {{ y() }}.\n"),
        code="AF306",
        file="p.md",
        column=4,
        message="The tag 'from' is not available in templates.",
        hint="write an include",
    ),
    BadInput(
        id="template-that-looks-inside",
        files=prompt("Work {{ 'x'.__class__ }}.\n"),
        code="AF306",
        file="p.md",
        column=6,
        message="access to attribute '__class__'",
        hint="Use a filter instead.",
    ),
    BadInput(
        id="template-that-loops-for-long",
        files=prompt("{% for n in range(1000000) %}Work. {% endfor %}\n"),
        code="AF308",
        file="p.md",
        message="range() is limited to 10,000 numbers.",
        hint="loop over less",
    ),
    BadInput(
        id="macro-that-calls-itself",
        files=prompt("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}\n"),
        code="AF308",
        file="p.md",
        message="The template calls itself without end.",
        hint="out of the macro itself",
    ),
    BadInput(
        id="prompt-of-a-remark",
        files=prompt("{# Write this later. #}\n"),
        code="AF311",
        file="p.md",
        message="The prompt is empty.",
        hint="Write instructions.",
    ),
)

NOT_FROM_FILES: Mapping[str, str] = {
    "AF023": "never alone: it follows a hundred problems of other codes",
    "AF024": "`agentflow fmt` alone writes specs, and refuses; what it refuses is a valid spec",
    "AF140": "a model script is read when it plays, by `agentflow run` and `agentflow test`",
    "AF228": "`--set` stands on the command line",
    "AF401": "needs a resource that was changed on the service",
    "AF402": "needs a resource that was changed on the service",
    "AF403": "needs two resources on the service",
    "AF404": "needs a state file, and the key of another workspace",
    "AF405": "needs a state file, which no stage of the compiler reads",
    "AF406": "needs an environment on a service",
}
"""Codes that no project on disk raises in the compiler as its one problem, and why. The tests of
the command or the stage that raises each of them expect it."""
