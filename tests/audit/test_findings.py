"""Every planted fault is found, with its evidence, and nothing is found where there is none."""

from __future__ import annotations

import pytest

from agentflow.audit.finding import AUDITS, Finding, find
from agentflow.audit.story import tell
from tests.audit.sessions import BAD, GOOD, Case


def audited(case: Case) -> tuple[Finding, ...]:
    return find(tell(case.tape.events), case.facts)


@pytest.mark.parametrize("case", BAD, ids=lambda case: case.name)
def test_a_planted_fault_is_found_with_its_evidence(case: Case) -> None:
    found = audited(case)
    wanted = {code for code, _ in case.expected}
    assert {finding.code for finding in found} == wanted
    for code, mark in case.expected:
        assert any(
            finding.code == code and case.tape.marks[mark] in finding.evidence for finding in found
        ), (code, mark, found)


@pytest.mark.parametrize("case", GOOD, ids=lambda case: case.name)
def test_a_good_session_has_no_findings(case: Case) -> None:
    assert audited(case) == ()


def test_every_audit_has_a_session_that_has_it() -> None:
    planted = {code for case in BAD for code, _ in case.expected}
    assert planted == set(AUDITS)
    assert len(BAD) >= 30
    assert len(GOOD) >= 10


def test_precision_and_recall(capsys: pytest.CaptureFixture[str]) -> None:
    planted = {(case.name, code) for case in BAD for code, _ in case.expected}
    found = {(case.name, finding.code) for case in (*BAD, *GOOD) for finding in audited(case)}
    right = len(planted & found)
    with capsys.disabled():
        print(
            f"\naudit: {len(BAD)} bad and {len(GOOD)} good sessions, {len(AUDITS)} codes, "
            f"precision {right / len(found):.3f}, recall {right / len(planted):.3f}"
        )
    assert found == planted


@pytest.mark.parametrize("case", [*BAD, *GOOD], ids=lambda case: case.name)
def test_evidence_is_of_the_session_and_every_finding_says_what_to_do(case: Case) -> None:
    ids = {event["id"] for event in case.tape.events}
    for finding in audited(case):
        assert finding.evidence
        assert set(finding.evidence) <= ids
        assert finding.message.endswith((".", '"', "…")) or ":" in finding.message
        assert finding.hint
