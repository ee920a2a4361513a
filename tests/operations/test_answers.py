"""A kept answer is given again while nothing has changed, and never after anything has."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from io import BytesIO, TextIOWrapper
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agentflow.cli import main as main_module
from agentflow.cli.main import main
from agentflow.diagnostics import Diagnostic
from agentflow.lint import engine
from agentflow.lint.registry import RULES
from agentflow.operations import answers
from tests.support.cli import clean_environment

AGENT = """\
apiVersion: agentflow/v1
kind: Agent
name: writer
model: claude-haiku-5-5
prompt: ./prompts/writer.md
tools: { read: allow, write: allow }
custom:
  rate: { run: "desk.tools:rate", timeout: 5s, idempotent: true }
skills: [style]
outputs:
  report: { path: report.json, schema: ./schemas/report.json }
done: ["${env.DESK_GOAL:-Every letter is answered.}"]
uncertainty: stop
budget: { usd: 0.10, turns: 5, wall: 5m }
"""

FILES = {
    "agentflow.yaml": "apiVersion: agentflow/v1\nkind: Project\nname: desk\ntargets: { prod: { service: anthropic } }\n",
    "writer.yaml": AGENT,
    "prompts/writer.md": "Answer the letters.\n",
    "desk/tools.py": 'def rate(text: str) -> int:\n    """Rate a text."""\n    return 1\n',
    "schemas/report.json": '{"type": "object", "required": ["total"]}\n',
    "style.yaml": "apiVersion: agentflow/v1\nkind: Skill\nname: style\nfolder: ./style\n",
    "style/SKILL.md": "---\nname: style\ndescription: How letters sound.\n---\nBe kind.\n",
    "notes/other.yaml": "services: {}\n",
}


class Said(NamedTuple):
    code: int
    text: str
    """Without the time it took."""
    recalled: bool


class Desk:
    """A project whose every check in this process is watched."""

    def __init__(self, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.root = root
        self.runs = 0
        self._capsys = capsys
        for path, text in FILES.items():
            self.write(path, text)

    def write(self, path: str, text: str) -> None:
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text, encoding="utf-8")

    def lint(self, *words: str) -> Said:
        before = self.runs
        self._capsys.readouterr()
        code = main(["lint", *words])
        shown, _ = self._capsys.readouterr()
        return Said(code, shown.rpartition(" (")[0] or shown, self.runs == before)


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where answers are kept."""
    monkeypatch.setenv("AGENTFLOW_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache" / "answers"


@pytest.fixture
def desk(
    tmp_path: Path,
    kept: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Desk:
    made = Desk(tmp_path / "outer" / "desk", capsys)
    monkeypatch.chdir(made.root)
    parsed = main_module._parsed

    def counted(*given: object) -> int:
        made.runs += 1
        return parsed(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(main_module, "_parsed", counted)
    return made


def test_what_has_not_changed_is_answered_as_before(desk: Desk) -> None:
    first, second = desk.lint(), desk.lint()
    assert not first.recalled
    assert second == first._replace(recalled=True)
    assert "3 specs in 3 files" in first.text


@pytest.mark.parametrize("words", [("--format", "json"), ("writer.yaml",), (".",), ("-t", "prod")])
def test_each_command_line_has_its_answer(desk: Desk, words: tuple[str, ...]) -> None:
    desk.lint()
    first, second = desk.lint(*words), desk.lint(*words)
    assert not first.recalled
    assert second == first._replace(recalled=True)


def _replace(path: str, old: str, new: str) -> Callable[[Desk], None]:
    def change(desk: Desk) -> None:
        text = (desk.root / path).read_text(encoding="utf-8")
        assert old in text
        desk.write(path, text.replace(old, new))

    return change


def _write(path: str, text: str) -> Callable[[Desk], None]:
    return lambda desk: desk.write(path, text)


def _remove(path: str) -> Callable[[Desk], None]:
    return lambda desk: (desk.root / path).unlink()


def _link_folder(desk: Desk) -> None:
    moved = desk.root.parent / "prompts"
    (desk.root / "prompts").rename(moved)
    (desk.root / "prompts").symlink_to(moved)


def _link_file(desk: Desk) -> None:
    moved = desk.root / "prompts" / "other.md"
    (desk.root / "prompts" / "writer.md").rename(moved)
    (desk.root / "prompts" / "writer.md").symlink_to(moved)


CHANGES: dict[str, Callable[[Desk], None]] = {
    "a spec": _replace("writer.yaml", "usd: 0.10", "usd: 0.20"),
    "a comment that suppresses": _replace(
        "writer.yaml", "tools:", "# agentflow: ignore[AF501] x\ntools:"
    ),
    "the project's lint": _write(
        "agentflow.yaml", FILES["agentflow.yaml"] + "lint: { ignore: [AF5] }\n"
    ),
    "a prompt": _write("prompts/writer.md", "Answer the letters, {{ inputs.none }}.\n"),
    "a schema": _write("schemas/report.json", '{"type": "objekt"}\n'),
    "a module": _replace("desk/tools.py", "text: str", "text: str, more: int"),
    "a module instead of the package": _write("desk/tools/__init__.py", ""),
    "a file of a skill": _write("style/more.md", "More.\n"),
    "the head of a skill": _replace("style/SKILL.md", "name: style", "name: stile"),
    "a new spec": _write("more.yaml", AGENT.replace("writer", "second", 1)),
    "a new folder with a spec": _write("deep/er/more.yaml", AGENT.replace("writer", "second", 1)),
    "a spec less": _remove("style.yaml"),
    "a prompt less": _remove("prompts/writer.md"),
    "a file that becomes a spec": _write("notes/other.yaml", AGENT.replace("writer", "second", 1)),
    "a project in between": _write("notes/agentflow.yaml", FILES["agentflow.yaml"]),
    "a folder that becomes a link": _link_folder,
    "a file that becomes a link": _link_file,
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=list(CHANGES))
def test_any_change_of_the_project_counts(desk: Desk, change: Callable[[Desk], None]) -> None:
    desk.lint()
    assert desk.lint().recalled
    change(desk)
    after = desk.lint()
    assert not after.recalled
    assert after == desk.lint("--no-cache")


def test_where_nothing_can_be_kept_nothing_is_noted(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AGENTFLOW_CACHE_DIR", os.devnull)
    assert answers.place(["lint"]) is None
    assert not desk.lint().recalled
    assert not desk.lint().recalled


def test_a_project_that_appears_nearer_counts(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(desk.root / "notes")
    desk.lint()
    assert desk.lint().recalled
    desk.write("notes/agentflow.yaml", FILES["agentflow.yaml"])
    assert not desk.lint().recalled


@pytest.mark.parametrize("value", ["Never answer.", ""])
def test_a_variable_that_a_spec_asks_for_counts(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    desk.lint()
    monkeypatch.setenv("DESK_OTHER", "x")
    assert desk.lint().recalled, "no spec asks for it"
    monkeypatch.setenv("DESK_GOAL", value)
    assert not desk.lint().recalled
    assert desk.lint().recalled
    monkeypatch.delenv("DESK_GOAL")
    assert not desk.lint().recalled


def test_colour_counts(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    desk.write("writer.yaml", AGENT.replace("stop", "guess"))
    plain = desk.lint()
    monkeypatch.setenv("FORCE_COLOR", "1")
    coloured = desk.lint()
    assert not coloured.recalled
    assert "\x1b[" in coloured.text
    assert plain.text not in coloured.text
    assert desk.lint() == coloured._replace(recalled=True)


def test_a_new_version_counts(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.lint()
    monkeypatch.setattr(answers, "__version__", "99.0.0")
    assert not desk.lint().recalled


def test_code_that_took_part_and_is_replaced_counts(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plugin = tmp_path / "plugin.py"
    plugin.write_text("RULE = 1\n", encoding="utf-8")
    module = type(sys)("plugin")
    module.__file__ = str(plugin)
    monkeypatch.setitem(sys.modules, "plugin", module)
    monkeypatch.setattr("agentflow.operations.traced._STARTED", plugin.stat().st_ctime + 60)
    desk.lint()
    assert desk.lint().recalled
    plugin.write_text("RULE = 22\n", encoding="utf-8")
    assert not desk.lint().recalled


def test_a_package_that_is_installed_counts(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packages = tmp_path / "site-packages"
    packages.mkdir()
    monkeypatch.syspath_prepend(packages)
    monkeypatch.setattr("agentflow.operations.traced._STARTED", packages.stat().st_ctime + 60)
    desk.lint()
    assert desk.lint().recalled
    (packages / "more").mkdir()
    assert not desk.lint().recalled


def test_code_replaced_during_the_run_has_no_answer(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agentflow.operations.traced._STARTED", 0.0)
    desk.lint()
    assert not desk.lint().recalled


@pytest.mark.parametrize("when", [0, 2**33], ids=["past", "future"])
def test_the_clock_does_not_count(desk: Desk, kept: Path, when: int) -> None:
    desk.lint()
    for path in (*desk.root.rglob("*"), *kept.iterdir()):
        os.utime(path, (when, when))
    assert desk.lint().recalled
    status = (desk.root / "writer.yaml").stat()
    desk.write("writer.yaml", AGENT.replace("0.10", "0.20"))
    os.utime(desk.root / "writer.yaml", ns=(status.st_atime_ns, status.st_mtime_ns))
    assert not desk.lint().recalled, "the same size and time, but another text"


def test_wanting_no_kept_answer(desk: Desk, kept: Path) -> None:
    desk.lint("--no-cache")
    assert not kept.exists()
    desk.lint()
    assert not desk.lint("--no-cache").recalled


def test_a_module_that_has_to_be_imported_is_asked_each_time(desk: Desk) -> None:
    desk.write("desk/tools.py", "import operator\nrate = operator.methodcaller('x')\n")
    desk.lint()
    desk.write(
        "desk/tools.py",
        "from functools import wraps\n\ndef keep(f):\n    @wraps(f)\n    def g(text: str) -> int:\n"
        "        'Rate.'\n        return f(text)\n    return g\n\n"
        "@keep\ndef rate(text: str) -> int:\n    'Rate.'\n    return 1\n",
    )
    desk.lint()
    assert not desk.lint().recalled


def test_a_loose_file_has_no_kept_answer(
    desk: Desk, kept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (desk.root / "agentflow.yaml").unlink()
    desk.lint("style.yaml")
    assert not kept.exists()


def test_the_answer_holds_no_secret(
    desk: Desk, kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DESK_GOAL", "goal-4711-of-the-surroundings")
    desk.write("prompts/writer.md", "The letters are the private-text-0815.\n")
    desk.write("writer.yaml", AGENT + "metadata: { token: sk-ant-api03-abcdefghijklmnopqrstuv }\n")
    assert "AF901" in desk.lint().text
    (kept_file,) = kept.iterdir()
    data = kept_file.read_bytes()
    for text in (b"4711", b"0815", b"abcdefgh"):
        assert text not in data
    assert kept_file.stat().st_mode & 0o777 == 0o600
    assert kept.stat().st_mode & 0o777 == 0o700


@settings(
    max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(data=st.data())
def test_a_damaged_answer_is_none(kept: Path, tmp_path: Path, data: st.DataObject) -> None:
    path = kept / "x"
    answer = answers.Answer(1, "2 errors ", "\n", timed=True)
    (tmp_path / "a").write_text("a", encoding="utf-8")
    facts = {("f", "9 a"): answers.digest(b"a")}
    answers.remember(str(path), answer, f"{tmp_path}/", facts)
    whole = path.read_bytes()
    found = answers.recall(str(path))
    assert found is not None
    assert (found.code, found.text(0.5)) == (1, "2 errors (500 ms)\n")
    position = data.draw(st.integers(0, len(whole) - 1))
    damaged = data.draw(
        st.sampled_from(
            [
                whole[:position],
                whole[:position] + bytes([whole[position] ^ 1]) + whole[position + 1 :],
                whole + b"x",
            ]
        )
    )
    path.write_bytes(damaged)
    assert answers.recall(str(path)) is None
    answers.remember(str(path), answer, f"{tmp_path}/", facts)
    assert path.read_bytes() == whole


def test_the_answer_to_another_command_line_is_none(kept: Path, tmp_path: Path) -> None:
    answers.remember(str(kept / "x"), answers.Answer(0, "fine"), f"{tmp_path}/", {})
    assert answers.recall(str(kept / "x")) is not None
    (kept / "x").rename(kept / "y")
    assert answers.recall(str(kept / "y")) is None


def test_where_modules_come_from_counts(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.lint()
    monkeypatch.syspath_prepend(tmp_path)
    assert not desk.lint().recalled


def test_what_a_failing_rule_leaves_out_is_looked_for_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(_: object) -> Iterator[Diagnostic]:
        raise MemoryError

    rules = (*RULES, replace(RULES[0], check=fails))
    monkeypatch.setattr("agentflow.operations.check.scan", partial(engine.scan, rules=rules))
    assert "AF093" in desk.lint().text
    assert not desk.lint().recalled


def test_a_baseline_counts(desk: Desk) -> None:
    desk.write("agentflow.yaml", FILES["agentflow.yaml"] + "lint: { baseline: ./known.json }\n")
    desk.write("writer.yaml", AGENT.replace("uncertainty: stop\n", ""))
    first = desk.lint()
    assert desk.lint().recalled
    desk.lint("--write-baseline")
    after = desk.lint()
    assert not after.recalled
    assert after.text != first.text
    assert desk.lint() == after._replace(recalled=True)
    (desk.root / "known.json").unlink()
    assert desk.lint() == first


def test_what_an_editor_has_is_checked_each_time(
    desk: Desk, kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for model in ("claude-haiku-5-5", "unheard-of"):
        text = AGENT.replace("claude-haiku-5-5", model)
        monkeypatch.setattr(sys, "stdin", TextIOWrapper(BytesIO(text.encode())))
        said = desk.lint("-", "--stdin-filename", "writer.yaml")
        assert ("unheard-of" in said.text) == (model == "unheard-of")
    assert not kept.exists()


def test_an_answer_that_others_may_write_is_none(desk: Desk, kept: Path) -> None:
    desk.lint()
    (kept_file,) = kept.iterdir()
    kept_file.chmod(0o620)
    assert not desk.lint().recalled
    assert desk.lint().recalled, "it has been written anew"


def test_no_place_for_answers_is_no_error(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    for folder in (str(tmp_path / "file"), "relative", "/proc/none"):
        monkeypatch.setenv("AGENTFLOW_CACHE_DIR", folder)
        assert desk.lint().code == 0
        assert not desk.lint().recalled
    assert not (desk.root / "relative").exists()


def test_old_answers_go(kept: Path, tmp_path: Path) -> None:
    for number in range(answers._KEPT + 5):
        path = kept / str(number)
        answers.remember(str(path), answers.Answer(0, "fine"), f"{tmp_path}/", {})
        os.utime(path, (number, number))
    answers.remember(str(kept / "last"), answers.Answer(0, "fine"), f"{tmp_path}/", {})
    left = {path.name for path in kept.iterdir()}
    assert len(left) == answers._KEPT
    assert {"last", str(answers._KEPT + 4)} <= left
    assert "0" not in left


def test_many_at_a_time_say_the_same_and_leave_a_good_answer(desk: Desk, kept: Path) -> None:
    command = [sys.executable, "-m", "agentflow", "lint"]
    environ = clean_environment()
    processes = [
        subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True) for _ in range(4)
    ]
    said = {process.communicate(timeout=120)[0].rpartition(" (")[0] for process in processes}
    assert len(said) == 1
    (kept_file,) = kept.iterdir()
    found = answers.recall(str(kept_file))
    assert found is not None
    assert found.text(0).rpartition(" (")[0] in said


def test_an_answer_given_again_imports_next_to_nothing(desk: Desk, kept: Path) -> None:
    code = (
        "import sys; before = {*sys.modules}; from agentflow.cli.main import main; "
        "main(['lint']); print(*sorted({*sys.modules} - before))"
    )
    command = [sys.executable, "-c", code]
    environ = clean_environment()
    subprocess.run(command, env=environ, capture_output=True, check=True)
    said = subprocess.run(command, env=environ, capture_output=True, text=True, check=True).stdout
    loaded = set(said.splitlines()[-1].split())
    assert {name for name in loaded if name.startswith("agentflow")} == {
        *("agentflow", "agentflow.cli", "agentflow.cli.main"),
        *("agentflow.operations", "agentflow.operations.answers", "agentflow.digests"),
    }
    absent = {"argparse", "dataclasses", "hashlib", "typing", "json", "pydantic", "tempfile"}
    assert not loaded & absent


STEPS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(sorted(FILES)), st.sampled_from(["", "x: 1\n", "# a\n"])),
        st.tuples(st.sampled_from(sorted(FILES)), st.none()),
        st.tuples(st.just("new.yaml"), st.just(AGENT.replace("writer", "second", 1))),
    ),
    max_size=4,
)


@settings(
    max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(steps=STEPS)
def test_a_kept_answer_is_what_a_check_would_say(
    desk: Desk, steps: list[tuple[str, str | None]]
) -> None:
    """`steps`: what is appended to a file. None: it is removed."""
    shutil.rmtree(desk.root)
    desk.root.mkdir()
    os.chdir(desk.root)
    for path, text in FILES.items():
        desk.write(path, text)
    for path, more in steps:
        file = desk.root / path
        if more is None:
            file.unlink(missing_ok=True)
        else:
            old = file.read_text(encoding="utf-8") if file.exists() else ""
            desk.write(path, old + more)
        if (desk.root / "agentflow.yaml").exists():
            truth = desk.lint("--no-cache")
            assert desk.lint()[:2] == truth[:2]
            assert desk.lint()[:2] == truth[:2]
