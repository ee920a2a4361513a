"""`agentflow compile`: the table, JSON with a schema, a folder, and a spec explained."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from agentflow.cli.main import main
from agentflow.output.compiled import compile_schema
from agentflow.output.explain import explain_schema
from agentflow.source.yaml import parse
from tests.support.rich import BESIDE, DOCUMENTS, ENVIRON, documents, project_of

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write(tmp_path, DOCUMENTS)
    for name, value in ENVIRON.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(root: Path, specs: list[dict[str, Any]]) -> None:
    for path, text in project_of(specs, beside=BESIDE).files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")


def run(*arguments: str, code: int = 0, capsys: Captured) -> str:
    assert main(["compile", "-t", "dev", *arguments]) == code
    return capsys.readouterr().out


def test_the_table_names_every_resource(project: Path, capsys: Captured) -> None:
    lines = run(capsys=capsys).splitlines()
    assert "\x1b" not in "".join(lines)
    addresses = [line.split()[0] for line in lines[:-2]]
    assert addresses == sorted(addresses)
    assert {"agent/analyst", "deployment/monthly", "vault/desk.warehouse"} <= set(addresses)
    assert lines[-1].startswith(
        f"rich on dev (local): {len(addresses)} resources, manifest sha256:"
    )
    [row] = [line for line in lines if line.startswith("deployment/monthly")]
    assert "needs agent/analyst" in row


def test_json_has_the_schema_it_promises(project: Path, capsys: Captured) -> None:
    schema = json.loads(compile_schema())
    whole = json.loads(run("--format", "json", capsys=capsys))
    jsonschema.validate(whole, schema)
    part = json.loads(run("agent/analyst", "vault/desk", "--format", "json", capsys=capsys))
    jsonschema.validate(part, schema)
    assert [item["address"] for item in part["resources"]] == ["agent/analyst", "vault/desk"]
    assert list(part["agents"]) == ["agent/analyst"]
    assert part["digest"] == whole["digest"]
    assert run("--digest", capsys=capsys).strip() == whole["digest"]


def test_one_address_prints_its_payload(project: Path, capsys: Captured) -> None:
    shown = run("memorystore/style", capsys=capsys)
    body = json.loads(shown.partition("# memorystore/style\n")[2])
    assert body["description"] == "How reports are written."


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["agent/analist"], "There is no 'agent/analist' in this project."),
        (["--explain", "agent/analist"], "Did you mean 'agent/analyst'?"),
        (["--explain"], "--explain needs an address."),
        (["--prompt", "vault/desk"], "--prompt needs the address of an agent."),
        (["agent/analyst", "--out", "x"], "--out writes everything, so it takes no address."),
    ],
)
def test_what_does_not_fit(
    arguments: list[str], message: str, project: Path, capsys: Captured
) -> None:
    assert main(["compile", "-t", "dev", *arguments]) == 2
    assert message in capsys.readouterr().err


def test_a_folder_holds_the_manifest_and_each_payload(project: Path, capsys: Captured) -> None:
    shown = run("--out", "made", capsys=capsys).splitlines()
    found = {path.relative_to(project).as_posix() for path in (project / "made").rglob("*.json")}
    assert found - {"made/.agentflow-written.json"} == set(shown)
    manifest = json.loads((project / "made" / "manifest.json").read_text(encoding="utf-8"))
    jsonschema.validate(manifest, json.loads(compile_schema()))
    for item in manifest["resources"]:
        body = json.loads((project / "made" / f"{item['address']}.json").read_text("utf-8"))
        assert body == item["payload"]
    assert run("--out", "made", capsys=capsys) == ""
    (project / "made" / "agent" / "analyst.json").write_text("mine")
    assert main(["compile", "-t", "dev", "--out", "made"]) == 2
    assert "was changed since it was written" in capsys.readouterr().err
    (project / "made" / "agent" / "analyst.json").unlink()
    done = json.loads(run("--out", "made", "--format", "json", capsys=capsys))
    assert done["written"] == ["agent/analyst.json"]


EXPLAINED = """\
agent/analyst on target dev

  may touch     bash (ask), read, write, glob, web_fetch (auto, only docs.python.org)
                warehouse at warehouse.desk.dev: search, add_note (ask)
                rate, the function desk:rate
                look, the program ./look
                files to read: glossary
                repository models: https://github.com/desk/models
                memory style: reads
                credentials of desk: warehouse
                skills: sheets, house
                subagents: researcher
                network of analytics: docs.python.org, pypi.org, package registries, hosts of MCP
                  servers
                what `raw` says, unchecked, of x
  may spend     $1, 60 turns
  must produce  report: report.md (2 sections)
                totals: totals.json (with a schema)
  stops when    Every figure has a source.
                checked by desk:check
                It is short.
                a grader is satisfied
                outputs are valid, or were sent back once
                a limit is reached
  who is asked  what is unclear: nobody, it assumes
                warehouse.add_note: a person for 2h, then denied
                bash (command python3 *): nobody, allowed
                anything else that asks: nobody, denied

