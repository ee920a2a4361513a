"""What fixes write: exactly what they say, the finding is gone, and no error is there that was not."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentflow.diagnostics import Code, Diagnostic, Edit, Fix, Severity, Span
from agentflow.lint.fixes import Workshop, fix_all
from agentflow.lint.mends import MENDS
from agentflow.lint.registry import RULES
from agentflow.source.edits import apply_edits
from agentflow.source.text import SourceText
from tests.lint.fixing import fixed, told, whole
from tests.lint.support import PROJECT
from tests.support.bad_input import CASES, BadInput

HEAD = "apiVersion: agentflow/v1\nkind: Agent\nname: a\nmodel: claude-opus-5-5\nprompt: Work.\n"
BOX = "apiVersion: agentflow/v1\nkind: Environment\nname: box\n"
DEPLOYED = "---\nkind: Deployment\nname: d\nagent: a\nenvironment: id:env_1\ntask: Go.\nbudget: { usd: 1 }\n"
FLOW = (
    "apiVersion: agentflow/v1\nkind: Flow\nname: f\nbudget: { usd: 1 }\nsteps:\n"
    "  one: { approve: { message: Go on. } }\n  two: { approve: { message: Sure. }, needs: [onee] }\n"
)

WRITTEN: list[tuple[str, str, str, str]] = [
    # code, file or the fields of an agent, what is replaced in it, and by what
    ("AF091", "name: a # agentflow: ignore[AF503, AF802] x", ", AF802", ""),
    ("AF091", "name: a # agentflow: ignore[AF802,AF503] x", "AF802,", ""),
    ("AF091", "name: a # agentflow: ignore[AF802] x", " # agentflow: ignore[AF802] x", ""),
    (
        "AF091",
        "# agentflow: ignore[AF802] x\nuncertainty: stop",
        "# agentflow: ignore[AF802] x\n",
        "",
    ),
    (
        "AF091",
        "task: 'Go. {# agentflow: ignore[AF506] x #}'",
        "{# agentflow: ignore[AF506] x #}",
        "",
    ),
    ("AF092", "name: a # agentflow: ignore[no-outputs] x", "no-outputs", "AF503"),
    ("AF092", "name: a # agentflow: ignore[AF5O3] x", "AF5O3", "AF503"),
    ("AF103", BOX, "knd", "kind"),
    ("AF112", "description: 1.10", "1.10", '"1.10"'),
    ("AF112", "metadata: { build: 0x1f }", "0x1f", '"0x1f"'),
    ("AF112", "custom: { p: { run: 'desk.tools:pay', idempotent: 'yes' } }", "'yes'", "true"),
    ("AF112", "raw: {}\nrepair: '1' # often", "'1'", "1"),
    (
        "AF151",
        "tools: { web_fetch: { policy: allow, domains: [b.dev, 'HTTPS://a.dev/'] } }",
        "HTTPS://a.dev/",
        "a.dev",
    ),
    ("AF152", BOX + "network: { hosts: ['https://a.dev/', b.dev] }\n", "https://a.dev/", "a.dev"),
    ("AF152", BOX + "network:\n  hosts:\n    - 'a.dev:443' # api\n", "a.dev:443", "a.dev"),
    ("AF280", FLOW, "onee", "one"),
    ("AF307", "vars: { x: { default: y } }\ntask: 'Go {{ vars.x | uper }}.'", "uper", "upper"),
    (
        "AF312",
        '---\nkind: Fragment\nname: r\nparams: { level: { default: low } }\ntext: Be {{ params.level }}.\n---\nkind: Agent\nname: b\nmodel: claude-opus-5-5\nprompt: \'{{ fragment("r", levl="low") }}\'',
        "levl",
        "level",
    ),
    (
        "AF508",
        "inputs:\n  day: { type: string }\n  region: { type: string } # where\n\ntask: Go {{ inputs.day }}.",
        "  region: { type: string } # where\n",
        "",
    ),
    (
        "AF508",
        "inputs: { region: { type: string } }\ntask: Go.",
        "inputs: { region: { type: string } }\n",
        "",
    ),
    (
        "AF520",
        "vars: { x: { default: y } }\ndone: ['All of {{ vars.x }} is there.']",
        "{{ vars.x }}",
        "${var.x}",
    ),
    (
        "AF618",
        "custom: { pay: { run: 'desk.tools:pay', idempotent: true } } # twice",
        "true",
        "false",
    ),
    (
        "AF621",
        "memory: [{ store: 'id:memstore_1', access: read_write }]",
        "read_write",
        "read_only",
    ),
    (
        "AF626",
        "custom: { pay: { run: 'desk.tools:pay' } }\ntask: Call the tool `pays` now.",
        "pays",
        "pay",
    ),
    ("AF610", "---\nkind: Skill\nname: s\nanthropic: xslx", "xslx", "xlsx"),
    ("AF703", BOX + "network: { hosts: ['*.a.dev'] }\n", "'*.a.dev'", "'*.a.dev', a.dev"),
    (
        "AF703",
        BOX + "network:\n  hosts:\n    - '*.a.dev' # all\n",
        "# all\n",
        "# all\n    - a.dev\n",
    ),
    ("AF703", BOX + "network:\n  hosts:\n  - '*.a.dev'", "'*.a.dev'", "'*.a.dev'\n  - a.dev"),
    ("AF709", BOX + "network: { hosts: [x.a.dev, '*.a.dev', a.dev] }\n", "x.a.dev, ", ""),
    ("AF709", BOX + "network: { hosts: [a.dev, b.dev, a.dev] }\n", ", a.dev]", "]"),
    (
        "AF709",
        BOX + "network:\n  hosts:\n  - a.dev\n  # again\n  - A.dev # ?\n",
        "  - A.dev # ?\n",
        "",
    ),
    ("AF803", "model: claude-opus-5.5", "5.5", "5-5"),
    ("AF804", "model: { id: 'claude-2.1' }", "claude-2.1", "claude-sonnet-5-5"),
    ("AF805", "model: claude-sonnet-4-5 # soon", "claude-sonnet-4-5", "claude-sonnet-5-5"),
    ("AF907", "description: 'Sells\u200b things'", "\u200b", ""),
    ("AF907", "description: 'Sells\u202e things'", "\u202e", ""),
    ("AF912", 'mcp: { crm: { url: "http://crm.dev" } }', "http:", "https:"),
    ("AF1009", DEPLOYED.replace("agent: a", "agent: 'a@3'"), "a@3", "a"),
    (
        "AF1015",
        "apiVersion: agentflow/v1\nkind: Flow\nname: f\nsteps: { o: { approve: { message: Go on, on_timeout: approve } } }\n",
        "on_timeout: approve",
        "on_timeout: stop",
    ),
    (
        "AF1007",
        "---\nkind: Policy\nname: house\nchecks:\n  rule: { message: Ask., applies: [agent/aa], require: [prompt] }",
        "agent/aa",
        "agent/a",
    ),
    (
        "AF710",
        "environment: box\n---\nkind: Environment\nname: box\nnetwork: { packages: true, hosts: [a.dev] }",
        "packages: true, ",
        "",
    ),
    (
        "AF711",
        "environment: box\n---\nkind: Environment\nname: box\nnetwork:\n  hosts: [a.dev]\n  mcp: inferred\n",
        "  mcp: inferred\n",
        "",
    ),
]
"""Beside those of the table of bad input."""


def _project(code: str, text: str, old: str) -> dict[str, str]:
    if code == "AF103":
        text = text.replace("kind", old)
    if text.startswith("apiVersion"):
        return whole({"a.yaml": text})
    keys = {line.split(":")[0] for line in text.split("---")[0].splitlines()}
    head = "".join(f"{line}\n" for line in HEAD.splitlines() if line.split(":")[0] not in keys)
    return whole({"a.yaml": f"{head}{text}" if text.startswith("---") else f"{head}{text}\n"})


def _errors(found: tuple[Diagnostic, ...]) -> Counter[tuple[str, str]]:
    return Counter((p.code, p.message) for p in found if p.severity is Severity.ERROR)


@pytest.mark.parametrize(("code", "text", "old", "new"), WRITTEN)
def test_a_fix_writes_what_is_meant_and_nothing_else(
    code: str, text: str, old: str, new: str
) -> None:
    files = _project(code, text, old)
    before = told(files)
    assert code in {p.code for p in before}, [p.message for p in before]
    done = fixed(files, codes=[code])
    assert done.texts == {"a.yaml": files["a.yaml"].replace(old, new, 1)}
    after = told({**files, **done.texts})
    assert code not in {p.code for p in after}
    assert [p.code for p in done.fixed] == [code]
    assert done.fixed[0].fix is not None
    assert MENDS[code].safety in (("safe" if done.fixed[0].fix.safe else "unsafe"), "depends")
    if code >= "AF5" or code.startswith("AF10"):
        assert not _errors(after) - _errors(before)


PROJECTS = [
    (
        "AF510",
        "vars:\n  company: { default: x }\n  other: { default: y } # why\n",
        "  other: { default: y } # why\n",
    ),
    ("AF903", "secrets: { crm: 'env:CRM', 'old': 'env:OLD' }\n", ", 'old': 'env:OLD'"),
]


@pytest.mark.parametrize(("code", "fields", "cut"), PROJECTS)
def test_what_nothing_uses_goes_from_the_project(code: str, fields: str, cut: str) -> None:
    vault = "apiVersion: agentflow/v1\nkind: Vault\nname: v\ncredentials:\n"
    vault += '  c: { url: "https://a.dev", bearer: "${secret.crm}" }\n'
    agent = HEAD.replace("Work.", '"{{ vars.company }}"') if "vars" in fields else HEAD
    files = {"agentflow.yaml": PROJECT + fields, "a.yaml": agent}
    if "secrets" in fields:
        files["v.yaml"] = vault
    done = fixed(files, codes=[code])
    assert done.texts == {"agentflow.yaml": files["agentflow.yaml"].replace(cut, "", 1)}
    assert fixed({**files, **done.texts}, codes=[code]).texts == {}


TEXT_CASES = [
    case
    for case in CASES
    if case.prepare is None and not any(isinstance(text, bytes) for text in case.files.values())
]


def _texts(case: BadInput) -> dict[str, str]:
    return whole({path: str(text) for path, text in case.files.items()})


@pytest.mark.parametrize("case", TEXT_CASES, ids=lambda case: case.id)
def test_every_fix_of_bad_input_is_in_the_table_and_mends(case: BadInput) -> None:
    files, target = _texts(case), case.target
    before = told(files, target=target)
    for problem in before:
        if problem.fix is not None:
            safety = "safe" if problem.fix.safe else "unsafe"
            assert MENDS[problem.code].safety in (safety, "depends")
    done = fixed(files, target=target)
    assert done.quarrel is None
    if done.fixed:
        again = {**files, **done.texts}
        assert fixed(again, target=target).texts == {}
        left = Counter(p.code for p in told(again, target=target))
        for code in {p.code for p in done.fixed}:
            assert left[code] < Counter(p.code for p in before)[code] or code not in left


def test_every_entry_of_the_table_has_a_case() -> None:
    cases = {code for code, *_ in (*WRITTEN, *PROJECTS)}
    cases |= {
        case.code
        for case in TEXT_CASES
        if any(p.code == case.code and p.fix for p in told(_texts(case), target=case.target))
    }
    assert cases == set(MENDS)


# Laws

BAD = [rule.bad for rule in RULES]


def _fixes(files: Mapping[str, str]) -> list[Fix]:
    return [p.fix for p in told(files) if p.fix is not None]


def _file_of(text: str) -> str:
    return "agentflow.yaml" if re.search("^kind: Project$", text, re.M) else "a.yaml"


@st.composite
def _spellings(draw: st.DrawFn) -> str:
    """A rule's Bad with other line endings, more comments, or without its last line break."""
    text = draw(st.sampled_from(BAD))
    if draw(st.booleans()):
        text = re.sub(r"(?m)^(name|model): ([\w.-]+)$", r'\1: "\2"  # ü 😀', text)
    if draw(st.booleans()):
        text = text.rstrip("\n")
    return draw(st.sampled_from([text, text.replace("\n", "\r\n")]))


