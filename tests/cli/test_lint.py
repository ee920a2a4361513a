"""The options of lint: what is reported, in which form, and what the exit code is."""

from __future__ import annotations

import io
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from agentflow.cli.main import main

PROJECT = "apiVersion: agentflow/v1\nkind: Project\nname: desk\n"
BASELINE = "lint: { baseline: .agentflow-baseline.json }\n"
AGENT = """\
apiVersion: agentflow/v1
kind: Agent
name: analyst
model: claude-opus-5-5
prompt: It is TBD.
tools: { bash: ask }
"""
FAILING = {"AF501", "AF502", "AF503", "AF505", "AF602", "AF801"}

Lint = Callable[..., tuple[int, str, str]]


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "agents").mkdir()
    (tmp_path / "agentflow.yaml").write_text(PROJECT, encoding="utf-8")
    (tmp_path / "agents/a.yaml").write_text(AGENT, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def lint(root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Lint:
    """Runs `agentflow lint` there; exit code, output and errors."""

    def run(*words: str, stdin: bytes = b"") -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        code = main(["lint", *words])
        told = capsys.readouterr()
        return code, told.out, told.err

    return run


def codes(text: str) -> set[str]:
    return set(re.findall(r"\[(AF\d+) ", text))


def test_everything_is_reported_unless_chosen_otherwise(lint: Lint) -> None:
    code, out, _ = lint()
    assert code == 1
    assert codes(out) == FAILING


@pytest.mark.parametrize(
    ("words", "expected", "code"),
    [
        (["--select", "AF5"], {"AF501", "AF502", "AF503", "AF505"}, 0),
        (["--select", "AF501,no-budget"], {"AF501", "AF801"}, 1),
        (["--select", "AF501", "--select", "AF502"], {"AF501", "AF502"}, 0),
        (["--select=AF5", "--extend-select", "AF8"], FAILING - {"AF602"}, 1),
        (["--ignore", "AF5"], {"AF602", "AF801"}, 1),
        (["--ignore", "AF602,AF801"], FAILING - {"AF602", "AF801"}, 0),
        (["--exit-zero"], FAILING, 0),
        (["--level", "strict"], FAILING, 1),
    ],
)
def test_the_command_line_chooses(
    lint: Lint, words: list[str], expected: set[str], code: int
) -> None:
    status, out, _ = lint(*words)
    assert codes(out) == expected
    assert status == code


def test_a_level_is_chosen(lint: Lint, root: Path) -> None:
    comment = AGENT.replace("ask }", "ask } # agentflow: ignore[AF602]")
    (root / "agents/a.yaml").write_text(comment, encoding="utf-8")
    assert "AF096" not in codes(lint()[1])
    assert "AF096" in codes(lint("--level", "strict")[1])
    assert "AF096" in codes(lint("--extend-select", "AF096")[1])
    assert "AF096" in codes(lint("--extend", "AF096")[1])


def test_an_error_of_the_compiler_is_always_reported(lint: Lint, root: Path) -> None:
    (root / "agents/a.yaml").write_text(AGENT + "tols: {}\n", encoding="utf-8")
    for words in (["--select", "AF5"], ["--ignore", "AF1"]):
        code, out, _ = lint(*words)
        assert code == 1
        assert any(found.startswith("AF1") for found in codes(out))
    code, _, _ = lint("--exit-zero")
    assert code == 0


@pytest.mark.parametrize(
    ("words", "message", "hint"),
    [
        (["--select", "AF777"], "--select: there is no code 'AF777'.", "Did you mean"),
        (["--ignore", "AF501,"], "--ignore: there is no code ''.", "agentflow explain"),
        (["--extend-select", "no-budgte"], "no code 'no-budgte'.", "Did you mean 'no-budget'?"),
        (["--statistics", "--format", "sarif"], "does not go with --format sarif", None),
        (["-"], "Standard input has no name.", "--stdin-filename agents/x.yaml"),
        (["-", "x", "--stdin-filename", "x"], "checked alone", "other paths"),
        (["--stdin-filename", "x"], "goes with `-`", None),
        (["-", "--stdin-filename", "agents"], "'agents' is a directory.", "Name the file"),
        (["--write-baseline", "agents"], "takes no paths", "lint: { select"),
        (["--write-baseline", "--select", "AF5"], "takes no paths", "lint: { select"),
        (["--write-baseline", "--level", "strict"], "takes no paths", "lint: { select"),
        (["--write-baseline"], "names no baseline", "lint: { baseline: .agentflow-baseline.json }"),
    ],
)
def test_what_makes_no_sense_is_said(
    lint: Lint, words: list[str], message: str, hint: str | None
) -> None:
    code, out, error = lint(*words)
    assert (code, out) == (2, "")
    assert message in error
    assert (hint or "") in error
    assert ("hint:" in error) is (hint is not None)


def test_statistics(lint: Lint) -> None:
    code, out, _ = lint("--statistics")
    assert code == 1
    assert re.search(r"^1  AF602   ask-unanswered +error$", out, re.M)
    assert "agents/a.yaml:" not in out
    assert out.splitlines()[-1].startswith("2 errors, 4 warnings in 2 specs in 2 files (")
    _, out, _ = lint("--statistics", "--format", "json")
    data = json.loads(out)
    assert {entry["code"]: entry["count"] for entry in data["statistics"]} == dict.fromkeys(
        FAILING, 1
    )
    assert len(data["problems"]) == len(FAILING)


def test_formats_for_other_programs(lint: Lint) -> None:
    code, out, _ = lint("--format", "sarif")
    assert code == 1
    assert {result["ruleId"] for result in json.loads(out)["runs"][0]["results"]} == FAILING
    code, out, _ = lint("--format", "github")
    assert code == 1
    assert "::error file=agents/a.yaml,line=6,endLine=6,col=16,endColumn=18,title=AF602" in out
    assert len(re.findall("^::", out, re.M)) == len(FAILING)


@pytest.mark.parametrize("no_color", ["", "1"])
def test_places_are_links_in_a_terminal_with_colours(
    lint: Lint, root: Path, monkeypatch: pytest.MonkeyPatch, no_color: str
) -> None:
    monkeypatch.setenv("NO_COLOR", no_color)
    monkeypatch.setenv("TERM", "xterm")
    assert "\x1b]8" not in lint()[1], "no terminal"
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    has_link = f"\x1b]8;;file://{root}/agents/a.yaml\x1b\\" in lint("--no-cache")[1]
    assert has_link is not bool(no_color)


# Standard input


def test_what_is_edited_is_checked_in_its_project(lint: Lint, root: Path) -> None:
    (root / "lab.yaml").write_text("apiVersion: agentflow/v1\nkind: Environment\nname: lab\n")
    edited = AGENT.replace("tools: { bash: ask }", "environment: lab\nbudget: { usd: 1 }")
    code, out, _ = lint("-", "--stdin-filename", "agents/a.yaml", stdin=edited.encode())
    assert code == 0
    assert codes(out) == FAILING - {"AF602", "AF801"}
    assert "5 | prompt: It is TBD." in out
    assert "in 1 spec in 1 file" in out
    assert (root / "agents/a.yaml").read_text(encoding="utf-8") == AGENT


def test_what_is_not_yet_on_disk_can_be_checked(lint: Lint) -> None:
    _, out, _ = lint("-", "--stdin-filename", "agents/b.yaml", stdin=AGENT.encode())
    assert "agents/b.yaml:3:7: error[AF106 " in out
    _, out, _ = lint(
        "-", "--stdin-filename", "new/b.yaml", stdin=AGENT.replace("analyst", "b").encode()
    )
    assert codes(out) == FAILING


def test_the_project_itself_can_be_edited(lint: Lint) -> None:
    text = PROJECT + "lint: { ignore: [AF777] }\n"
    _, out, _ = lint("-", "--stdin-filename", "agentflow.yaml", stdin=text.encode())
    assert codes(out) == {"AF092"}


def test_a_prompt_is_checked_with_the_specs_that_use_it(lint: Lint, root: Path) -> None:
    spec = AGENT.replace("prompt: It is TBD.", "prompt: ./a.md")
    (root / "agents/a.yaml").write_text(spec, encoding="utf-8")
    (root / "agents/b.yaml").write_text(AGENT.replace("analyst", "b"), encoding="utf-8")
    (root / "agents/a.md").write_text("Work. It is TBD.", encoding="utf-8")
    code, out, _ = lint("agents/a.md")
    assert (code, codes(out)) == (0, {"AF505"})
    _, out, _ = lint("-", "--stdin-filename", "agents/a.md", stdin=b"Work.")
    assert codes(out) == set()
    code, out, _ = lint("-", "--stdin-filename", "agents/a.md", stdin=b"Work {{ no.such }}.")
    assert code == 1
    assert "agents/a.md:1:" in out
    assert all(found.startswith("AF3") for found in codes(out))
    _, out, _ = lint("agents/a.md", "agents/a.yaml")
    assert codes(out) == FAILING
    assert "agents/b.yaml" not in out
    (root / "agents/a.md").unlink()
    _, out, _ = lint("-", "--stdin-filename", "agents/a.md", stdin=b"It is TBD.")
    assert codes(out) == {"AF505"}, "not yet on disk"


def test_a_file_that_is_not_there_is_said_so(lint: Lint) -> None:
    code, out, error = lint("agents/none.md")
    assert code == 1
    assert "agents/none.md" in out + error


def test_a_spec_that_is_one_no_more_is_gone(lint: Lint) -> None:
    _, out, _ = lint("-", "--stdin-filename", "agents/a.yaml", stdin=b"x: 1\n")
    assert not codes(out) & FAILING


@pytest.mark.parametrize(
    ("data", "code"), [(b"\xff\xfe", "AF005"), (b"kind: [", "AF010"), (b"x" * (2 << 20), "AF004")]
)
def test_bad_bytes_on_standard_input(lint: Lint, data: bytes, code: str) -> None:
    status, out, error = lint("-", "--stdin-filename", "agentflow.yaml", stdin=data)
    assert status == 1
    assert code in out + error
    assert "Traceback" not in out + error


def test_without_a_project_it_is_a_loose_file(lint: Lint, root: Path) -> None:
    (root / "agentflow.yaml").unlink()
    _, out, _ = lint("-", "--stdin-filename", "agents/new.yaml", stdin=AGENT.encode())
    assert codes(out) == FAILING
    code, out, _ = lint("-", "--stdin-filename", "agents/new.yaml", stdin=b"x: 1\n")
    assert code == 1
    assert "agents/new.yaml:1:1: error[AF" in out


def test_standard_input_may_be_closed(lint: Lint, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    assert main(["lint", "-", "--stdin-filename", "agents/a.yaml"]) == 2


def test_a_file_outside_of_the_project_is_refused(lint: Lint, root: Path) -> None:
    (root / "agentflow.yaml").rename(root / "agents/agentflow.yaml")
    code, out, _ = lint("-", "--stdin-filename", "x.yaml", "-C", "agents", stdin=AGENT.encode())
    assert code == 1
    assert codes(out) == FAILING, "its project is the one of its own directory: none"


# Baseline


@pytest.fixture
def with_baseline(root: Path) -> Path:
    (root / "agentflow.yaml").write_text(PROJECT + BASELINE, encoding="utf-8")
    return root / ".agentflow-baseline.json"


def test_what_is_in_the_baseline_is_reported_no_more(lint: Lint, with_baseline: Path) -> None:
    code, out, _ = lint()
    assert code == 1
    assert codes(out) == {*FAILING, "AF095"}
    assert "agentflow.yaml:4:19: error[AF095" in out
    assert "agentflow lint --write-baseline" in out
    code, out, _ = lint("--write-baseline")
    assert (code, out) == (0, f"{with_baseline.name} knows 6 findings.\n")
    before = with_baseline.read_bytes()
    assert lint()[0] == 0
    assert codes(lint()[1]) == set()
    assert codes(lint("agents")[1]) == set()
    assert lint("--write-baseline")[0] == 0
    assert with_baseline.read_bytes() == before
    assert [path.name for path in with_baseline.parent.iterdir() if ".json." in path.name] == []


def test_what_is_new_is_reported(lint: Lint, with_baseline: Path) -> None:
    lint("--write-baseline")
    spec = with_baseline.parent / "agents/a.yaml"
    spec.write_text(f"# x\n\n{AGENT.replace('ask }', 'ask, edit: ask }')}", encoding="utf-8")
    code, out, _ = lint()
    assert code == 1
    assert re.findall("agents/a.yaml:(\\S+): error.AF602", out) == ["8:27"]
    assert codes(out) == {"AF602"}


def test_what_is_gone_is_reported_where_all_is_looked_at(lint: Lint, with_baseline: Path) -> None:
    lint("--write-baseline")
    spec = with_baseline.parent / "agents/a.yaml"
    spec.write_text(AGENT.replace("bash: ask", "bash: allow"), encoding="utf-8")
    code, out, _ = lint()
    assert code == 0
    assert codes(out) == {"AF094"}
    assert ".agentflow-baseline.json:" in out
    for words in (["agents"], ["--select", "AF0"], ["--level", "strict"], ["--var", "x=1"]):
        assert "AF094" not in codes(lint(*words)[1]), words
    assert codes(lint("--ignore", "AF094")[1]) == set()
    spec.write_text("apiVersion: agentflow/v1\nkind: Agent\n", encoding="utf-8")
    assert "AF094" not in codes(lint()[1]), "what rules say of it is not known"


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": 9, "findings": []}'])
def test_a_damaged_baseline_is_an_error(lint: Lint, with_baseline: Path, text: str) -> None:
    with_baseline.write_text(text, encoding="utf-8")
    code, out, _ = lint()
    assert code == 1
    assert codes(out) == {*FAILING, "AF095"}
    assert "bring back what was committed" in out
    assert lint("--write-baseline")[0] == 0
    assert codes(lint()[1]) == set()


def test_a_baseline_is_not_written_over_errors(lint: Lint, with_baseline: Path) -> None:
    spec = with_baseline.parent / "agents/a.yaml"
    spec.write_text(AGENT + "tols: {}\n", encoding="utf-8")
    code, _, error = lint("--write-baseline")
    assert code == 1
    assert "nothing was written" in error
    assert not with_baseline.exists()


def test_a_baseline_stays_in_the_project(lint: Lint, with_baseline: Path) -> None:
    with_baseline.symlink_to("/tmp/agentflow-elsewhere.json")
    code, _, error = lint("--write-baseline")
    assert code == 1
    assert "leads out of the project" in error
    assert not Path("/tmp/agentflow-elsewhere.json").exists()


@pytest.mark.parametrize("name", ["/x.json", "../x.json", "x.yaml", "a//x.json"])
def test_a_baseline_is_named_by_a_path_in_the_project(lint: Lint, root: Path, name: str) -> None:
    text = f"{PROJECT}lint: {{ baseline: {name} }}\n"
    (root / "agentflow.yaml").write_text(text, encoding="utf-8")
    code, out, _ = lint("agentflow.yaml")
    assert code == 1
    assert "agentflow.yaml:4:19: error[AF1" in out or "error[AF095" in out


def test_what_the_baseline_knows_stops_no_other_command(
    root: Path, with_baseline: Path, lint: Lint, capsys: pytest.CaptureFixture[str]
) -> None:
    text = with_baseline.parent / "agents/a.yaml"
    text.write_text(AGENT.replace("tools: { bash: ask }\n", ""), encoding="utf-8")
    assert main(["plan"]) == 1
    assert "AF801" in capsys.readouterr().err
    lint("--write-baseline")
    assert main(["plan"]) == 0