"""


def test_a_reviewer_sees_it_on_one_screen(project: Path, capsys: Captured) -> None:
    shown = run("--explain", "agent/analyst", capsys=capsys)
    assert shown.startswith(EXPLAINED)


def line_of(needle: str) -> int:
    """Where the document that starts with a line stands in agentflow.yaml."""
    lines = Path("agentflow.yaml").read_text(encoding="utf-8").splitlines()
    [number] = [n for n, line in enumerate(lines, 1) if needle in line]
    return number


def test_each_value_has_its_place(project: Path, capsys: Captured) -> None:
    shown = run("--explain", "agent/analyst", "--set", "agent/analyst.repair=3", capsys=capsys)
    text = shown.removeprefix(EXPLAINED.replace("sent back once", "sent back 3 times"))
    documents, problems = parse("x.yaml", text)
    assert problems == ()
    data = documents[0].data
    assert data["repositories"]["models"]["token"] == "${secret.github}"
    assert list(data)[:3] == ["kind", "name", "extends"]
    comments = {
        line.split("#")[0].strip(): line.split("# ")[1]
        for line in text.splitlines()
        if "# " in line
    }
    assert comments["repair: 3"] == "--set:1"
    overlay = line_of('name: "cheaper"') + 2
    assert comments["usd: 1"] == f"agentflow.yaml:{overlay}"
    assert comments["stage: dev"] == f"agentflow.yaml:{overlay}"
    defaults = line_of("defaults:")
    assert comments["turns: 60"] == f"agentflow.yaml:{defaults}"
    assert comments["model: claude-opus-5-5"] == f"agentflow.yaml:{defaults}, ${{var.model}}"
    base = line_of('name: "base"')
    assert comments["scratch: /tmp"] == f"agentflow.yaml:{base + 7}"


@pytest.mark.parametrize(
    "address", [f"{d['kind'].lower()}/{d['name']}" for d in DOCUMENTS if d["kind"] != "Project"]
)
def test_every_spec_can_be_explained(address: str, project: Path, capsys: Captured) -> None:
    shown = run("--explain", address, capsys=capsys)
    assert shown.startswith(f"{address} on target dev\n")
    found = json.loads(run("--explain", address, "--format", "json", capsys=capsys))
    jsonschema.validate(found, json.loads(explain_schema()))
    [spec] = found["specs"]
    kind = spec["kind"]
    reviewed = ("Agent", "Environment", "Deployment", "Vault", "MemoryStore", "Skill")
    assert bool(spec["review"]) == (kind in reviewed)
    for value in spec["values"]:
        here = spec["spec"]
        for step in value["path"]:
            here = here[step]
        assert value["line"] >= 1


def test_a_spec_is_explained_though_others_have_errors(project: Path, capsys: Captured) -> None:
    specs = documents()
    next(s for s in specs if s["name"] == "researcher")["tools"] = {"bsh": "ask"}
    write(project, specs)
    assert main(["compile", "-t", "dev", "--explain", "agent/analyst", "agent/researcher"]) == 1
    output = capsys.readouterr()
    assert "agent/analyst on target dev" in output.out
    assert "bsh: ask" in output.out
    assert "has no key 'bsh'" in output.err