@settings(deadline=None, max_examples=60)
@given(_spellings(), st.booleans())
def test_fixing_twice_is_fixing_once_and_no_error_is_new(text: str, unsafe: bool) -> None:
    files = whole({_file_of(text): text})
    before = told(files)
    done = fixed(files, unsafe=unsafe)
    assert done.quarrel is None
    again = {**files, **done.texts}
    assert fixed(again, unsafe=unsafe).texts == {}
    assert not _errors(told(again)) - _errors(before)
    for file, after in done.texts.items():
        assert (
            after.count("\r\n") == after.count("\n") if "\r\n" in files[file] else "\r" not in after
        )


@settings(deadline=None, max_examples=40)
@given(st.sampled_from(BAD), st.data())
def test_any_of_the_fixes_alone_makes_no_new_error(text: str, data: st.DataObject) -> None:
    files = whole({_file_of(text): text})
    proposed = _fixes(files)
    if not proposed:
        return
    chosen = {fix.title for fix in proposed if data.draw(st.booleans())}
    before = told(files)

    def found(texts: Mapping[str, str]) -> tuple[Diagnostic, ...]:
        return told({**files, **texts})

    done = fix_all(
        Workshop(
            read=files.__getitem__,
            findings=lambda texts: [p for p in found(texts) if p.fix and p.fix.title in chosen],
            errors=found,
            may_edit=files.__contains__,
            unsafe=True,
        )
    )
    assert {p.fix.title for p in done.fixed if p.fix} <= chosen
    assert not _errors(told({**files, **done.texts})) - _errors(before)


