"""Plugins as they are installed: found by name, imported only then, and run by every command."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agentflow.cli.main import main
from tests.support.cli import ROOT, agentflow, clean_environment
from tests.support.plugins import HEAD, forgotten, install, rule_source

AGENT = """\
kind: Agent
name: a
model: claude-opus-5-5
prompt: Work.
done: [Every order is in the report.]
uncertainty: assume
budget: { usd: 1 }
outputs: { r: { path: r.md } }
tools: { write: allow }
"""
RULES = HEAD + rule_source() + "RULES = (it,)\n"
EXAMPLE = ROOT / "docs/plugin-example"

Lint = Callable[..., tuple[int, str, str]]


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A directory of `sys.path`, as one that packages are installed into."""
    path = tmp_path / "site"
    path.mkdir()
    monkeypatch.syspath_prepend(path)
    with forgotten():
        yield path


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "project"
    path.mkdir()
    write(path, "plugins: [acme-rules]")
    monkeypatch.chdir(path)
    return path


def write(root: Path, settings: str, agent: str = AGENT) -> None:
    head = f"apiVersion: agentflow/v1\nkind: Project\nname: p\nlint: {{ {settings} }}\n---\n"
    (root / "agentflow.yaml").write_text(head + agent, encoding="utf-8")


@pytest.fixture
def lint(root: Path, site: Path, capsys: pytest.CaptureFixture[str]) -> Lint:
    """Runs `agentflow lint` there; exit code, output and errors."""

    def run(*words: str) -> tuple[int, str, str]:
        code = main(["lint", *words])
        told = capsys.readouterr()
        return code, told.out, told.err

    return run


def acme(site: Path, source: str = RULES, **more: str) -> None:
    install(site, "Acme.Rules", {"acme_rules": source}, {"acme": "acme_rules"}, **more)


# What a project names


@pytest.mark.parametrize("name", ["acme-rules", "Acme.Rules", "acme_rules", "ACME--rules", "acme"])
def test_a_plugin_is_named_by_its_distribution_or_its_entry_point(
    lint: Lint, site: Path, root: Path, name: str
) -> None:
    acme(site)
    write(root, f"plugins: [{name}]")
    code, out, _ = lint()
    assert code == 0
    assert "warning[ACME001 no-owner] Nobody owns a." in out
    assert "agentflow.yaml:7:7: " in out


def test_one_entry_point_of_several(lint: Lint, site: Path, root: Path) -> None:
    modules = {"one": RULES, "two": RULES.replace("ACME001", "ZED001").replace("no-o", "o")}
    install(site, "acme-rules", modules, {"first": "one:it", "second": "two"})
    write(root, "plugins: [second]")
    assert "ZED001" in lint()[1]
    assert "ACME001" not in lint()[1]
    write(root, "plugins: [acme-rules, first]")
    _, out, _ = lint()
    assert out.count("ZED001") == out.count("ACME001") == 1


def test_what_is_installed_and_not_named_is_not_imported(
    lint: Lint, site: Path, root: Path
) -> None:
    acme(site, "raise SystemExit('imported')\n")
    write(root, "level: regular")
    assert "no problems" in lint()[1]
    assert "acme_rules" not in sys.modules


def test_a_project_without_plugins_does_not_even_look_for_them(root: Path) -> None:
    write(root, "level: regular")
    script = (
        "import sys; from agentflow.cli.main import main; main(['lint', '--no-cache'])\n"
        "print([name for name in sys.modules if 'plugins' in name and name.startswith('agentflow')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=root
    )
    assert done.stdout.endswith("\n[]\n")


UNKNOWN = [
    ("acme-rule", "No plugin 'acme-rule' is installed.", "Did you mean 'acme-rules'?"),
    ("acne", "No plugin 'acne' is installed.", "Did you mean 'acme'?"),
    ("bananas", "No plugin 'bananas' is installed.", "Install it where agentflow is installed"),
    (
        "pydantic",
        "'pydantic' is installed, but it brings no rules for agentflow.",
        "agentflow.rules",
    ),
]


