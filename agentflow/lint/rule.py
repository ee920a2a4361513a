"""What a lint rule is, and what it sees.

The decorator only builds a `Rule`; `registry.py` lists the rules by hand. A rule yields what it
finds and decides nothing else: the engine selects, suppresses and sorts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Literal

from agentflow.compiler.fragments import Fragments, fragments_of
from agentflow.compiler.graph import AgentNode, Bound, Graph, TemplateText
from agentflow.compiler.manifest import Compiled
from agentflow.diagnostics import Code, Diagnostic, Fix, Level, Severity, Span
from agentflow.lint.prose import Prose
from agentflow.lint.texts import agent_texts
from agentflow.records import field, record, replace
from agentflow.source.tree import Path

if TYPE_CHECKING:
    from agentflow.ports import Files
    from agentflow.spec.environment import EnvironmentSpec

__all__ = ["Check", "Confidence", "Context", "Rule", "rule"]

Confidence = Literal["high", "medium", "low"]
"""high: the spec itself shows it. medium: read from prose, which can mean something else.
low: a hint for a reviewer, who has to judge it; such a rule is for level `auditor`."""


@record(kw_only=False)
class Context:
    """What every rule gets: the whole project, so that it can look across specs."""

    graph: Graph
    compiled: Compiled | None
    """None: some spec has errors, so nothing could be rendered."""
    code: Code | None = field(default=None)
    """Of the rule that runs; the engine sets it."""
    files: Files | None = field(default=None)
    """Where texts include from. None: what they include is not looked at."""
    _texts: dict[str, tuple[tuple[str, Prose], ...]] = field(default_factory=dict, compare=False)
    """By address: read once, for all rules."""
    _all_fragments: list[Fragments] = field(default_factory=list, compare=False)
    """One entry once they were looked for: most projects have none."""
    _prose: dict[tuple[str, int, Path], Prose] = field(default_factory=dict, compare=False)
    """By file, document and place: what many agents include is read once too."""

    @property
    def agents(self) -> tuple[AgentNode, ...]:
        return tuple(self.graph.agents.values())

    @property
    def environments(self) -> tuple[Bound[EnvironmentSpec], ...]:
        return tuple(self.graph.environments.values())

    def environment_of(self, agent: AgentNode) -> Bound[EnvironmentSpec] | None:
        """None: the agent names none, one that agentflow does not manage, or one with errors."""
        if agent.environment is None:
            return None
        return self.graph.environments.get(agent.environment.removeprefix("environment/"))

    def texts(self, agent: AgentNode) -> tuple[tuple[str, Prose], ...]:
        """What the agent reads, each with what it is part of; see `agent_texts`."""
        known = self._texts.get(agent.address)
        if known is None:
            texts = agent_texts(agent, fragments=self._fragments, files=self.files)
            known = tuple((field, self._read(text)) for field, text in texts)
            self._texts[agent.address] = known
        return known

    def _read(self, text: TemplateText) -> Prose:
        key = (text.name, id(text.document), text.path)
        return self._prose.setdefault(key, Prose(text))

    def passages(self, *, task: bool = True) -> Iterator[tuple[str, AgentNode, Prose]]:
        """Every text that agents read, once, with what it is part of and the first agent.

        For what is wrong with a text whoever reads it. `task`: also tasks.
        """
        seen: set[int] = set()
        for agent in self.agents:
            for whole, prose in self.texts(agent):
                if (task or whole != "task") and id(prose) not in seen:
                    seen.add(id(prose))
                    yield whole, agent, prose

    def templates(self) -> Iterator[TemplateText]:
        """Every text that some agent reads."""
        return (prose.source for agent in self.agents for _, prose in self.texts(agent))

    @property
    def _fragments(self) -> Fragments:
        if not self._all_fragments:
            self._all_fragments.append(fragments_of(self.graph))
        return self._all_fragments[0]

    def problem(
        self,
        span: Span | None,
        message: str,
        *,
        hint: str | None = None,
        related: tuple[tuple[Span, str], ...] = (),
        fix: Fix | None = None,
    ) -> Diagnostic:
        """A finding of the running rule."""
        assert self.code is not None, "only the engine runs rules"
        return self.code.at(span, message, hint=hint, related=related, fix=fix)


Check = Callable[[Context], Iterator[Diagnostic]]


@record
class Rule:
    """A check and its documentation, which comes from the check's docstring."""

    code: Code
    confidence: Confidence
    since: str
    """The version of agentflow that brought it."""
    check: Check
    bad: str
    """A complete project in one YAML file that the rule reports."""
    good: str
    """The same, mended."""

    def run(self, context: Context) -> Iterator[Diagnostic]:
        return self.check(replace(context, code=self.code))


def rule(
    id: str,
    name: str,
    severity: Severity,
    *,
    confidence: Confidence = "high",
    level: Level | None = None,
    since: str = "0.1.0",
) -> Callable[[Check], Rule]:
    """Make a `Rule` of a check.

    The docstring of the check is: the title in its first line; why, in paragraphs; then `Bad:` and
    `Good:`, each with an indented example.

    Args:
        level: the first at which it reports. None: `auditor` with low confidence, else `regular`.

    Raises:
        ValueError: the docstring does not have that form.
    """
    default = Level.AUDITOR if confidence == "low" else Level.REGULAR

    def build(check: Check) -> Rule:
        title, why, bad, good = _parts(id, check.__doc__ or "")
        return Rule(
            code=Code(id, name, severity, title, why, level=level or default),
            confidence=confidence,
            since=since,
            check=check,
            bad=bad,
            good=good,
        )

    return build


def _parts(id: str, doc: str) -> tuple[str, str, str, str]:
    """Title and reason, and what is bad and good."""
    text, bad = _split(doc, "Bad:")
    bad, good = _split(bad, "Good:")
    title, _, why = text.partition("\n")
    if not good or not title.strip() or not why.strip():
        raise ValueError(f"The docstring of {id} needs a title, a reason, `Bad:` and `Good:`.")
    return title.strip(), _dedented(why), f"{_dedented(bad)}\n", f"{_dedented(good)}\n"


def _split(text: str, word: str) -> tuple[str, str]:
    """What stands above the first line that has nothing but this word, and what stands below."""
    at = text.find(f"{word}\n")
    while at >= 0:
        above, _, margin = text[:at].rpartition("\n")
        if not margin.strip(" "):
            return above, text[at + len(word) + 1 :]
        at = text.find(f"{word}\n", at + 1)
    return text, ""


def _dedented(text: str) -> str:
    """Without the indentation of its first line. `textwrap` costs more than most rules take to run."""
    text = text.strip("\n").rstrip()
    margin = text[: len(text) - len(text.lstrip(" "))]
    return text.removeprefix(margin).replace(f"\n{margin}", "\n") if margin else text