@settings(deadline=None)
@given(st.text("ab \t\r\nü😀", max_size=30), st.data())
def test_everything_outside_of_the_edits_stays(text: str, data: st.DataObject) -> None:
    source = SourceText("a.yaml", text)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=6, unique=True)))
    pairs = list(zip(cuts[::2], cuts[1::2], strict=False))
    words = [data.draw(st.text("xyz", max_size=3)) for _ in pairs]
    edits = [Edit(source.span(*pair), word) for pair, word in zip(pairs, words, strict=True)]
    expected, done = "", 0
    for (start, end), word in zip(pairs, words, strict=True):
        expected += text[done:start] + word
        done = end
    expected += text[done:]
    assert apply_edits(source, data.draw(st.permutations(edits))) == expected


# Fixes that do not go together

ONE = Code("AF601", "one", Severity.WARNING, "One.")
TWO = Code("AF602", "two", Severity.WARNING, "Two.")


Find = Callable[[str], list[Diagnostic]]


def _shop(text: str, find: Find, errors: Find = lambda _: []) -> Workshop:
    """A project of one file `a`; `find` and `errors` say what is found in its text."""
    return Workshop(
        read={"a": text}.__getitem__,
        findings=lambda texts: find(texts.get("a", text)),
        errors=lambda texts: errors(texts.get("a", text)),
        may_edit="a".__eq__,
        unsafe=False,
    )