@pytest.mark.parametrize(("name", "message", "hint"), UNKNOWN)
def test_a_plugin_that_is_not_there(
    lint: Lint, site: Path, root: Path, name: str, message: str, hint: str
) -> None:
    install(site, "acme-rules", {"acme_rules": RULES}, {"acme": "acme_rules"})
    write(root, f"plugins: [{name}]")
    code, out, _ = lint()
    assert code == 1
    assert f"agentflow.yaml:4:19: error[AF097 unusable-plugin] {message}" in out
    assert hint in out


@pytest.mark.parametrize("name", ["./rules.py", "rules/", "'-acme'", "'acme[x]'", "'a b'"])
def test_a_file_is_no_plugin(lint: Lint, root: Path, name: str) -> None:
    (root / "rules.py").write_text("raise SystemExit('imported')\n", encoding="utf-8")
    write(root, f"plugins: [{name}]")
    code, out, _ = lint()
    assert code == 1
    assert "agentflow.yaml:4:19: error[AF" in out
    assert "A file of the project is no plugin: lint would run it." in out


def test_two_distributions_with_one_entry_point(lint: Lint, site: Path, root: Path) -> None:
    install(site, "acme-rules", {"one": RULES}, {"rules": "one"})
    install(site, "zed-rules", {"two": RULES}, {"rules": "two"}, version="3")
    write(root, "plugins: [rules]")
    _, out, _ = lint()
    assert "acme-rules 1.0 and zed-rules 3 both have a plugin 'rules'." in out
    assert "Name the distribution instead." in out


def test_two_distributions_with_one_code(lint: Lint, site: Path, root: Path) -> None:
    install(site, "acme-rules", {"one": RULES}, {"one": "one"})
    install(site, "zed-rules", {"two": RULES}, {"two": "two"})
    write(root, "plugins: [acme-rules, zed-rules]")
    code, out, _ = lint()
    assert code == 1
    assert "Not all of zed-rules 1.0 can be used" in out
    assert "acme-rules 1.0 has a rule ACME001 too" in out
    assert out.count("ACME001 no-owner") == 1


BROKEN = [
    ("import nothing_like_it", "ModuleNotFoundError: No module named 'nothing_like_it'"),
    ("raise SystemExit(0)", "SystemExit: 0"),
    ("1 / 0", "ZeroDivisionError: division by zero"),
    ("def (", "SyntaxError: "),
    (
        f"{HEAD}@rule('ACME001', 'x', Severity.INFO)\ndef it(ctx): ...",
        "ValueError: The docstring of",
    ),
]


@pytest.mark.parametrize(("source", "told"), BROKEN, ids=[told[:12] for _, told in BROKEN])
def test_a_plugin_that_cannot_be_imported(lint: Lint, site: Path, source: str, told: str) -> None:
    acme(site, source)
    code, out, _ = lint()
    assert code == 1
    assert f"error[AF097 unusable-plugin] Acme.Rules 1.0 cannot be loaded: {told}" in out
    assert "this is a bug in Acme.Rules" in out


def test_an_entry_point_that_names_nothing(lint: Lint, site: Path) -> None:
    install(site, "acme-rules", {"acme_rules": RULES}, {"acme": "acme_rules:gone"})
    assert "acme-rules 1.0 cannot be loaded: AttributeError" in lint()[1]


def test_damage_in_another_distribution_does_not_matter(lint: Lint, site: Path) -> None:
    acme(site)
    install(site, "other", {}, {})
    [points] = site.glob("other*/entry_points.txt")
    points.write_bytes(b"\xff\xfe[agentflow.rules\n==\n")
    install(site, "nameless", {}, {"x": "y"})
    [metadata] = site.glob("nameless*/METADATA")
    metadata.write_text("Metadata-Version: 2.1\n", encoding="utf-8")
    assert "ACME001" in lint()[1]


