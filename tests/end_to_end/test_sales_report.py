"""The example as a newcomer meets it: one command, real tools, verified outputs."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from tests.support.cli import agentflow, copy_example


def run_example(project: Path, out: Path) -> dict[str, object]:
    result = agentflow("run", "--out", out, "--format", "json", cwd=project)
    assert result.returncode == 0, result.stdout + result.stderr
    report: dict[str, object] = json.loads(result.stdout)
    return report


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return copy_example("sales-report", tmp_path)


def expected_homes(project: Path) -> int:
    """The sum, computed here by other means than the agent's script."""
    with (project / "data" / "texas-home-sales.csv").open(encoding="utf-8") as file:
        return sum(
            int(row["sales"])
            for row in csv.DictReader(file)
            if row["sales"] != "NA" and row["volume"] != "NA"
        )


def test_one_command_ends_in_verified_outputs(project: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    report = run_example(project, out)
    assert report["verdict"] == "completed"
    outputs = {item["name"]: item for item in report["outputs"]}  # type: ignore[attr-defined]
    assert set(outputs) == {"report", "totals", "chart"}
    assert all(item["verified"] for item in outputs.values())
    totals = json.loads((out / "totals.json").read_text(encoding="utf-8"))
    assert totals["homes_sold"] == expected_homes(project)
    assert f"{totals['homes_sold']:,}" in (out / "report.md").read_text(encoding="utf-8")
    assert (out / "chart.svg").read_text(encoding="utf-8").startswith("<svg")


def test_the_figures_follow_the_data(project: Path, tmp_path: Path) -> None:
    run_example(project, tmp_path / "before")
    data = project / "data" / "texas-home-sales.csv"
    lines = data.read_text(encoding="utf-8").splitlines(keepends=True)
    cells = lines[1].split(",")
    cells[3] = str(int(cells[3]) + 1000)
    data.write_text("".join([lines[0], ",".join(cells), *lines[2:]]), encoding="utf-8")

    run_example(project, tmp_path / "after")

    def homes(folder: str) -> int:
        found = json.loads((tmp_path / folder / "totals.json").read_text(encoding="utf-8"))
        value: int = found["homes_sold"]
        return value

    assert homes("after") == homes("before") + 1000 == expected_homes(project)
    report = (tmp_path / "after" / "report.md").read_text(encoding="utf-8")
    assert f"{homes('after'):,}" in report
    assert f"{homes('before'):,}" not in report


def test_the_summary_says_where_the_report_is(project: Path) -> None:
    result = agentflow("run", cwd=project)
    assert result.returncode == 0, result.stderr
    line = next(line for line in result.stdout.splitlines() if "report.md" in line)
    path = line.split("report: ")[1].split(" (")[0]
    assert (project / path).read_text(encoding="utf-8").startswith("# Texas home sales")
    for word in ("completed", "tokens", "cache", "cost", "active", "in all"):
        assert word in result.stdout
