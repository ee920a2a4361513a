"""docs/code.md and docs/scripts.md show code and scripts: all of it is held here."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

from agentflow.compiler.late import secrets
from agentflow.compiler.pipeline import build
from agentflow.local.drivers.script_file import ScriptTurn, read_script
from agentflow.runtime.program import check, run
from tests.support.cli import ROOT
from tests.support.memory_files import MemoryFiles
from tests.support.projects import project


def blocks(page: str, language: str) -> list[str]:
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.M | re.S)


def test_the_tool_that_is_shown_compiles() -> None:
    spec, tool = blocks("code.md", "yaml")[0], blocks("code.md", "python")[0]
    result = build(MemoryFiles({**project(spec).files, "desk/tools.py": tool}))
    assert result.problems == ()
    assert result.value.compiled is not None
    [custom] = [
        item
        for item in result.value.compiled.manifest.resources[0].payload["tools"]
        if item["type"] == "custom"
    ]
    assert custom["description"] == "The exchange rate of a currency."
    fields = custom["input_schema"]["properties"]
    assert list(fields) == ["currency", "kind", "days"]
    assert fields["currency"]["description"] == "ISO 4217, upper case"


def test_the_program_that_is_shown_is_a_tool(tmp_path: Path) -> None:
    program = blocks("code.md", "python")[1]
    files = {**project(blocks("code.md", "yaml")[1]).files, "tools/fee.py": program}
    compiled = build(MemoryFiles(files)).value.compiled
    assert compiled is not None
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools/fee.py").write_text(program, encoding="utf-8")
    command = compiled.manifest.agents["agent/a"].custom["fee"].command
    assert command is not None
    good = run(list(command), {"amount": 2000}, root=tmp_path)
    assert good == {"value": '{"fee": 20.0, "currency": "EUR"}'}
    bad = run(list(command), {"amount": 0}, root=tmp_path)
    assert bad["error"].endswith("The amount is above zero.")


def test_the_request_that_is_shown_compiles() -> None:
    files = project(blocks("code.md", "yaml")[2])
    text = files.files["agentflow.yaml"].replace(
        "name: p\n", "name: p\nsecrets: {desk: 'env:T'}\n", 1
    )
    result = build(MemoryFiles({**files.files, "agentflow.yaml": text}))
    assert result.problems == ()
    assert result.value.compiled is not None
    http = result.value.compiled.manifest.agents["agent/a"].custom["limit"].http
    assert http is not None
    assert http.expect == (200, 201)
    assert secrets(http.headers) == {"desk"}


def test_the_check_that_is_shown_checks(tmp_path: Path) -> None:
    namespace: dict[str, Any] = {}
    exec(blocks("code.md", "python")[2], namespace)
    totals = tmp_path / "totals.json"
    totals.write_text(json.dumps({"sum": 3, "parts": [1, 2]}), encoding="utf-8")
    assert namespace["adds_up"]({"totals": totals}) == []
    totals.write_text(json.dumps({"sum": 4, "parts": [1, 2]}), encoding="utf-8")
    assert namespace["adds_up"]({"totals": totals}) != []


def test_the_check_that_is_shown_as_a_program_checks(tmp_path: Path) -> None:
    code, spec = blocks("code.md", "python")[3], blocks("code.md", "yaml")[3]
    checks = "def adds_up(outputs): ...\n"
    files = {"checks/totals.py": code, "desk/checks.py": checks}
    result = build(MemoryFiles({**project(spec).files, **files}))
    assert result.problems == ()
    assert result.value.compiled is not None
    program, function = result.value.compiled.manifest.agents["agent/a"].done
    assert (program.timeout_s, function.timeout_s) == (30.0, 5.0)
    assert program.command is not None
    (tmp_path / "checks").mkdir()
    (tmp_path / "checks/totals.py").write_text(code, encoding="utf-8")
    totals = tmp_path / "totals.json"
    for parts, wrong in (([1, 2], []), ([1, 3], ["The parts do not add up to the sum."])):
        totals.write_text(json.dumps({"sum": 3, "parts": parts}), encoding="utf-8")
        found = check(
            list(program.command),
            {"totals": str(totals)},
            root=tmp_path,
            cwd=tmp_path,
            environment=dict(os.environ),
        )
        assert found == {"value": wrong}


def test_telemetry_as_it_is_shown_compiles() -> None:
    text = f"apiVersion: agentflow/v1\n{blocks('telemetry.md', 'yaml')[0]}"
    result = build(MemoryFiles({"agentflow.yaml": text}), target="prod")
    assert result.problems == ()
    assert result.value.compiled is not None
    target = result.value.compiled.manifest.target
    assert target.telemetry == "https://otel.prod.example.com:4318"


def test_the_script_that_is_shown_is_one_and_every_field_is_told(tmp_path: Path) -> None:
    file = tmp_path / "script.yaml"
    file.write_text(blocks("scripts.md", "yaml")[0], encoding="utf-8")
    turns = read_script(file).turns_of("sales-analyst")
    assert turns is not None
    assert len(turns) == 4
    text = (ROOT / "docs" / "scripts.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `(\w+)` \|", text, re.M)) == set(ScriptTurn.model_fields)
