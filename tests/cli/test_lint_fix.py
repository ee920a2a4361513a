"""`lint --fix` and `--diff`: what is written, what is said, and what is left alone."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from agentflow.cli.main import main
from agentflow.diagnostics import Diagnostic, Edit, Fix
from agentflow.lint import engine
from agentflow.lint.registry import RULES
from agentflow.lint.rule import Check, Context
from agentflow.operations import fixing
from agentflow.output.json import diagnostics_schema

PROJECT = "apiVersion: agentflow/v1\nkind: Project\nname: desk\n"
AGENT = """\
apiVersion: agentflow/v1
kind: Agent
name: "a"   # 😀 the first
model: claude-opus-5-5
prompt: Work.  # agentflow: ignore[AF505] it was TBD
done: ['The report is there.']
uncertainty: stop
budget: { usd: 1 }
outputs: { r: { path: r.md } }
tools: { write: allow }
mcp: { crm: { url: "http://crm.dev", tools: { find: allow } } }
"""
SAFE = AGENT.replace("  # agentflow: ignore[AF505] it was TBD", "")
BOTH = SAFE.replace("http:", "https:")

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


def test_a_report_says_how_much_can_be_fixed(lint: Lint, root: Path) -> None:
    _, out, _ = lint()
    assert (
        "1 error, 1 warning in 2 specs in 2 files; 1 fixable with --fix, 1 more with --unsafe"
        in out
    )
    (root / "agents/a.yaml").write_text(SAFE, encoding="utf-8")
    assert "1 error in 2 specs in 2 files; 1 fixable with --fix --unsafe (" in lint()[1]
    (root / "agents/a.yaml").write_text(BOTH, encoding="utf-8")
    assert lint()[1].startswith("no problems in 2 specs in 2 files (")


def test_fix_makes_what_is_safe_and_reports_the_rest(lint: Lint, root: Path) -> None:
    code, out, _ = lint("--fix")
    assert code == 1
    assert (root / "agents/a.yaml").read_text(encoding="utf-8") == SAFE
    assert "AF912" in out
    assert "AF091" not in out
    assert "\n1 finding fixed in 1 file; left: 1 error in 2 specs in 2 files; 1 fixable with" in out


def test_unsafe_makes_the_others_too_and_once_is_enough(lint: Lint, root: Path) -> None:
    path = root / "agents/a.yaml"
    path.chmod(0o640)
    code, out, _ = lint("--fix", "--unsafe")
    assert code == 0
    assert path.read_text(encoding="utf-8") == BOTH
    assert path.stat().st_mode & 0o777 == 0o640
    assert out.startswith("2 findings fixed in 1 file; left: no problems in 2 specs in 2 files (")
    written = path.stat()
    assert lint("--fix", "--unsafe")[1].startswith("no problems in 2 specs in 2 files (")
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (written.st_ino, written.st_mtime_ns)
    assert [p.name for p in path.parent.iterdir()] == ["a.yaml"]


@pytest.mark.parametrize(
    ("encode", "name"),
    [
        (lambda text: text.replace("\n", "\r\n").encode(), "CRLF"),
        (lambda text: b"\xef\xbb\xbf" + text.encode(), "mark"),
        (lambda text: text.rstrip("\n").encode(), "no last break"),
        (lambda text: text.replace("   # 😀", "\t# 😀\t").encode(), "tab"),
    ],
)
def test_everything_else_stays_to_the_byte(
    lint: Lint, root: Path, encode: Callable[[str], bytes], name: str
) -> None:
    (root / "agents/a.yaml").write_bytes(encode(AGENT))
    lint("--fix", "--unsafe")
    assert (root / "agents/a.yaml").read_bytes() == encode(BOTH), name


def test_diff_writes_nothing_and_fails_where_something_would_change(lint: Lint, root: Path) -> None:
    before = (root / "agents/a.yaml").read_bytes()
    code, out, err = lint("--diff", "--unsafe")
    assert code == 1
    assert (root / "agents/a.yaml").read_bytes() == before
    assert err == "2 findings would be fixed in 1 file; left: no problems in 2 specs in 2 files\n"
    subprocess.run(["patch", "-p0", "-s"], input=out.encode(), check=True)
    assert (root / "agents/a.yaml").read_text(encoding="utf-8") == BOTH
    assert lint("--diff", "--unsafe") == (0, "", "no problems in 2 specs in 2 files\n")
    assert lint("--diff", "--fix")[0] == 0


def test_only_what_is_chosen_is_edited(lint: Lint, root: Path) -> None:
    other = AGENT.replace('"a"', "b")
    (root / "agents/b.yaml").write_text(other, encoding="utf-8")
    assert lint("agents/b.yaml", "--fix", "--select", "AF912", "--unsafe")[0] == 0
    assert (root / "agents/a.yaml").read_text(encoding="utf-8") == AGENT
    assert (root / "agents/b.yaml").read_text(encoding="utf-8") == other.replace("http:", "https:")


def test_a_prompt_is_edited_only_where_it_is_chosen(lint: Lint, root: Path) -> None:
    (root / "agents/a.yaml").write_text(
        BOTH.replace("prompt: Work.", "prompt: ./a.md"), encoding="utf-8"
    )
    prompt = root / "agents/a.md"
    prompt.write_text("Work\u200b hard.\n", encoding="utf-8")
    assert "AF907" in lint("agents/a.yaml", "--fix")[1]
    assert "\u200b" in prompt.read_text(encoding="utf-8")
    assert "AF907" not in lint("agents/a.md", "--fix")[1]
    assert prompt.read_text(encoding="utf-8") == "Work hard.\n"


def test_a_file_that_a_link_leads_to_is_left(lint: Lint, root: Path) -> None:
    (root / "agents/a.yaml").write_text(
        BOTH.replace("prompt: Work.", "prompt: ./a.md"), encoding="utf-8"
    )
    (root / "real.md").write_text("Work\u200b hard.\n", encoding="utf-8")
    (root / "agents/a.md").symlink_to("../real.md")
    assert "AF907" in lint("--fix")[1]
    assert "\u200b" in (root / "real.md").read_text(encoding="utf-8")
    assert (root / "agents/a.md").is_symlink()


def test_a_loose_file_is_fixed_too(lint: Lint, root: Path) -> None:
    (root / "agentflow.yaml").unlink()
    assert lint("agents/a.yaml", "--fix", "--unsafe")[0] == 0
    assert (root / "agents/a.yaml").read_text(encoding="utf-8") == BOTH
    assert not (root / "agents/agentflow.yaml").exists()


def test_a_file_that_is_changed_meanwhile_is_left(
    lint: Lint, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (root / "agents/b.yaml").write_text(AGENT.replace('"a"', "b"), encoding="utf-8")

    def changes(project: object, look: object, *, unsafe: bool) -> fixing.Mended:
        done = fixing.fix(project, look, unsafe=unsafe)  # type: ignore[arg-type]
        (root / "agents/b.yaml").write_text("new\n", encoding="utf-8")
        return done

    monkeypatch.setattr("agentflow.cli.lint_fix.fix", changes)
    code, _, err = lint("--fix")
    assert code == 2
    assert "'agents/b.yaml' was changed while it was looked at, so it is left alone." in err
    assert (root / "agents/a.yaml").read_text(encoding="utf-8") == AGENT
    assert (root / "agents/b.yaml").read_text(encoding="utf-8") == "new\n"


def test_a_file_that_may_not_be_written_is_said(
    lint: Lint, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (root / "agents/a.yaml").chmod(0o444)
    code, _, err = lint("--fix")
    assert (code, "agents/a.yaml" in err, "Permission denied" in err) == (2, True, True)
    assert (root / "agents/a.yaml").read_text(encoding="utf-8") == AGENT


def test_standard_input_is_fixed_onto_standard_output(lint: Lint, root: Path) -> None:
    given = b"\xef\xbb\xbf" + AGENT.replace("\n", "\r\n").encode()
    words = ("-", "--stdin-filename", "agents/a.yaml")
    code, out, err = lint(*words, "--fix", stdin=given)
    assert code == 1
    assert out.encode() == b"\xef\xbb\xbf" + SAFE.replace("\n", "\r\n").encode()
    assert "AF912" in err
    assert (root / "agents/a.yaml").read_text(encoding="utf-8") == AGENT
    code, out, err = lint(*words, "--fix", stdin=b"name: [a\n")
    assert (code, out) == (1, "name: [a\n")
    assert "AF010" in err
    assert lint(*words, "--diff", stdin=SAFE.encode())[1] == ""
    assert "+prompt: Work.\n" in lint(*words, "--diff", stdin=AGENT.encode())[1]


def test_json_says_what_was_fixed(lint: Lint) -> None:
    code, out, _ = lint("--fix", "--format", "json")
    data = json.loads(out)
    assert list(Draft202012Validator(json.loads(diagnostics_schema())).iter_errors(data)) == []
    assert data["fixed"] == [{"code": "AF091", "name": "unused-suppression", "count": 1}]
    assert data["changed"] == ["agents/a.yaml"]
    assert ([p["code"] for p in data["problems"]], code) == (["AF912"], 1)


def test_exit_zero_and_severity_decide_the_code(lint: Lint) -> None:
    assert lint("--diff", "--exit-zero")[0] == 0
    assert lint("--fix", "--exit-zero")[0] == 0


def test_no_answer_is_kept_and_none_is_given_again(
    lint: Lint, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AGENTFLOW_CACHE_DIR", str(root / "kept"))
    for words in (["--fix"], ["--diff"]):
        lint(*words)
    assert not (root / "kept").exists()
    (root / "agents/a.yaml").write_text(AGENT, encoding="utf-8")
    lint("--fix")
    assert (root / "agents/a.yaml").read_text(encoding="utf-8") == SAFE


def test_fixes_that_disagree_are_reported_and_nothing_is_written(
    lint: Lint, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def turns(old: str, new: str) -> Check:
        def check(ctx: Context) -> Iterator[Diagnostic]:
            for agent in ctx.agents:
                if agent.spec.description == old:
                    span = agent.span("description")
                    yield ctx.problem(span, "x", fix=Fix("x", (Edit(span, new),), safe=True))

        return check

    rules = [
        replace(rule, check=turns(*words))
        for rule, words in zip(RULES[:2], (("cat", "dog"), ("dog", "cat")), strict=True)
    ]
    monkeypatch.setattr(
        engine.scan, "__kwdefaults__", {"found": None, "rules": tuple(rules), "plugins": None}
    )
    text = AGENT + "description: cat\n"
    (root / "agents/a.yaml").write_text(text, encoding="utf-8")
    code, out, _ = lint("--fix")
    assert code == 1
    assert "agents/a.yaml:12:14: error[AF099 fixes-disagree] The fixes of AF501 and AF502" in out
    assert (root / "agents/a.yaml").read_text(encoding="utf-8") == text


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--unsafe"], "--unsafe goes with --fix or --diff."),
        (["--diff", "--format", "json"], "A diff has a format of its own"),
        (["--diff", "--statistics"], "A diff has a format of its own"),
        (["--fix", "--write-baseline"], "--write-baseline does not go with --fix"),
    ],
)
def test_what_does_not_go_together(lint: Lint, words: list[str], message: str) -> None:
    code, _, err = lint(*words)
    assert code == 2
    assert message in err
