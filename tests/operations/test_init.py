"""Every template is a project that lints without a finding, is laid out, compiles and runs as it stands."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agentflow.cli.main import main
from agentflow.compiler.pipeline import build
from agentflow.errors import UsageError
from agentflow.operations.init import TEMPLATES, init, project_name
from agentflow.operations.project import ProjectFiles
from agentflow.operations.schemas import WRITTEN_SCHEMAS
from tests.support.cli import agentflow

OUTPUTS = {
    "starter": {"summary"},
    "analyst": {"answer", "figures"},
    "coding": {"module", "notes"},
    "researcher": {"report"},
    "scheduled": {"briefing"},
}


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_template_is_clean_and_laid_out(
    template: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "shop"
    written = init(root, template=template)
    assert written[0] == root / "agentflow.yaml"
    assert main(["lint", "-C", str(root), "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["problems"] == []
    assert main(["fmt", "-C", str(root), "--check"]) == 0
    built, problems = build(ProjectFiles(root), environ={})
    assert problems == ()
    assert built.compiled is not None
    assert built.graph is not None
    assert built.graph.project.spec.name == "shop"
    assert main(["lint", "-C", str(root), "-t", "prod"]) == 0


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_template_runs_as_it_stands(template: str, tmp_path: Path) -> None:
    assert agentflow("init", "--template", template, cwd=tmp_path).returncode == 0
    done = agentflow("run", "--format", "json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["verdict"] == "completed"
    assert {output["name"] for output in report["outputs"]} == OUTPUTS[template]
    assert all(output["verified"] for output in report["outputs"])
    assert report["repairs"] == 0


def test_a_deployment_is_part_of_the_plan(tmp_path: Path) -> None:
    init(tmp_path, template="scheduled")
    built, _ = build(ProjectFiles(tmp_path), target="prod", environ={})
    assert built.compiled is not None
    addresses = {resource.address for resource in built.compiled.manifest.resources}
    assert "deployment/monday-briefing" in addresses


@pytest.mark.parametrize(
    ("folder", "name"),
    [("Letters & Notes", "letters-notes"), ("2024", "2024"), ("1e3", "1e3"), ("null", "null")],
)
def test_a_project_is_called_like_its_folder(folder: str, name: str, tmp_path: Path) -> None:
    root = tmp_path / folder
    init(root)
    built, problems = build(ProjectFiles(root), environ={})
    assert problems == ()
    assert built.graph is not None
    assert built.graph.project.spec.name == name == project_name(root)
    assert main(["fmt", "-C", str(root), "--check"]) == 0


def test_editors_find_the_schemas_that_the_files_name(tmp_path: Path) -> None:
    for template in TEMPLATES:
        root = tmp_path / template
        for path in init(root, template=template):
            if path.suffix == ".yaml":
                first = path.read_text(encoding="utf-8").splitlines()[0]
                modeline, _, schema = first.partition("$schema=")
                assert modeline == "# yaml-language-server: "
                assert json.loads((path.parent / schema).read_text(encoding="utf-8"))["$schema"]
        made = {path.name for path in (root / ".agentflow" / "schemas").iterdir()}
        assert made == set(WRITTEN_SCHEMAS)


def test_nothing_is_written_over_anything(tmp_path: Path) -> None:
    (tmp_path / "script.yaml").write_text("mine", encoding="utf-8")
    with pytest.raises(UsageError, match=r"already script\.yaml"):
        init(tmp_path, template="coding")
    assert [path.name for path in tmp_path.iterdir()] == ["script.yaml"]
    with pytest.raises(UsageError, match="no template 'analist'") as caught:
        init(tmp_path / "new", template="analist")
    assert caught.value.hint == "Did you mean 'analyst'?"
    assert not (tmp_path / "new").exists()


def test_the_templates_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", "--list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(TEMPLATES)
