"""Imports point one way, and heavy packages stay off the paths that must be fast."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "agentflow"

FIRST = {
    *("diagnostics", "codes", "errors", "ports", "nearest", "patterns", "records", "digests"),
    "secret",
}
ALLOWED: dict[str, set[str]] = {
    "source": FIRST,
    "spec": FIRST,
    "state": FIRST,
}
ALLOWED["compiler"] = FIRST | {"source", "spec", "state"}
ALLOWED["lint"] = ALLOWED["compiler"] | {"compiler"}
ALLOWED["runtime"] = ALLOWED["lint"] | {"lint"}
ALLOWED["remote"] = FIRST | {"runtime.events"}
# The emulator reads its scripts with the same YAML reader; of what it emulates it shares nothing.
ALLOWED["local"] = FIRST | {"source"}
# A session told from its events: no service, no clock.
ALLOWED["audit"] = ALLOWED["runtime"] | {"runtime"}
ALLOWED["operations"] = ALLOWED["runtime"] | {"runtime", "remote", "local", "audit"}
ALLOWED["api"] = ALLOWED["operations"] | {"operations"}
ALLOWED["looking"] = ALLOWED["api"]
# Tests play runs; the command line and the gate of `apply` show what came of them.
ALLOWED["testing"] = ALLOWED["operations"] | {"operations"}
ALLOWED["output"] = ALLOWED["testing"] | {"testing"}
# The language server: beside the command line, which starts it.
ALLOWED["editor"] = ALLOWED["output"] | {"output"}
ALLOWED["cli"] = ALLOWED["output"] | {"api", "output", "editor.server"}


def modules() -> Iterator[Path]:
    return (path for path in PACKAGE.rglob("*.py") if "__pycache__" not in path.parts)


def imported(path: Path) -> Iterator[str]:
    """Full names of the modules a file imports, wherever in the file it does so."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            assert node.module is not None
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def part_of(path: Path) -> str:
    relative = path.relative_to(PACKAGE)
    return relative.parts[0] if len(relative.parts) > 1 else relative.stem


@pytest.mark.parametrize("path", sorted(modules()), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_package_imports_only_what_stands_before_it(path: Path) -> None:
    part = part_of(path)
    if part in {"__init__", "__main__"}:
        return
    allowed = ALLOWED.get(part, FIRST) | {part}
    for name in imported(path):
        if not name.startswith("agentflow."):
            continue
        inner = name.removeprefix("agentflow.")
        if inner == "__version__":
            continue
        assert any(inner == item or inner.startswith(item + ".") for item in allowed), (
            f"{path.relative_to(ROOT)} imports {name}; {part} may see {sorted(allowed)}"
        )


def test_annotations_of_specs_are_no_text() -> None:
    # pydantic would evaluate each text once more, at every start.
    for path in sorted((PACKAGE / "spec").glob("*.py")):
        assert "\nfrom __future__" not in path.read_text(encoding="utf-8"), path.name


def test_only_the_two_ends_import_the_sdk() -> None:
    users = {
        part_of(path)
        for path in modules()
        if any(name.split(".")[0] == "anthropic" for name in imported(path))
    }
    assert users <= {"remote", "local"}


HEAVY = (
    "anthropic",
    "starlette",
    "uvicorn",
    "httpx2",
    "aiohttp",
    "dbos",
    "rich",
    "sandlock",
    "pygls",
    "lsprotocol",
)
UNNEEDED = ("pydantic", "argparse", "json", "hashlib", "datetime", "unicodedata")
"""Not heavy, but a spec in which nothing is wrong is checked without them; see benchmarks/README.md."""


@pytest.mark.parametrize(
    ("arguments", "absent"),
    [
        (["--help"], (*HEAVY, "pydantic", "jinja2", "jsonschema", "ruamel")),
        (["--version"], (*HEAVY, "pydantic", "jinja2", "jsonschema", "ruamel")),
        (["lint", "plain", "--no-cache"], (*HEAVY, "jinja2", "jsonschema", *UNNEEDED)),
        (["fmt", "plain"], (*HEAVY, "jinja2", "jsonschema")),
        (["compile", "-C", "plain"], (*HEAVY, "jinja2", "jsonschema")),
        (["lint", "example"], HEAVY),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_a_command_imports(
    tmp_path: Path, arguments: list[str], absent: tuple[str, ...]
) -> None:
    (tmp_path / "agentflow.yaml").write_text(
        "apiVersion: agentflow/v1\nkind: Project\nname: plain\n---\n"
        "kind: Agent\nname: a\nmodel: claude-opus-5-5\nprompt: You sort letters.\n"
        "tools: { write: allow }\noutputs: { r: { path: r.md } }\ndone: [The letters are sorted.]\n"
        "uncertainty: assume\nbudget: { usd: 1 }\n",
        encoding="utf-8",
    )
    places = {"plain": str(tmp_path), "example": str(ROOT / "examples" / "sales-report")}
    words = [places.get(word, word) for word in arguments]
    result = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "agentflow", *words],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert result.returncode == 0, result.stderr + result.stdout
    loaded = {
        line.rsplit("|", 1)[1].strip().split(".")[0]
        for line in result.stderr.splitlines()
        if line.startswith("import time:") and "|" in line
    }
    assert "agentflow" in loaded
    assert loaded.isdisjoint(absent), sorted(loaded.intersection(absent))
