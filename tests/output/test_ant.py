"""`compile --emit ant`: a folder that the official CLI reads, and that says the same when it is read back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentflow.cli.main import main
from agentflow.compiler import late
from agentflow.compiler.manifest import Manifest, canonical_json
from agentflow.compiler.pipeline import build
from agentflow.operations.project import ProjectFiles
from agentflow.output.ant import AntFolder, ant_folder
from tests.support.memory_files import MemoryFiles
from tests.support.projects import PROJECT, directory

ROOT = Path(__file__).parents[2]
PROJECTS = [
    *sorted(path for path in (ROOT / "tests" / "cases" / "compile").iterdir() if path.is_dir()),
    *sorted(path.parent for path in (ROOT / "examples").glob("*/agentflow.yaml")),
    ROOT / "tests" / "cases" / "ant" / "desk",
]
PROJECT_FILE = f"{PROJECT}defaults: {{deployment: {{answered_by: the desk}}}}\n"
NOT_COVERED = ("vault", "credential", "file")


def manifest(files: Any) -> Manifest:
    built, problems = build(files)
    assert [problem for problem in problems if problem.severity.value == "error"] == []
    assert built.compiled is not None
    return built.compiled.manifest


def payloads(found: Manifest) -> dict[str, Any]:
    return {
        item.address: json.loads(canonical_json(late.readable(item.payload)))
        for item in found.resources
        if item.kind not in NOT_COVERED
    }


def read_back(folder: AntFolder, files: Any) -> Manifest:
    copies = {path: files.read(source) for path, source in folder.copies.items()}
    return manifest(MemoryFiles({"agentflow.yaml": PROJECT_FILE, **folder.files, **copies}))


def without_what_has_no_place(found: dict[str, Any]) -> dict[str, Any]:
    """What the notes name: files, vaults, tokens and references in metadata; titles of skills."""
    for address, body in found.items():
        kind = address.partition("/")[0]
        if kind == "skill":
            del body["display_name"]
        if kind == "deployment":
            body["vault_ids"] = [id for id in body["vault_ids"] if not id.startswith("$")]
            kept = [r for r in body["resources"] if not r.get("file_id", "").startswith("$")]
            body["resources"] = [
                {key: value for key, value in item.items() if key != "authorization_token"}
                for item in kept
            ]
        metadata = body.get("metadata", {})
        body["metadata"] = {k: v for k, v in metadata.items() if not v.startswith("$")}
        if body.get("multiagent") == {"type": "multiagent_20261001"}:
            # By `raw`: the defaults of the platform, which are written out when it is read.
            on = {
                "type": "enabled",
                "inline_agents": {"type": "enabled"},
                "predefined_agents": [],
            }
            body["multiagent"] |= {
                "advisor": {"type": "disabled"},
                "subagents": on,
                "workflows": on,
            }
    return found


@pytest.mark.parametrize("root", PROJECTS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_what_is_read_back_is_what_was_written(root: Path) -> None:
    files = ProjectFiles(root)
    before = manifest(files)
    folder = ant_folder(before)
    after = read_back(folder, files)
    assert without_what_has_no_place(payloads(after)) == without_what_has_no_place(payloads(before))
    again = ant_folder(after)
    if not any("/multiagent" in item.unchecked for item in before.resources):
        assert (again.files, set(again.copies)) == (folder.files, set(folder.copies))
    assert all(note.endswith(".") and "\ufdd0" not in note for note in folder.notes)


def test_a_file_is_one_that_people_would_write() -> None:
    files = directory(ROOT / "tests" / "cases" / "compile" / "desk")
    folder = ant_folder(manifest(files))
    page = folder.files["deployments/monthly.md"]
    assert page.startswith("---\nname: ")
    assert "\nagent: ../agents/" in page
    assert "\nenvironment_id: ../environments/" in page
    assert "\ufdd0" not in "".join(folder.files.values())
    assert "null" not in "".join(folder.files.values())


def test_what_has_no_place_is_named() -> None:
    files = directory(ROOT / "tests" / "cases" / "compile" / "desk")
    notes = ant_folder(manifest(files)).notes
    for part in (
        "vault/desk is left out",
        "/authorization_token is left out: ${secret.github}.",
        "deployment/monthly: `answered_by` is left out.",
        "skill/charts: its title 'Charts' is left out; it will be 'charts'.",
        "agent/analyst: left out, except for what the system prompt says of it: `environment`, `task`",
    ):
        assert any(part in note for note in notes), part


def test_what_sessions_are_given_is_named_as_specs_name_it() -> None:
    agent = """
kind: Agent
name: keeper
model: claude-opus-5-5
prompt: You keep the archive.
done: [It is kept.]
outcome: done
memory: [archive]
vaults: [keys]
repositories: { it: { url: "https://github.com/o/it" } }
"""
    rest = "---\nkind: MemoryStore\nname: archive\n---\nkind: Vault\nname: keys\n"
    notes = ant_folder(
        manifest(MemoryFiles({"agentflow.yaml": f"{PROJECT}---{agent}{rest}"}))
    ).notes
    [note] = [note for note in notes if note.startswith("agent/keeper: ")]
    assert note.endswith("`done`, `repositories`, `memory`, `vaults` and `outcome`.")


TEXTS = st.text(
    st.sampled_from("ab \n\t-#:'\"{}[]$&*|>%@`\\\u00e9\u2028\x85\ufeff\U0001f600.,!?=~0")
    | st.characters(exclude_categories=["Cs", "Cc", "Cn"], exclude_characters="\ufdd0\ufdd1"),
    min_size=1,
    max_size=30,
)


@settings(deadline=None, max_examples=150)
@given(TEXTS, TEXTS, TEXTS)
def test_every_text_survives(system: str, title: str, value: str) -> None:
    body = {"name": title, "model": "claude-opus-5-5", "system": system, "description": value}
    text = json.dumps({**body, "metadata": {"key": value}})
    before = manifest(MemoryFiles({"agentflow.yaml": PROJECT_FILE, "agents/a.json": text}))
    folder = ant_folder(before)
    assert payloads(read_back(folder, MemoryFiles({}))) == payloads(before)


def test_the_command_writes_the_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT / "tests" / "cases" / "ant" / "desk")
    out = tmp_path / "out"
    assert main(["compile", "--emit", "ant", "--out", str(out)]) == 0
    shown = capsys.readouterr()
    assert str(out / "agents" / "analyst.md") in shown.out.splitlines()
    assert "deployment/nightly: `answered_by` is left out." in shown.err.splitlines()
    style = Path("skills/report-style/SKILL.md")
    assert (out / style).read_bytes() == style.read_bytes()
    (out / "agentflow.yaml").write_text(PROJECT_FILE, encoding="utf-8")
    assert payloads(manifest(ProjectFiles(out))) == payloads(manifest(ProjectFiles(Path())))


def test_emit_needs_a_place(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "agentflow.yaml").write_text(PROJECT_FILE, encoding="utf-8")
    assert main(["compile", "-C", str(tmp_path), "--emit", "ant"]) == 2
    assert "Add --out DIR." in capsys.readouterr().err