def _says(code: Code, text: str, old: str, new: str) -> Iterator[Diagnostic]:
    source = SourceText("a", text)
    for match in re.finditer(re.escape(old), text):
        span = source.span(*match.span())
        yield code.at(span, f"{old}!", fix=Fix("x", (Edit(span, new),), safe=True))


def test_fixes_that_undo_each_other_are_a_finding_and_nothing_is_fixed() -> None:
    def find(text: str) -> list[Diagnostic]:
        return [*_says(ONE, text, "cat", "dog"), *_says(TWO, text, "dog", "cat")]

    done = fix_all(_shop("cat", find))
    assert (done.texts, done.fixed) == ({}, ())
    assert done.quarrel is not None
    assert done.quarrel.code == "AF099"
    assert "AF601 and AF602 undo each other" in done.quarrel.message
    assert "--ignore AF601" in str(done.quarrel.hint)


def test_a_fix_that_never_comes_to_an_end_is_a_finding_too() -> None:
    done = fix_all(_shop("a", lambda text: list(_says(ONE, text, text, f"{text}a"))))
    assert (done.texts, done.fixed) == ({}, ())
    assert done.quarrel is not None
    assert done.quarrel.message.startswith("Fixes of AF601 ")


def test_of_two_fixes_over_each_other_the_next_round_makes_the_second() -> None:
    def find(text: str) -> list[Diagnostic]:
        return [*_says(ONE, text, "ab", "xb"), *_says(TWO, text, "bc", "bz")]

    done = fix_all(_shop("abc", find))
    assert done.texts == {"a": "xbz"}
    assert [problem.code for problem in done.fixed] == ["AF601", "AF602"]


