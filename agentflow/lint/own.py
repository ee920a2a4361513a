"""Codes of the linter about itself: about comments that talk to it, and about rules that fail."""

from __future__ import annotations

from agentflow.diagnostics import Code, Severity

__all__ = ["OWN_CODES", "RULE_FAILED", "UNKNOWN_SUPPRESSION", "UNUSED_SUPPRESSION"]

UNUSED_SUPPRESSION = Code(
    "AF091",
    "unused-suppression",
    Severity.WARNING,
    "A comment suppresses nothing.",
    "What it was written for is gone, or it stands in the wrong place. Left there it would hide the "
    "next finding of that code. A comment covers the line it stands on together with the value of "
    "the key on that line; on a line of its own, the key or list item below; before the first key "
    "of a file, the file. In a prompt, `{# agentflow: ignore[AF505] #}` covers its line, or on a "
    "line of its own the paragraph below.",
)
UNKNOWN_SUPPRESSION = Code(
    "AF092",
    "unknown-suppression",
    Severity.WARNING,
    "What is to be ignored is no code of a finding.",
    "Write codes in brackets, and the reason behind them: `# agentflow: ignore[AF501] done is in the "
    "task`. Several are separated by commas. In `lint` of a project a prefix such as `AF5` "
    "stands for all codes that begin with it, and a name for its code.",
)
RULE_FAILED = Code(
    "AF093",
    "rule-failed",
    Severity.ERROR,
    "A rule could not finish.",
    "This is a bug in agentflow, and the other rules have run. Until it is mended the rule can be "
    "left out with `lint: { ignore: [AF…] }` in the project.",
)

OWN_CODES: tuple[Code, ...] = (UNUSED_SUPPRESSION, UNKNOWN_SUPPRESSION, RULE_FAILED)
