"""Codes of the linter about itself: about comments that talk to it, known findings, and rules that fail."""

from __future__ import annotations

from agentflow.diagnostics import Code, Level, Severity

__all__ = [
    "FIXES_DISAGREE",
    "OUTDATED_BASELINE",
    "OWN_CODES",
    "PLUGIN_FAILED",
    "RULE_FAILED",
    "UNEXPLAINED_SUPPRESSION",
    "UNKNOWN_SUPPRESSION",
    "UNUSABLE_BASELINE",
    "UNUSABLE_PLUGIN",
    "UNUSED_SUPPRESSION",
]

UNUSED_SUPPRESSION = Code(
    "AF091",
    "unused-suppression",
    Severity.WARNING,
    "A comment suppresses nothing.",
    "What it was written for is gone, or it stands in the wrong place. Left there it would hide the "
    "next finding of that code. A comment covers the line it stands on together with the value of "
    "the key on that line; on a line of its own, the key or list item below; before the first key "
    "of a file, the file; `ignore-file[AF501]` covers the file wherever it stands. In a prompt, `{# agentflow: ignore[AF505] #}` covers its line, or on a "
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

OUTDATED_BASELINE = Code(
    "AF094",
    "outdated-baseline",
    Severity.WARNING,
    "The baseline knows a finding that is gone.",
    "Left there it would hide the next finding of that kind in the same place. "
    "`agentflow lint --write-baseline` writes the file again. This is looked at only where the whole "
    "project is checked as it stands: without paths, without a selection on the command line, "
    "without `--target`, `--var` and `--set`.",
)
UNUSABLE_BASELINE = Code(
    "AF095",
    "unusable-baseline",
    Severity.ERROR,
    "The baseline cannot be read.",
    "`lint.baseline` of the project names a file of known findings, by its path from the root of the "
    "project. `agentflow lint --write-baseline` writes it. It is committed, so that everybody hears "
    "the same.",
)
UNEXPLAINED_SUPPRESSION = Code(
    "AF096",
    "unexplained-suppression",
    Severity.INFO,
    "A comment suppresses findings and gives no reason.",
    "Whoever reads it later cannot tell whether the reason still holds. Write it behind the brackets: "
    "`# agentflow: ignore[AF501] done is in the task`.",
    level=Level.STRICT,
)
UNUSABLE_PLUGIN = Code(
    "AF097",
    "unusable-plugin",
    Severity.ERROR,
    "A plugin cannot be used.",
    "`lint.plugins` of the project names distributions with rules, or single entry points of the "
    "group `agentflow.rules`. They have to be installed where agentflow is installed; a file of the "
    "project is no plugin, because lint would run the code of whoever wrote it. Codes of a plugin "
    "have letters of their own, such as ACME001, and neither they nor their names are used twice. "
    "What can be used of a plugin is used, and comments about its other codes are not judged.",
)
PLUGIN_FAILED = Code(
    "AF098",
    "plugin-failed",
    Severity.ERROR,
    "A rule of a plugin could not finish.",
    "This is a bug in the distribution that is named, and the other rules have run. A rule yields "
    "findings that `Context.problem` makes, with its own code. Until it is mended the rule can be "
    "left out with `lint: { ignore: [ACME001] }` in the project.",
)
FIXES_DISAGREE = Code(
    "AF099",
    "fixes-disagree",
    Severity.ERROR,
    "Two fixes undo each other.",
    "This is a bug in agentflow. Nothing was written. Until it is mended one of the two codes can be "
    "left out: `agentflow lint --fix --ignore AF…`, or the place mended by hand.",
)

OWN_CODES: tuple[Code, ...] = (
    UNUSED_SUPPRESSION,
    UNKNOWN_SUPPRESSION,
    RULE_FAILED,
    OUTDATED_BASELINE,
    UNUSABLE_BASELINE,
    UNEXPLAINED_SUPPRESSION,
    UNUSABLE_PLUGIN,
    PLUGIN_FAILED,
    FIXES_DISAGREE,
)
