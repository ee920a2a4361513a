"""Texts made to be slow are not: the work grows with the length, not with its square."""

from __future__ import annotations

import time

import pytest

from agentflow.compiler.graph import TemplateText
from agentflow.lint.engine import lint
from agentflow.lint.rule import Context
from tests.lint.support import graph_of

PIECES = {
    "open tags": "{{ ",
    "open comments": "{# agentflow: ignore[AF505] ",
    "paths": "write it to /x.y ",
    "list": "- YOUR_NAME\n",
    "verbs": "never write or change ",
    "commas": "today is monday, , , , ",
    "backticks": "`a``b ",
    "fences": "```\nTBD\n~~~\n",
    "secrets": "token: _a_b1_",
    "urls": "fetch https://a.b-c",
    "addresses": "://a:b",
    "spaces": "ask      \n",
    "install": "pip install -q ",
    "letters": "aB3",
    "sentences": "Back every figure by a row of the orders, and name it. ",
    "lines": "\n \n   x",
    "generic": "you are a very helpful ",
    "prohibitions": "never delete or close or merge the ",
    "opposites": "be concise. as detailed as ",
    "capitals": "MUST NEVER ",
    "uploads": "/mnt/session/uploads/a/b-",
    "outputs": "/mnt/session/outputs/a/",
    "tools": "the tool `a.b",
    "indented": "x\n\n    y z",
    "one line": "word from ",
    "hosts": "from a.b-c.",
    "installs": "install a ",
    "installs by": "install a b, c with ",
    "commands": "curl -a-b=c ",
    "options": "npm -a ",
    "placeholders": "[team name ",
    "passwords": "password: aB1",
    "always": "always write a ",
    "languages": "answer in english ",
    "tools forbidden": "do not use the web ",
    "hidden": "\u200b\u05d0 ",
}
_SIZE = 100_000
_LIMIT_S = 8.0
"""Of processor time; a quadratic rule takes minutes. What is linear takes a tenth of a second."""


@pytest.mark.parametrize("piece", PIECES.values(), ids=PIECES.keys())
def test_a_long_text_takes_no_longer_than_its_length_says(piece: str) -> None:
    spec = (
        "apiVersion: agentflow/v1\nkind: Agent\nname: a\nmodel: claude-opus-5-5\nenvironment: lab\n"
        "prompt: ./a.md\nuncertainty: stop\ntools: { edit: allow }\n---\nkind: Environment\nname: lab\n"
    )
    graph = graph_of({"a.yaml": spec, "a.md": "x"})
    text = piece * (_SIZE // len(piece))
    long = TemplateText(name="a.md", text=text, document=None, path=())
    object.__setattr__(graph.agents["a"], "prompt", long)
    started = time.process_time()
    lint(Context(graph, None))
    assert time.process_time() - started < _LIMIT_S
