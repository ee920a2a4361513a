"""AF51x: words that do not say what is to be done, that say it twice, or that take it back."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from agentflow.compiler.graph import AgentNode
from agentflow.diagnostics import Diagnostic, Level, Severity, Span
from agentflow.lint.prose import Phrase, Prose, lowered
from agentflow.lint.rule import Context, rule

__all__ = [
    "done_needs_person",
    "emphasis_everywhere",
    "generic_prompt",
    "repeated_instruction",
    "section_weakened",
    "too_many_absolutes",
    "vague_done",
]


def _criteria(
    ctx: Context, pattern: str, marks: Sequence[str]
) -> Iterator[tuple[AgentNode, int, re.Match[str]]]:
    """Points of `done` with such words, each once, wherever agents take them from.

    `marks`: a point that holds none of them has none of the words.
    """
    seen: set[Span] = set()
    for agent in ctx.agents:
        for index, point in enumerate(agent.spec.done):
            text = _quoted(point) if isinstance(point, str) else ""
            match = re.search(pattern, text) if any(mark in text for mark in marks) else None
            if match is not None and (span := agent.span("done", index)) not in seen:
                seen.add(span)
                yield agent, index, match


def _quoted(text: str) -> str:
    """In lower case, with what stands in quotation marks or backticks blanked."""
    if not any(mark in text for mark in '`"\u201c'):
        return lowered(text)
    return re.sub(
        r"`[^`]*`|\"[^\"]*\"|\u201c[^\u201d]*\u201d", lambda m: " " * len(m[0]), lowered(text)
    )


_VAGUE = (
    r"\b(?:good|great|nice|decent|excellent|high[- ]quality|adequate(?:ly)?|appropriate(?:ly)?"
    r"|proper(?:ly)?|reasonabl[ey]|satisfactory|suitabl[ey]|sufficient(?:ly)?|user[- ]friendly"
    r"|professional(?:ly)?|well[- ]written|polished|high standards?|best possible|best practices?"
    r"|as needed|as appropriate|as expected|where (?:appropriate|necessary)|if (?:needed|necessary)"
    r"|makes? sense|(?:is|are|looks?|seems?|reads?) (?:ok|okay|fine|well(?!-)|right|clear|useful|helpful"
    r"|complete enough)|thorough(?:ly)?|comprehensive(?:ly)?|robust(?:ly)?|meaningful|insightful"
    r"|(?:is|are) (?:clean|correct|accurate|complete|finished|done|ready)(?: and \w+)?(?=\s*(?:[.!]|\Z))"
    r"|everything (?:works|is (?:fine|done|there))"
    r"|clear and concise|easy to (?:read|understand|follow)|and so on|etc\.?)(?!\w)"
)
_VAGUE_MARKS = (
    *("good", "great", "nice", "decent", "excellent", "high", "adequate", "appropriate", "proper"),
    *("reasonabl", "satisf", "suitabl", "sufficient", "friendly", "professional", "well", "polish"),
    *("best ", "needed", "as expected", "necessary", "sense", "ok", "fine", "right", "clear"),
    *("useful", "helpful", "complete", "thorough", "comprehensive", "robust", "meaningful"),
    *("insight", "clean", "correct", "accurate", "finished", "done", "ready", "works", "easy"),
    *("everything", "so on", "etc"),
)


@rule("AF511", "vague-done", Severity.WARNING, confidence="medium")
def vague_done(ctx: Context) -> Iterator[Diagnostic]:
    """A criterion for being done cannot be checked.

    "Good" and "appropriate" are true whenever the agent thinks so, and a grader that reads them
    cannot decide either. A criterion helps if two readers come to the same verdict.

    Bad:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        prompt: Analyse the orders.
        done:
          - The report is of high quality and has an appropriate length.
    Good:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        prompt: Analyse the orders.
        done:
          - The report has at most two pages, and every figure in it can be found in the orders.
    """
    for agent, index, match in _criteria(ctx, _VAGUE, _VAGUE_MARKS):
        yield ctx.problem(
            agent.document.text_span(("done", index), *match.span()),
            f"{match[0]!r} in `done` of agent {agent.spec.name!r} is a matter of opinion.",
            hint="Say what can be seen in the result: a number, a section, a source.",
        )


_PERSON = (
    r"\b(?:(?:the )?(?:user|customer|client|reader|operator|requester|manager|stakeholders?|team)"
    r"|everyone|everybody|somebody)\b[^.;]{0,20}?\b(?:is|are|has|have) (?:\w+ )?"
    r"(?:happy|satisfied|pleased|convinced|confirmed|approved|accepted|agreed|signed off)\b"
)
_PERSON_MARKS = (
    *("happy", "satisfied", "pleased", "convinced", "confirmed", "approved", "accepted", "agreed"),
    "signed off",
)


@rule("AF512", "done-needs-person", Severity.WARNING, confidence="medium")
def done_needs_person(ctx: Context) -> Iterator[Diagnostic]:
    """The work is done when a person says so, and no person is there.

    Nobody answers within a run unless `uncertainty: ask` or a tool brings a person in. The agent
    waits for a word that never comes, or decides that the person would be satisfied.

    Bad:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        prompt: Analyse the orders.
        done: [The user is satisfied with the report.]
        uncertainty: assume
    Good:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        prompt: Analyse the orders.
        done: [Every figure in the report can be found in the orders.]
        uncertainty: assume
    """
    for agent, index, match in _criteria(ctx, _PERSON, _PERSON_MARKS):
        asks = agent.spec.uncertainty is not None and agent.spec.uncertainty.mode == "ask"
        if not asks and not agent.spec.custom and not agent.spec.mcp:
            yield ctx.problem(
                agent.document.text_span(("done", index), *match.span()),
                f"Agent {agent.spec.name!r} cannot see whether {match[0]!r} holds: nobody is asked "
                "in a run.",
                hint="Say what the result must be like, or write `uncertainty: ask`.",
            )


_ABSOLUTES = 50
_MARKS = ("must", "never", "always", "do not", "don't", "don\u2019t", "sure")
_ABSOLUTE = r"\b(?:must|never|always|do not|don['\u2019]t|make sure|ensure)\b"


@rule("AF514", "too-many-absolutes", Severity.INFO, confidence="medium", level=Level.STRICT)
def too_many_absolutes(ctx: Context) -> Iterator[Diagnostic]:
    """The agent has more orders than it can keep in mind.

    The more a prompt says must and never, the more of it is missed, and what is missed is not what
    matters least. What code can check belongs into `outputs`, `done` and tools; what remains is the
    part that needs judgement.

    Bad:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        prompt: |
          Never a. Never b. Never c. Never d. Never e. Never f. Never g. Never h. Never i. Never j.
          Never k. Never l. Never m. Never n. Never o. Never p. Never q. Never r. Never s. Never t.
          Always a. Always b. Always c. Always d. Always e. Always f. Always g. Always h. Always i.
          Always j. Always k. Always l. Always m. Always n. Always o. Always p. Always q. Always r.
          Must a. Must b. Must c. Must d. Must e. Must f. Must g. Must h. Must i. Must j. Must k.
          Must l. Must m. Must n.
    Good:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        prompt: |
          Analyse the orders. Never state a figure that is not in them.
    """
    for agent in ctx.agents:
        texts = [prose for _, prose in ctx.texts(agent)]
        if sum(prose.text.count(mark) for prose in texts for mark in _MARKS) <= _ABSOLUTES:
            continue
        count = sum(len(re.findall(_ABSOLUTE, prose.words)) for prose in texts)
        if count > _ABSOLUTES:
            yield ctx.problem(
                agent.span("prompt"),
                f"What agent {agent.spec.name!r} reads has {count} orders with must, never, always "
                "and the like.",
                hint="Keep those that decide something, and let code check the others.",
            )


_LOUD = r"\b(?:IMPORTANT|CRITICAL|CRUCIAL|WARNING|ATTENTION|MUST|NEVER|ALWAYS|MANDATORY|URGENT)\b"
_LOUD_WORDS = 10


@rule("AF515", "emphasis-everywhere", Severity.INFO, confidence="low")
def emphasis_everywhere(ctx: Context) -> Iterator[Diagnostic]:
    """So much is in capitals that nothing stands out.

    Emphasis tells what counts more than the rest. Where every paragraph has it, it tells nothing,
    and models of today overdo what is shouted at them: they refuse, or call a tool without need.

    Bad:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        prompt: |
          IMPORTANT: you MUST read the orders. CRITICAL: NEVER guess. ALWAYS cite. You MUST be fast.
          WARNING: NEVER round. IMPORTANT: ALWAYS sum twice. You MUST NEVER skip a row.
    Good:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        prompt: |
          Read the orders, all rows of them. Cite rows. Sum twice, without rounding.
          NEVER guess a figure.
    """
    for field, agent, prose in ctx.passages():
        text = prose.source.text
        if not any(word in text for word in ("MUST", "NEVER", "ALWAYS", "IMPORTANT", "CRITICAL")):
            continue
        loud = list(re.finditer(_LOUD, text))
        if len(loud) >= _LOUD_WORDS:
            yield ctx.problem(
                prose.span(loud[0]),
                f"The {field} of agent {agent.spec.name!r} has {len(loud)} words in capitals like "
                "this one.",
                hint="Keep the one or two that count most.",
            )


_SENTENCE = r"[^\n.!?]*(?:[.!?](?!\s|$)[^\n.!?]*|\n(?![ \t]*(?:\n|[-*+#>|]|\d+[.)]))[^\n.!?]*)*"
_LONG_ENOUGH = 40
"""Characters: shorter ones are said twice for good reasons."""


@rule("AF516", "repeated-instruction", Severity.INFO, level=Level.STRICT)
def repeated_instruction(ctx: Context) -> Iterator[Diagnostic]:
    """An agent is told the same sentence twice.

    It costs tokens in every turn, and one day one of the two is changed and the other is not.

    Bad:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        prompt: |
          Back every figure by a row of the orders. Round to cents.

          In the end, say what is missing. Back every figure by a row of the orders.
    Good:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        prompt: |
          Back every figure by a row of the orders. Round to cents.

          In the end, say what is missing.
    """
    reported: set[tuple[int, int]] = set()
    for agent in ctx.agents:
        first: dict[str, tuple[Prose, int, int]] = {}
        texts: Mapping[int, tuple[str, Prose]] = {id(p): (f, p) for f, p in ctx.texts(agent)}
        if sum(len(prose.source.text) for _, prose in texts.values()) < 2 * _LONG_ENOUGH:
            continue
        for field, prose in texts.values():
            for start, end in _sentences(prose):
                key = " ".join(prose.source.text[start:end].lower().split())
                before, at, until = first.setdefault(key, (prose, start, end))
                if (before, at) == (prose, start) or (id(prose), start) in reported:
                    continue
                reported.add((id(prose), start))
                yield ctx.problem(
                    prose.source.span(start, end),
                    f"The {field} of agent {agent.spec.name!r} repeats a sentence.",
                    hint="Remove one of them.",
                    related=((before.source.span(at, until), "said here"),),
                )


def _sentences(prose: Prose) -> Iterator[tuple[int, int]]:
    """Sentences of some length, outside of code, tables and headings: start and end."""
    words = prose.words
    for match in re.finditer(_SENTENCE, words):
        text = match[0].strip()
        if len(text) >= _LONG_ENOUGH and text[0] not in "|#>":
            start = match.start() + len(match[0]) - len(match[0].lstrip())
            yield start, start + len(text)


_SOFT = Phrase(
    r"(?:if (?:at all )?possible|if you (?:can|like|want)|ideally|preferably|where practical"
    r"|when convenient|try to|feel free to|(?:is|are) (?:only )?(?:a suggestion|suggestions"
    r"|recommended|not mandatory|not binding))\b",
    marks=(
        *("possible", "if you", "ideal", "prefer", "practical", "conven", "try", "free", "sugg"),
        *("recomm", "mandatory", "binding"),
    ),
)


@rule("AF517", "section-weakened", Severity.WARNING, confidence="medium")
def section_weakened(ctx: Context) -> Iterator[Diagnostic]:
    """The wording of a policy makes a wish of it.

    `sections` holds your own words for what is enforced: an output that is missing fails the run,
    however softly the agent was told. Words such as "if possible" invite it to leave out what it is
    then held to.

    Bad:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        prompt: Analyse the orders.
        tools: { write: allow }
        outputs: { report: { path: report.md, description: the findings } }
        sections:
          outputs: If possible, write /mnt/session/outputs/report.md.
    Good:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        prompt: Analyse the orders.
        tools: { write: allow }
        outputs: { report: { path: report.md, description: the findings } }
        sections:
          outputs: Deliver /mnt/session/outputs/report.md, or the work counts as not done.
    """
    for field, agent, prose in ctx.passages(task=False):
        if not field.endswith(" section"):
            continue
        for match in prose.find(_SOFT, code=False):
            yield ctx.problem(
                prose.span(match),
                f"{prose.written(match)!r} in the {field} of agent {agent.spec.name!r} weakens what "
                "is enforced.",
                hint="Say it as it is held: without a way round.",
            )


_ADDRESSING = ("you are", "act as", "you're")
_GENERIC = (
    rf"\s*(?:{'|'.join(_ADDRESSING)}) (?:an? |the )?(?:(?:very |highly )?(?:helpful|friendly|useful|smart"
    r"|intelligent|professional|expert|capable|honest|harmless|general[- ]purpose|ai|an?|and|skilled"
    r"|senior|world[- ]class)[ ,]+)*(?:assistant|agent|ai|bot|chatbot|helper|expert|claude)"
    r"(?:\s*[.!])?(?:\s*(?:be|always be) (?:helpful|polite|friendly|honest)\s*[.!]?)*\s*"
)


@rule("AF518", "generic-prompt", Severity.WARNING)
def generic_prompt(ctx: Context) -> Iterator[Diagnostic]:
    """The prompt says nothing that the model does not know.

    Every model takes itself for a helpful assistant. What it cannot know is what this agent is for,
    who reads its results, where its data come from and what counts as an error.

    Bad:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        prompt: You are a helpful assistant.
    Good:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        prompt: You turn a month of orders into a page that the sales desk reads on Monday.
    """
    for agent in ctx.agents:
        text = lowered(agent.prompt.text)
        addressed = len(text) < 200 and text.lstrip().startswith(_ADDRESSING)
        if addressed and re.fullmatch(_GENERIC, text):
            yield ctx.problem(
                agent.span("prompt"),
                f"The prompt of agent {agent.spec.name!r} holds nothing about its work.",
                hint="Say what it is for, who reads the result, and what matters in it.",
            )
