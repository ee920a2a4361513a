"""How often each code was found."""

from __future__ import annotations

from agentflow.diagnostics import Fix, Severity, Span
from agentflow.lint.engine import KNOWN
from agentflow.output.statistics import count_codes, render_statistics

SPAN = Span("a.yaml", 1, 1, 1, 2)
ASK = KNOWN["AF602"].at(SPAN, "x")
FIXED = KNOWN["AF091"].at(SPAN, "x", fix=Fix("Mend it", (), safe=True))


def test_the_most_frequent_come_first() -> None:
    problems = [FIXED, ASK.at_severity(Severity.INFO), ASK, KNOWN["AF501"].at(SPAN, "x")]
    assert count_codes(problems) == [
        {"code": "AF602", "name": "ask-unanswered", "severity": "error", "count": 2, "fixable": 0},
        {
            "code": "AF091",
            "name": "unused-suppression",
            "severity": "warning",
            "count": 1,
            "fixable": 1,
        },
        {
            "code": "AF501",
            "name": "no-done-criteria",
            "severity": "warning",
            "count": 1,
            "fixable": 0,
        },
    ]


def test_the_table() -> None:
    assert render_statistics([*[ASK] * 10, FIXED], summary="11 problems") == (
        "10  AF602   ask-unanswered      error\n"
        " 1  AF091   unused-suppression  warning  1 with a fix\n"
        "\n"
        "11 problems\n"
    )
    assert render_statistics([], summary="no problems") == "no problems\n"