def test_of_two_versions_the_one_that_is_imported(
    lint: Lint, site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    acme(site, "raise SystemExit('imported')\n")
    newer = tmp_path / "newer"
    newer.mkdir()
    acme(newer, version="2.0")
    monkeypatch.syspath_prepend(newer)
    code, out, _ = lint()
    assert code == 0
    assert out.count("ACME001") == 1


# What is run


def test_what_a_plugin_prints_is_no_part_of_the_answer(lint: Lint, site: Path) -> None:
    body = "print('while it runs')\nyield from ()"
    acme(site, f"print('on import')\n{HEAD}{rule_source(body=body)}RULES = it\n")
    code, out, err = lint("--format", "json")
    assert code == 0
    assert json.loads(out)["problems"] == []
    assert err == "on import\nwhile it runs\n"


def test_a_rule_that_fails_is_a_bug_of_its_distribution(lint: Lint, site: Path) -> None:
    acme(site, HEAD + rule_source(body="yield 1 / 0") + "RULES = it\n")
    code, out, _ = lint()
    assert code == 1
    assert "error[AF098 plugin-failed] Rule ACME001 (no-owner) failed with ZeroDivisionError" in out
    assert "This is a bug in Acme.Rules 1.0, not in agentflow." in out
    assert "no problems" in lint("--ignore", "ACME001")[1]


@pytest.mark.parametrize(
    "place", ["Span('gone.yaml', 1, 1, 1, 2)", "Span('/etc/passwd', 1, 1, 1, 2)",
              "Span('../x', 1, 1, 1, 2)", "Span('agentflow.yaml', 10**9, 10**9, 10**9, 10**9)",
              "Span('agentflow.yaml', 1, 1, 10**9, 1)", "Span('a\\0b', 1, 1, 1, 1)", "None"],
)  # fmt: skip
@pytest.mark.parametrize("form", ["human", "json", "sarif", "github"])
def test_a_place_that_is_none_breaks_nothing(lint: Lint, site: Path, place: str, form: str) -> None:
    acme(site, HEAD + rule_source(body=f"yield ctx.problem({place}, 'It.')") + "RULES = it\n")
    code, out, _ = lint("--format", form)
    assert code == 0
    assert "ACME001" in out
    assert "root:" not in out


def test_modules_beside_the_project_are_not_plugins(root: Path, tmp_path: Path) -> None:
    """`python -m` looks for modules in the working directory first."""
    acme(root, "raise SystemExit('imported')\n")
    done = agentflow("lint", "--no-cache", cwd=root)
    assert "No plugin 'acme-rules' is installed." in done.stdout
    site = tmp_path / "installed"
    site.mkdir()
    acme(site)
    done = agentflow("lint", "--no-cache", cwd=root, environ={"PYTHONPATH": str(site)})
    assert "ACME001" in done.stdout
    assert "imported" not in done.stdout + done.stderr


def test_plugins_count_before_anything_is_done(
    root: Path, site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    acme(site, (HEAD + rule_source() + "RULES = it\n").replace("WARNING", "ERROR"))
    assert main(["plan"]) == 1
    assert "ACME001" in capsys.readouterr().err


MISFITS = [
    "Edit(Span('agentflow.yaml', 10**9, 1, 10**9, 2), 'x')",
    "Edit(Span('agentflow.yaml', 7, 90, 7, 99), 'x')",
    "Edit(Span('gone.yaml', 1, 1, 1, 2), 'x')",
    "Edit(Span('/etc/passwd', 1, 1, 1, 2), 'x')",
    "Edit(Span('../project/agentflow.yaml', 1, 1, 1, 2), 'x')",
    "Edit(Span('agentflow.yaml', 7, 1, 7, 5), 'x'), Edit(Span('agentflow.yaml', 7, 2, 7, 6), 'y')",
    "Edit(Span('agentflow.yaml', 7, 7, 7, 8), chr(0xd800))",
]


def fixing(edits: str) -> str:
    body = f"yield ctx.problem(None, 'It.', fix=Fix('Rename', ({edits},), safe=True))"
    return HEAD + rule_source(body=body) + "RULES = it\n"


@pytest.mark.parametrize("edits", MISFITS)
@pytest.mark.parametrize("words", [[], ["--fix"], ["--diff"], ["--format", "sarif"]])
def test_a_fix_that_fits_nowhere_is_a_bug_of_the_plugin(
    lint: Lint, site: Path, root: Path, edits: str, words: list[str]
) -> None:
    acme(site, fixing(edits))
    before = (root / "agentflow.yaml").read_bytes()
    code, out, err = lint(*words)
    assert code in (0, 1)
    assert (root / "agentflow.yaml").read_bytes() == before
    if "--diff" not in words:
        assert "yielded a fix for places that are not in" in out
        assert "This is a bug in Acme.Rules 1.0" in out
    assert "bug in agentflow." not in (out + err).replace("not in agentflow.", "")


def test_a_fix_of_a_plugin_is_made(lint: Lint, site: Path, root: Path) -> None:
    body = (
        "for agent in ctx.agents:\n"
        "    if agent.spec.name == 'a':\n"
        "        fix = Fix('Rename', (Edit(agent.span('name'), 'b'),), safe=True)\n"
        "        yield ctx.problem(agent.span('name'), 'It is a.', fix=fix)"
    )
    acme(site, HEAD + rule_source(body=body) + "RULES = it\n")
    lint("--fix", "--no-plugins")
    assert "name: a\n" in (root / "agentflow.yaml").read_text(encoding="utf-8")
    code, _, _ = lint("--fix")
    assert code == 0
    assert "name: b\n" in (root / "agentflow.yaml").read_text(encoding="utf-8")


# Choosing among them


@pytest.mark.parametrize(
    ("words", "reported"),
    [
        (["--select", "ACME"], True),
        (["--select", "ACME001"], True),
        (["--select", "no-owner"], True),
        (["--select", "AF5"], False),
        (["--ignore", "no-owner"], False),
        (["--ignore", "ACME0"], False),
        (["--no-plugins"], False),
        (["--no-plugins", "--select", "ACME001,no-owner"], False),
    ],
)
def test_the_command_line_chooses(lint: Lint, site: Path, words: list[str], reported: bool) -> None:
    acme(site)
    code, out, _ = lint(*words)
    assert code == 0
    assert ("ACME001" in out) is reported


@pytest.mark.parametrize("option", ["--select", "--ignore", "--extend-select"])
@pytest.mark.parametrize(
    ("entry", "hint"),
    [
        ("ACME009", "Did you mean 'ACME001'?"),
        ("no-owners", "'no-owner'"),
        ("ACM", ""),
        ("AF999", ""),
    ],
)
def test_a_code_that_no_plugin_has(
    lint: Lint, site: Path, option: str, entry: str, hint: str
) -> None:
    acme(site)
    code, out, err = lint(option, entry)
    assert (code, out) == (2, "")
    assert f"{option}: there is no code {entry!r}." in err
    assert hint in err


@pytest.mark.parametrize(
    ("settings", "shown"),
    [
        ("severity: { ACME001: error }", "error[ACME001"),
        ("severity: { no-owner: info }", "info[ACME001"),
        ("severity: { ACME: 'off' }", None),
        ("ignore: [ACME001]", None),
        ("ignore: [no-owner]", None),
        ("select: [ACME]", "warning[ACME001"),
        ("paths: { 'agentflow.yaml': { ignore: [ACME] } }", None),
        ("paths: { 'other': { ignore: [ACME] } }", "warning[ACME001"),
        ("level: strict", "warning[ACME001"),
    ],
)
def test_the_project_chooses(
    lint: Lint, site: Path, root: Path, settings: str, shown: str | None
) -> None:
    acme(site)
    write(root, f"plugins: [acme], {settings}")
    _, out, _ = lint()
    assert "AF092" not in out
    assert (shown in out) if shown else ("ACME001" not in out)


def test_a_rule_has_its_level(lint: Lint, site: Path) -> None:
    acme(site, RULES.replace("Severity.WARNING", "Severity.WARNING, level=Level.STRICT"))
    assert "ACME001" not in lint()[1]
    assert "ACME001" in lint("--level", "strict")[1]
    assert "ACME001" in lint("--extend-select", "no-owner")[1]


def test_a_comment_suppresses(lint: Lint, site: Path, root: Path) -> None:
    acme(site)
    agent = AGENT.replace("name: a", "name: a # agentflow: ignore[ACME001] nobody does")
    write(root, "plugins: [acme]", agent)
    assert "no problems" in lint()[1]
    assert "no problems" in lint("--no-plugins")[1]
    write(root, "plugins: [gone]", agent)
    assert "AF092" not in lint()[1]
    write(root, "plugins: []", agent)
    assert "There is no code 'ACME001'." in lint()[1]


def test_a_baseline_knows_findings_of_plugins(lint: Lint, site: Path, root: Path) -> None:
    acme(site)
    write(root, "plugins: [acme], baseline: known.json")
    assert "knows 1 finding." in lint("--write-baseline")[1]
    assert "no problems" in lint()[1]
    assert "no problems" in lint("--no-plugins")[1]
    before = (root / "known.json").read_bytes()
    code, _, err = lint("--write-baseline", "--no-plugins")
    assert code == 2
    assert "Not all plugins of the project have run" in err
    assert (root / "known.json").read_bytes() == before
    write(root, "plugins: [], baseline: known.json")
    assert "ACME001 in 'agent/a name' is found no longer." in lint()[1]


def test_an_answer_of_plugins_is_not_kept(root: Path, tmp_path: Path) -> None:
    """They may look at anything; this one at a file that nobody else reads."""
    site = tmp_path / "installed"
    site.mkdir()
    body = "yield ctx.problem(None, open('/dev/stdin').read())"
    acme(site, HEAD + rule_source(body=body) + "RULES = it\n")
    environ = {"PYTHONPATH": str(site), "AGENTFLOW_CACHE_DIR": str(tmp_path / "cache")}
    for said in ("first", "second"):
        done = agentflow("lint", cwd=root, environ=environ, stdin=said)
        assert said in done.stdout


def test_statistics_count_them(lint: Lint, site: Path) -> None:
    acme(site)
    assert lint("--statistics")[1].startswith("1  ACME001  no-owner  warning\n")


def test_sarif_names_the_plugin(lint: Lint, site: Path, root: Path) -> None:
    acme(site)
    install(site, "zed", {"zed": f"{HEAD}{rule_source('ZED001', 'z')}"}, {"z": "zed:it"})
    write(root, "plugins: [acme, zed]", AGENT.replace("budget: { usd: 1 }\n", ""))
    _, out, _ = lint("--format", "sarif")
    [run] = json.loads(out)["runs"]
    tool = run["tool"]
    assert [rule["id"] for rule in tool["driver"]["rules"]] == ["AF801"]
    assert [
        (part["name"], part["version"], [rule["id"] for rule in part["rules"]])
        for part in tool["extensions"]
    ] == [("Acme.Rules", "1.0", ["ACME001"]), ("zed", "1.0", ["ZED001"])]
    for result in run["results"]:
        if result["ruleId"] == "AF801":
            assert tool["driver"]["rules"][result["ruleIndex"]]["id"] == "AF801"
            assert "rule" not in result
        else:
            named = result["rule"]
            extension = tool["extensions"][named["toolComponent"]["index"]]
            assert extension["rules"][named["index"]]["id"] == named["id"] == result["ruleId"]
            assert "ruleIndex" not in result


def test_findings_of_plugins_fit_the_schema(lint: Lint, site: Path) -> None:
    from jsonschema import Draft202012Validator

    acme(site)
    schema = json.loads((ROOT / "schemas/diagnostics.json").read_text(encoding="utf-8"))
    _, out, _ = lint("--format", "json", "--statistics")
    data = json.loads(out)
    assert [problem["code"] for problem in data["problems"]] == ["ACME001"]
    assert list(Draft202012Validator(schema).iter_errors(data)) == []


def test_one_file_on_standard_input(
    lint: Lint, site: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    acme(site)
    data = (root / "agentflow.yaml").read_bytes()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
    assert "ACME001" in lint("-", "--stdin-filename", "agentflow.yaml")[1]


# Their pages


@pytest.fixture
def told(root: Path, site: Path, capsys: pytest.CaptureFixture[str]) -> Lint:
    """Runs `agentflow explain` there."""

    def run(*words: str) -> tuple[int, str, str]:
        code = main(["explain", *words])
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


@pytest.mark.parametrize("word", ["ACME001", "acme001", "no-owner"])
def test_a_code_of_a_plugin_has_a_page(told: Lint, site: Path, word: str) -> None:
    acme(site)
    code, out, err = told(word)
    assert (code, err) == (0, "")
    assert out.startswith("ACME001 no-owner (warning, high confidence, of Acme.Rules 1.0)\n")
    assert "# agentflow: ignore[ACME001]" in out


def test_the_family_of_a_plugin_and_the_lists_have_its_codes(told: Lint, site: Path) -> None:
    acme(site)
    assert told("acme")[1].startswith("ACME: Acme.Rules 1.0\nACME001  no-owner ")
    index = told()[1]
    assert index.endswith("An agent has no owner.\n")
    assert "\nACME: Acme.Rules 1.0\n" in index
    assert "\nACME001 no-owner (" in told("--all")[1]
    assert told("ACME", "--all")[1] == told("ACME001")[1]


def test_codes_of_plugins_as_data(told: Lint, site: Path) -> None:
    from jsonschema import Draft202012Validator

    acme(site)
    schema = json.loads((ROOT / "schemas/catalogue.json").read_text(encoding="utf-8"))
    own = json.loads((ROOT / "schemas/rules.json").read_text(encoding="utf-8"))
    data = json.loads(told("--all", "--format", "json")[1])
    assert list(Draft202012Validator(schema).iter_errors(data)) == []
    [added] = [entry for entry in data["codes"] if entry not in own["codes"]]
    assert (added["code"], added["family"], added["plugin"]) == (
        "ACME001",
        "ACME",
        "Acme.Rules 1.0",
    )
    assert json.loads(told("no-owner", "--format", "json")[1])["codes"] == [added]


def test_our_own_codes_are_explained_without_a_look_at_plugins(told: Lint, site: Path) -> None:
    acme(site, "raise SystemExit('imported')\n")
    assert told("AF501")[0] == 0
    assert told("AF5")[0] == 0
    assert "acme_rules" not in sys.modules


def test_what_no_plugin_explains(told: Lint, site: Path, root: Path) -> None:
    acme(site)
    code, out, err = told("ACME002")
    assert (code, out) == (2, "")
    assert "There is no code 'ACME002'." in err
    assert "Did you mean 'ACME001'?" in err
    write(root, "plugins: [gone]")
    code, out, err = told("ACME001")
    assert code == 2
    assert "No plugin 'gone' is installed." in err
    (root / "agentflow.yaml").write_text("nonsense", encoding="utf-8")
    assert told("ACME001")[0] == 2
    assert told("AF501")[0] == 0


def test_without_a_project_there_are_no_plugins(told: Lint, site: Path, tmp_path: Path) -> None:
    acme(site)
    (tmp_path / "empty").mkdir()
    assert told("ACME001", "-C", str(tmp_path / "empty"))[0] == 2
    assert told("ACME001", "-C", str(tmp_path / "project"))[0] == 0
    assert told("AF501", "-C", str(tmp_path / "nowhere"))[0] == 2


# The example of the documentation


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example, installed as a user does, without network."""
    import shutil

    folder = tmp_path_factory.mktemp("example")
    shutil.copytree(EXAMPLE, folder / "source", ignore=shutil.ignore_patterns("__pycache__"))
    words = "install --quiet --disable-pip-version-check --no-index --no-deps --no-build-isolation"
    subprocess.run(
        [sys.executable, "-m", "pip", *words.split(), "--target", "site", "./source"],
        check=True,
        cwd=folder,
        env=clean_environment({"PIP_CONFIG_FILE": os.devnull}),
    )
    return folder / "site"


def test_the_example_is_installed_and_run(installed: Path, root: Path) -> None:
    write(root, "plugins: [acme-rules]", AGENT.replace("Work.", "Ask wiki.corp.acme.example."))
    environ = {"PYTHONPATH": str(installed)}
    done = agentflow("lint", cwd=root, environ=environ)
    assert done.returncode == 1
    assert "agentflow.yaml:9:13: error[ACME001 internal-host] The prompt of agent 'a' names" in (
        done.stdout
    )
    assert done.stderr == ""
    assert agentflow("lint", "--ignore", "ACME", cwd=root, environ=environ).returncode == 0


def test_the_tests_of_the_example_pass(installed: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir=.", "tests"],
        cwd=installed.parent / "source",
        env=clean_environment({"PYTHONPATH": str(installed)}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "2 passed" in done.stdout
