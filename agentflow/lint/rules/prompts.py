"""AF50x: what the words of a prompt say against what the spec declares."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from agentflow.compiler.graph import AgentNode
from agentflow.diagnostics import Diagnostic, Severity
from agentflow.lint.prose import Phrase, Prose
from agentflow.lint.rule import Context, rule

__all__ = [
    "output_path_elsewhere",
    "placeholder_in_prompt",
    "uncertainty_contradicted",
    "volatile_prompt",
]

OUTPUTS = "/mnt/session/outputs"

_SLASH = r"[/\\]"
_PATH = r"(?:~|\.{0,2})/[\w./-]*[\w/]|[a-z]:\\[\w.\\-]*\w|[\w-]+/[\w./-]*\w"
_NOT_PATH = r"[^\w.~:\\/-]"
_WRITE = (
    r"(?s)\b(?:sav(?:e|es|ing)|writ(?:e|es|ing)|put|deliver"
    r"|(?:store|place|export|dump|output|copy|move) (?:a|an|the|it|them|all|any|each|every|everything"
    r"|this|these|your|data|files?|outputs?|reports?|results?))\b"
    r".*\b(?:to|in|into|at|under|as|below)\s+(?:the\s+(?:file|folder|directory|path)\s+)?[`\"'(*]*\Z"
)
"""What stands before a path that is written to. Words that are nouns too need an object."""
_KNOWN_ROOTS = frozenset(
    "data etc home mnt opt output outputs reports results root srv usr users var".split()  # noqa: SIM905
)
_FREE = ("/tmp", "/dev", "/workspace", "/mnt/memory")


def _is_elsewhere(agent: AgentNode, path: str) -> bool:
    """Whether what is written to `path` is a deliverable that would never be collected."""
    names = {posixpath.basename(output.path) for output in agent.spec.outputs.values()}
    base = posixpath.basename(path)
    if path == OUTPUTS or path.startswith(OUTPUTS + "/"):
        return False
    if base in names:
        return True
    if not path.startswith(("/", "~/")) and ":\\" not in path:
        return False  # relative: an intermediate file in the working directory
    free = (*_FREE, agent.spec.scratch.rstrip("/")) if agent.spec.scratch else _FREE
    if any(path == root or path.startswith(root + "/") for root in free):
        return False
    root = path.lstrip("~/").partition("/")[0].lower()
    return path.startswith("~/") or ":\\" in path or root in _KNOWN_ROOTS or "." in base


def _paths(prose: Prose) -> Iterator[re.Match[str]]:
    """Words with a slash that can be a path of a file."""
    end = 0
    if "/" not in prose.text and "\\" not in prose.text:
        return
    for slash in re.finditer(_SLASH, prose.text):
        if slash.start() >= end:
            start = slash.start()
            while start > end and not re.match(_NOT_PATH, prose.text[start - 1]):
                start -= 1
            match = re.compile(_PATH).match(prose.text, start)
            end = match.end() if match else slash.end()
            if match:
                yield match


@rule("AF504", "output-path-elsewhere", Severity.WARNING, confidence="medium")
def output_path_elsewhere(ctx: Context) -> Iterator[Diagnostic]:
    """The prompt has something written where it is never collected.

    Only what stands in /mnt/session/outputs/ leaves the session. A report in the home directory or
    the working directory is gone with the sandbox, and the run fails for a missing output.

    Bad:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        prompt: Analyse the orders. Save the report to /home/user/report.md.
        tools: { write: allow }
        outputs:
          report: { path: report.md }
    Good:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        prompt: Analyse the orders. Save the report to /mnt/session/outputs/report.md.
        tools: { write: allow }
        outputs:
          report: { path: report.md }
    """
    for agent in ctx.agents:
        for field, prose in ctx.texts(agent):
            for match in _paths(prose):
                path = prose.written(match)
                if (
                    _is_elsewhere(agent, path)
                    and re.search(_WRITE, prose.sentence_before(match.start()))
                    and not prose.is_denied(match.start())
                ):
                    right = f"{OUTPUTS}/{re.split(_SLASH, path)[-1]}"
                    yield ctx.problem(
                        prose.span(match),
                        f"The {field} of agent {agent.spec.name!r} has a file written to {path!r}, "
                        f"which is not collected.",
                        hint=f"Write {right} instead, or drop the path: declared outputs are put "
                        "into the prompt with theirs.",
                    )


_PLACEHOLDER = Phrase(
    r"(?:todo|fixme)(?=[ \t]*(?::|\(|$))|tbd\b|lorem ipsum\b|replace_?me\b|change_?me\b"
    r"|your_[a-z][a-z_]{2,40}\b|<(?:your|insert|enter|add)[ _-][^<>\n]{1,60}>"
    r"|\[(?:your|insert|enter|add) [^\]\n]{1,60}\](?!\()"
    r"|xxx+\b(?!-|\.\w)|[<\[](?:[a-z]+[ _])*(?:company|name|product|team|e-?mail|address|url|date|phone)[>\]]"
    r"(?!\()|\{\{[ \t]?[a-z_][a-z_ ]{1,40}\}\}",  # where nothing is rendered: else a tag, and blanked
    marks=(
        *("{{", "<", "[", "todo", "fixme", "tbd", "lorem", "your_", "xxx"),
        *("replaceme", "replace_me", "changeme", "change_me"),
    ),
)
_LINE_START = r"[ \t]*(?:[-*#>]+[ \t]*)?"


def _is_placeholder(prose: Prose, match: re.Match[str]) -> bool:
    """In capitals, since "todo" is also an ordinary word; TODO only at the start of a line."""
    word = prose.written(match)
    if word[0] == "<" and f"</{match[0][1:]}" in prose.text:
        return False  # a tag that something stands in
    if re.match(r"[<\[](?:your|insert|enter|add)\b", match[0].replace("_", " ")):
        return True
    if word.lower() == "lorem ipsum" or word.startswith("{{"):
        return True
    line_start = prose.text.rfind("\n", 0, match.start()) + 1
    leads = re.fullmatch(_LINE_START, prose.text[line_start : match.start()]) is not None
    return word.isupper() and (leads or word not in ("TODO", "FIXME"))


@rule("AF505", "placeholder-in-prompt", Severity.WARNING)
def placeholder_in_prompt(ctx: Context) -> Iterator[Diagnostic]:
    """A placeholder was left in what the agent reads.

    The agent takes it at its word: it invents what was to be filled in, or does the to-do.

    Bad:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        prompt: |
          You analyse the orders of <your company>.
          TODO: say which regions matter.
    Good:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        prompt: |
          You analyse the orders of Northwind.
          Only EMEA and APAC matter.
    """
    for field, agent, prose in ctx.passages():
        for match in prose.find(_PLACEHOLDER, code=False):
            if _is_placeholder(prose, match):
                yield ctx.problem(
                    prose.span(match),
                    f"The {field} of agent {agent.spec.name!r} still holds the placeholder "
                    f"{prose.written(match)!r}.",
                    hint="Fill it in, or take it from a variable: `{{ vars.name }}`.",
                )


_VOLATILE = Phrase(
    r"(?:today(?:['\u2019]s date)? is|it is (?:now|currently)|current (?:date|day|year|month|time)"
    r"(?: and time)?(?: is|:)|the (?:date|year) is(?: now)?)[: ]+(?P<when>"
    r"\d{4}-\d{2}-\d{2}(?:[t ]\d{2}:\d{2})?|\d{1,2}[./]\d{1,2}[./]\d{2,4}|20\d\d|\d{1,2}:\d{2}"
    r"|(?:mon|tues|wednes|thurs|fri|satur|sun)day(?:[ ,][\w ,.]{0,30}20\d\d)?"
    r"|(?:\d{1,2}\.? )?(?:january|february|march|april|may|june|july|august|september|october"
    r"|november|december)\b(?: \d{1,2}(?:st|nd|rd|th)?)?(?:,? 20\d\d)?)",
    marks=("today", "current", "date", "year", "it is"),
)


@rule("AF506", "volatile-prompt", Severity.WARNING)
def volatile_prompt(ctx: Context) -> Iterator[Diagnostic]:
    """The system prompt states the current date or time.

    It is compiled once and used for months: tomorrow it is wrong. Each change of it also makes a
    new version of the agent and throws away the cached prefix that every session shares.

    Bad:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        prompt: Today is 2026-11-23. Analyse the orders of last month.
    Good:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        prompt: You analyse orders.
        inputs:
          month: { type: string }
        task: Analyse the orders of {{ inputs.month }}.
    """
    for _, agent, prose in ctx.passages(task=False):
        for match in prose.find_all(_VOLATILE):
            yield ctx.problem(
                prose.span(match),
                f"The system prompt of agent {agent.spec.name!r} says that it is "
                f"{prose.written(match, 'when')!r}, which does not stay true.",
                hint="Declare an input, `inputs: { today: { type: string } }`, and write "
                "`{{ inputs.today }}` into `task`.",
            )


_DO_NOT_ASK = Phrase(
    r"(?:do not|don['\u2019]t|never|must not|may not|without) (?:ever )?ask(?:ing)?"
    r"(?:(?: the user| me| us| anyone| anybody)?(?: for)?(?: any)?(?: clarifying| follow-up| further)?"
    r" (?:questions?|clarification|anything)\b"
    r"|(?: the user| me| us| anyone| anybody)(?=\s*(?:[.,;:!?)]|\Z)))",
    marks=("ask",),
)
_ASK = Phrase(
    r"(?:ask (?:me|us|the user|the operator|the requester|for clarification"
    r"|(?:a |any )?(?:clarifying|follow-up) questions?)"
    r"|(?:check|confirm|verify) (?:it )?with (?:me|us|the user|the operator)"
    r"|get (?:a |an |the |my |our |explicit )*(?:confirmation|approval|permission|sign-off) (?:from|of|by) "
    r"(?:me|us|an? (?:human|person|operator|user)|the (?:user|operator|requester))"
    r"|wait for (?:my|our|the user['\u2019]s|user|an?) (?:answer|reply|confirmation|approval|feedback))\b",
    marks=("ask ", "with ", "wait ", "get ", "ask\n", "with\n", "wait\n", "get\n"),
)


@rule("AF507", "uncertainty-contradicted", Severity.WARNING, confidence="medium")
def uncertainty_contradicted(ctx: Context) -> Iterator[Diagnostic]:
    """The prompt says the opposite of `uncertainty`.

    `uncertainty` becomes a section of the same prompt, and decides whether there is anybody to
    answer. With two opposite orders the agent follows either: it asks where nobody listens, or
    guesses where a person is waiting for its question.

    Bad:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        prompt: Analyse the orders. Ask the user when a column is unclear.
        uncertainty: assume
    Good:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        prompt: Analyse the orders. Columns can be unclear.
        uncertainty: ask
    """
    for agent in ctx.agents:
        if agent.spec.uncertainty is None or any("ask" in name for name in agent.spec.custom):
            continue
        mode = agent.spec.uncertainty.mode
        for field, prose in ctx.texts(agent):
            if mode == "ask":
                found = prose.find_all(_DO_NOT_ASK, code=False)
            else:
                found = prose.find(_ASK, code=False)
            for match in found:
                yield ctx.problem(
                    prose.span(match),
                    f"The {field} of agent {agent.spec.name!r} says {prose.written(match)!r}, but its policy "
                    f"is `uncertainty: {mode}`.",
                    hint="Remove the sentence: the policy is put into the prompt."
                    if mode == "ask"
                    else "Write `uncertainty: ask` if a person is to answer, or remove the "
                    "sentence.",
                    related=((agent.span("uncertainty"), "the policy"),),
                )