def test_only_the_fix_that_makes_an_error_is_not_made() -> None:
    def find(text: str) -> list[Diagnostic]:
        return list(_says(ONE, text, "a", "x")) + list(_says(TWO, text, "q", "!"))

    def errors(text: str) -> list[Diagnostic]:
        error = replace(ONE, severity=Severity.ERROR).at(Span.start_of("a"), "Broken.")
        return [error] * text.count("!")

    done = fix_all(_shop("a a a q a a", find, errors))
    assert done.texts == {"a": "x x x q x x"}
    assert fix_all(_shop("a ! q", find, errors)).texts == {"a": "x ! q"}


def test_a_fix_that_makes_an_error_is_not_made() -> None:
    deployed = DEPLOYED + "inputs: { region: a, regoin: b }\n"
    files = whole(
        {
            "a.yaml": f"{HEAD}task: 'Go {{{{ inputs.region }}}}'\ninputs: {{ region: {{}} }}\n{deployed}"
        }
    )
    (problem,) = [p for p in told(files) if p.fix]
    assert problem.code == "AF278"
    assert fixed(files).texts == {}


def test_what_was_hidden_behind_an_error_is_not_new() -> None:
    files = whole({"a.yaml": HEAD.replace("prompt", "promt")})
    assert "AF801" not in {p.code for p in told(files)}
    done = fixed(files)
    assert done.texts == {"a.yaml": HEAD}
    assert "AF801" in {p.code for p in told({**files, **done.texts})}


def test_what_may_not_be_edited_is_left() -> None:
    shop = _shop("cat", lambda text: list(_says(ONE, text, "cat", "dog")))
    assert fix_all(replace(shop, may_edit=lambda _: False)).texts == {}


def test_an_unsafe_fix_waits_to_be_asked_for() -> None:
    files = whole({"a.yaml": HEAD + 'mcp: { crm: { url: "http://crm.dev" } }\n'})
    assert fixed(files, unsafe=False).texts == {}
    assert fixed(files, unsafe=True).texts != {}


def test_a_text_whose_lines_nobody_can_count_is_left() -> None:
    files = whole({"a.yaml": HEAD.replace("Work.", "./a.md"), "a.md": "One\rtwo\u200b three."})
    assert "AF907" in {p.code for p in told(files) if p.fix}
    assert fixed(files).texts == {}
