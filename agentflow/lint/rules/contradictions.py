"""AF513: two sentences of which only one can be followed."""

from __future__ import annotations

from collections.abc import Iterator

from agentflow.diagnostics import Diagnostic, Severity, Span
from agentflow.lint.prose import Phrase, Prose
from agentflow.lint.rule import Context, rule
from agentflow.records import NamedTuple

__all__ = [
    "contradictory_instructions",
]


class _Pair(NamedTuple):
    one: Phrase
    other: Phrase


_OPPOSITES = (
    _Pair(
        Phrase(
            r"(?:be|keep (?:it|your (?:answers?|replies|responses?))) (?:very )?"
            r"(?:concise|brief|short|terse)(?=\s*(?:[.;!]|\Z))",
            marks=("concise", "brief", "short", "terse"),
        ),
        Phrase(
            r"(?:be )?as (?:detailed|exhaustive|comprehensive|verbose|long) as possible"
            r"|in as much detail as possible|be (?:very )?(?:verbose|exhaustive)(?=\s*(?:[.;!]|\Z))",
            marks=("as possible", "verbose", "exhaustive", "as\npossible"),
        ),
    ),
    _Pair(
        Phrase(
            r"(?:answer|reply|respond|return) (?:only (?:with|in) (?:valid )?json|with json only"
            r"|(?:with|in) nothing but (?:valid )?json)\b",
            marks=("json",),
        ),
        Phrase(
            r"(?:answer|reply|respond|return your answer) (?:in|as|with) (?:github |plain )?"
            r"(?:markdown|prose|html|plain text)\b",
            marks=("markdown", "prose", "html", "plain text", "plain\ntext"),
        ),
    ),
    _Pair(
        Phrase(
            r"(?:proceed|go on|continue|carry on|act) without (?:asking|confirmation|approval)\b"
            r"|(?:do not|don['\u2019]t|never) (?:ask|wait) for (?:confirmation|approval|permission)\b",
            marks=("without", "confirmation", "approval", "permission"),
        ),
        Phrase(
            r"(?:always )?(?:ask|wait) for (?:my |our |the user['\u2019]s |explicit )?"
            r"(?:confirmation|approval|permission)\b",
            marks=("confirmation", "approval", "permission"),
        ),
    ),
)


@rule("AF513", "contradictory-instructions", Severity.WARNING, confidence="medium")
def contradictory_instructions(ctx: Context) -> Iterator[Diagnostic]:
    """Two sentences of a prompt say the opposite.

    The model follows one of them, another time the other, or spends its thinking on which was
    meant. Where one is for a special case, the case belongs into the sentence.

    Bad:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        prompt: |
          Analyse the orders. Be concise.
          Describe each region in as much detail as possible.
    Good:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        prompt: |
          Analyse the orders. Be concise: one paragraph for each region.
    """
    for agent in ctx.agents:
        texts = [prose for _, prose in ctx.texts(agent)]
        for first, second in (*_opposites(texts), *_taken_back(texts), *_two_languages(texts)):
            yield ctx.problem(
                second[0],
                f"Agent {agent.spec.name!r} is told {second[1]!r}, and elsewhere {first[1]!r}.",
                hint="Keep one of them, or say when each holds.",
                related=((first[0], "the opposite"),),
            )


_Said = tuple[Span, str]
"""Where it is said, and how."""


def _opposites(texts: list[Prose]) -> Iterator[tuple[_Said, _Said]]:
    for pair in _OPPOSITES:
        first = _first(texts, pair.one, denied=True)
        second = first and _first(texts, pair.other, denied=False)
        if first is not None and second is not None:
            yield first, second


_ALWAYS = Phrase(r"always (?P<what>[^.;:!?\n,]{6,80})(?=[.;!]|\Z|\n)", marks=("always",))


_NEVER = Phrase(
    r"(?:never|do not|don['\u2019]t) (?P<what>[^.;:!?\n,]{6,80})(?=[.;!]|\Z|\n)",
    marks=("never", "not", "n't", "n\u2019t"),
)


def _taken_back(texts: list[Prose]) -> Iterator[tuple[_Said, _Said]]:
    """What is always to be done, and never, in the same words."""
    always: dict[str, _Said] = {}
    for prose in texts:
        for match in prose.find(_ALWAYS, code=False):
            said = (prose.span(match), prose.written(match))
            always.setdefault(" ".join(match["what"].split()), said)
    for prose in texts if always else ():
        for match in prose.find_all(_NEVER, code=False):
            before = always.get(" ".join(match["what"].split()))
            if before is not None:
                yield before, (prose.span(match), prose.written(match))


_LANGUAGE = Phrase(
    r"(?:always )?(?:answer|reply|respond|write)(?: everything| the report)? (?:only )?in "
    r"(?P<language>english|german|french|spanish|italian|dutch|portuguese|polish|japanese|chinese)"
    r"(?=\s*(?:[.;!]|\Z))",
    marks=("english", "german", "french", "ish", "ian", "dutch", "portu", "japan", "chin"),
)


def _two_languages(texts: list[Prose]) -> Iterator[tuple[_Said, _Said]]:
    """Two languages, both of them without a condition."""
    first: tuple[str, _Said] | None = None
    for prose in texts:
        for match in prose.find(_LANGUAGE, code=False):
            if prose.sentence_before(match.start()).strip(" \n\t-*"):
                continue
            said = (prose.span(match), prose.written(match))
            if first is not None and first[0] != match["language"]:
                yield first[1], said
                return
            first = first or (match["language"], said)


def _first(texts: list[Prose], phrase: Phrase, *, denied: bool) -> tuple[Span, str] | None:
    """Where the first of the texts says it, and how. `denied`: also with a negation before it."""
    for prose in texts:
        for match in (prose.find_all if denied else prose.find)(phrase, code=False):
            return prose.span(match), prose.written(match)
    return None
