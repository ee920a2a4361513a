"""Rules that are left out of a check, because of what a project does not have, would find nothing."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from agentflow.compiler.pipeline import build
from agentflow.lint.engine import scan
from agentflow.lint.registry import ABOUT, RULES, rules_for
from agentflow.lint.rule import Context, Rule
from agentflow.spec.kinds import KINDS
from tests.lint.support import CODE, PROJECT, graph_of
from tests.support.memory_files import MemoryFiles

ROOT = Path(__file__).parents[2]
AGENT = "apiVersion: agentflow/v1\nkind: Agent\nname: bare\nmodel: claude-opus-5-5\nprompt: Sort.\n"


def same_with_all(files: dict[str, str], *, only: tuple[str, ...] | None = None) -> None:
    built = build(MemoryFiles({**CODE, **files}), only=only)
    assert built.value.graph is not None
    context = Context(built.value.graph, built.value.compiled)
    assert scan(context, found=built.problems) == scan(context, found=built.problems, rules=RULES)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code.id)
def test_examples_are_told_the_same_by_all_rules(rule: Rule) -> None:
    for text in (rule.bad, rule.good):
        whole = re.search("^kind: Project$", text, re.M)
        same_with_all(
            {"agentflow.yaml": text} if whole else {"agentflow.yaml": PROJECT, "a.yaml": text}
        )


@pytest.mark.parametrize(
    "name", sorted(p.name for p in (ROOT / "examples").iterdir() if p.is_dir())
)
def test_a_file_checked_alone_is_told_the_same_by_all_rules(name: str) -> None:
    folder = ROOT / "examples" / name
    files = {
        str(path.relative_to(folder)): path.read_text(encoding="utf-8")
        for path in folder.rglob("*")
        if path.suffix in {".yaml", ".md", ".json", ".py", ".jinja", ".txt"}
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    }
    for file in sorted(name for name in files if name.endswith(".yaml")):
        same_with_all(files, only=(file,))


def test_a_project_with_every_kind_gets_every_rule() -> None:
    pays = "custom: { pay: { run: 'desk.tools:pay' } }\n"
    specs = [
        AGENT,
        f"{AGENT.replace('bare', 'other')}title: Other\nraw: {{ x: 1 }}\n{pays}",
        "kind: Environment\nname: one\n",
        "kind: Vault\nname: one\n",
        "kind: Deployment\nname: one\nagent: bare\nenvironment: one\ntask: Sort.\n",
        "kind: Flow\nname: one\nsteps: { first: { agent: bare } }\n",
    ]
    graph = graph_of({**CODE, "a.yaml": "---\n".join(specs)})
    assert rules_for(graph) == RULES


@pytest.mark.parametrize("topic", sorted({topic for topics in ABOUT.values() for topic in topics}))
def test_rules_are_about_kinds_and_fields_that_there_are(topic: str) -> None:
    fields = {f".{field}" for model in KINDS.values() for field in model.model_fields}
    assert topic in fields | {kind.lower() for kind in KINDS}


def test_rules_of_what_is_not_there_are_not_imported() -> None:
    program = f"""
import json, sys
from tests.lint.support import lint_files
found = lint_files({{"a.yaml": {AGENT!r}}})
print(json.dumps([name for name in sys.modules if name.startswith("agentflow.lint.rules.")]))
"""
    ran = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    imported = {name.rpartition(".")[2] for name in json.loads(ran.stdout)}
    assert not imported & ABOUT.keys()
    assert "policies" in imported
