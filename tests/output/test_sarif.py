"""SARIF 2.1.0: the shape that the specification gives, and places that lead to the right text."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from jsonschema import Draft202012Validator

from agentflow.diagnostics import SETTINGS_FILE, Edit, Fix, Severity, Span
from agentflow.lint.engine import KNOWN
from agentflow.output.sarif import render_sarif
from tests.lint.support import lint_text


def _object(required: str, **properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": required.split(),
        "additionalProperties": False,
    }


def _list(items: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "array", "items": items, **more}


_TEXT = {"type": "string", "minLength": 1}
_MESSAGE = _object("text", text=_TEXT)
_LEVEL = {"enum": ["none", "note", "warning", "error"]}
_COUNT = {"type": "integer", "minimum": 0}
_PLACE = {"type": "integer", "minimum": 1}
_ARTIFACT = _object("uri", uri={"type": "string", "format": "uri-reference"})
_REGION = _object(
    "startLine startColumn endLine endColumn",
    startLine=_PLACE,
    startColumn=_PLACE,
    endLine=_PLACE,
    endColumn=_PLACE,
)
_PHYSICAL = _object("artifactLocation region", artifactLocation=_ARTIFACT, region=_REGION)
_RELATED = _object("id message physicalLocation", id=_COUNT, message=_MESSAGE, physicalLocation=_PHYSICAL)  # fmt: skip
_REPLACEMENT = _object(
    "deletedRegion insertedContent",
    deletedRegion=_REGION,
    insertedContent=_object("text", text={"type": "string"}),
)
_CHANGE = _object(
    "artifactLocation replacements",
    artifactLocation=_ARTIFACT,
    replacements=_list(_REPLACEMENT, minItems=1),
)
_FIX = _object("description artifactChanges", description=_MESSAGE, artifactChanges=_list(_CHANGE, minItems=1))  # fmt: skip
_RESULT = _object(
    "ruleId ruleIndex level message partialFingerprints",
    ruleId={"type": "string", "pattern": "^AF[0-9]{3,4}$"},
    ruleIndex=_COUNT,
    level=_LEVEL,
    message=_MESSAGE,
    partialFingerprints={"type": "object", "additionalProperties": _TEXT},
    locations=_list(_object("physicalLocation", physicalLocation=_PHYSICAL), maxItems=1),
    relatedLocations=_list(_RELATED, minItems=1, uniqueItems=True),
    fixes=_list(_FIX, minItems=1, uniqueItems=True),
)
_RULE = _object(
    "id name shortDescription fullDescription help defaultConfiguration",
    id=_TEXT,
    name=_TEXT,
    shortDescription=_MESSAGE,
    fullDescription=_MESSAGE,
    help=_MESSAGE,
    defaultConfiguration=_object("level", level=_LEVEL),
)
_DRIVER = _object(
    "name version rules", name=_TEXT, version=_TEXT, rules=_list(_RULE, uniqueItems=True)
)
SHAPE = _object(
    "$schema version runs",
    **{"$schema": {"type": "string", "format": "uri"}},
    version={"const": "2.1.0"},
    runs=_list(
        _object(
            "tool columnKind results",
            tool=_object("driver", driver=_DRIVER),
            columnKind={"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
            results=_list(_RESULT),
        )
    ),
)
"""What we print of https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html, and nothing else."""

SPEC = """\
apiVersion: agentflow/v1
kind: Agent
name: analyst
model: claude-opus-5.5
prompt: It is TBD.  # agentflow: ignore[AF509] old
tools: { bash: ask }
"""


def log(problems: Any, **more: Any) -> dict[str, Any]:
    data = json.loads(render_sarif(problems, KNOWN, **more))
    assert list(Draft202012Validator(SHAPE).iter_errors(data)) == []
    [run] = data["runs"]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert rules == sorted(set(rules))
    for result in run["results"]:
        assert rules[result["ruleIndex"]] == result["ruleId"]
    return dict(run)


def _cut(text: str, region: dict[str, int]) -> str:
    lines = text.splitlines(keepends=True)
    offset = [sum(map(len, lines[:n])) for n in range(len(lines) + 1)]
    start = offset[region["startLine"] - 1] + region["startColumn"] - 1
    return text[start : offset[region["endLine"] - 1] + region["endColumn"] - 1]


def test_findings_of_a_project() -> None:
    found = lint_text(SPEC)
    run = log(found)
    assert [result["ruleId"] for result in run["results"]] == [p.code for p in found]
    [ask] = [r for r in run["results"] if r["ruleId"] == "AF602"]
    [location] = ask["locations"]
    assert location["physicalLocation"]["artifactLocation"] == {"uri": "agents.yaml"}
    assert _cut(SPEC, location["physicalLocation"]["region"]) == "ask"
    assert ask["level"] == "error"
    marks = [r["partialFingerprints"]["agentflow/v1"] for r in run["results"]]
    assert len(set(marks)) == len(marks)


def test_a_fix_says_what_to_replace() -> None:
    [unused] = [r for r in log(lint_text(SPEC))["results"] if r["ruleId"] == "AF091"]
    [fix] = unused["fixes"]
    [change] = fix["artifactChanges"]
    [replacement] = change["replacements"]
    assert fix["description"]["text"] == "Remove the comment"
    assert change["artifactLocation"] == {"uri": "agents.yaml"}
    assert _cut(SPEC, replacement["deletedRegion"]) == "  # agentflow: ignore[AF509] old"
    assert replacement["insertedContent"] == {"text": ""}


def test_a_fix_that_is_not_safe_says_so_and_may_change_two_files() -> None:
    edits = tuple(Edit(Span(file, 1, 1, 1, 2), "x") for file in ("a.yaml", "b.yaml", "a.yaml"))
    problem = KNOWN["AF501"].at(
        Span("a.yaml", 1, 1, 1, 2), "x", fix=Fix("Do it", edits, safe=False)
    )
    [[fix]] = [result["fixes"] for result in log([problem])["results"]]
    assert fix["description"]["text"] == "Do it (changes what the spec means)"
    assert [
        (change["artifactLocation"]["uri"], len(change["replacements"]))
        for change in fix["artifactChanges"]
    ] == [("a.yaml", 2), ("b.yaml", 1)]


def test_other_places_are_related_locations() -> None:
    span = Span("a.yaml", 2, 3, 2, 5)
    problem = KNOWN["AF501"].at(span, "x", related=((span, "first"), (span, "second")))
    [result] = log([problem])["results"]
    told = [(place["id"], place["message"]["text"]) for place in result["relatedLocations"]]
    assert told == [(0, "first"), (1, "second")]


def test_what_is_in_no_file_has_no_location() -> None:
    line = Span(SETTINGS_FILE, 1, 1, 1, 2)
    fix = Fix("Do it", (Edit(line, "x"),), safe=True)
    problems = [
        KNOWN["AF093"].at(None, "x"),
        KNOWN["AF501"].at(line, "x", related=((line, "y"),), fix=fix),
    ]
    for result in log(problems)["results"]:
        assert not {"locations", "relatedLocations", "fixes"} & result.keys()


@pytest.mark.parametrize("file", ["a b.yaml", "ü/100%.yaml", "a#b?.yaml", "x:y.yaml"])
def test_a_path_is_a_uri(file: str) -> None:
    [result] = log([KNOWN["AF501"].at(Span(file, 1, 1, 1, 2), "x")])["results"]
    uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert unquote(uri) == file
    assert not set(uri) & set(" #?:ü")


def test_what_lies_outside_of_the_directory_has_an_absolute_uri(tmp_path: Path) -> None:
    problem = KNOWN["AF501"].at(Span("a.yaml", 1, 1, 1, 2), "x")
    for shown in ("../a.yaml", str(tmp_path / "a.yaml")):
        [result] = log([problem], show_path=lambda _, shown=shown: shown)["results"]
        uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
        assert uri.startswith("file:///")
        assert uri.endswith("/a.yaml")
        assert ".." not in uri


def test_levels_and_hints() -> None:
    problem = KNOWN["AF501"].at(Span("a.yaml", 1, 1, 1, 2), "It is so.", hint="Mend it.")
    run = log([problem.at_severity(severity) for severity in Severity])
    assert [result["level"] for result in run["results"]] == ["error", "warning", "note"]
    assert {result["message"]["text"] for result in run["results"]} == {"It is so.\nMend it."}
    assert log([]) == {
        **log([]),
        "results": [],
        "tool": {"driver": {**log([])["tool"]["driver"], "rules": []}},
    }
