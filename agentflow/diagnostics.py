"""The words every stage shares: where a problem is, what it is, and how it could be mended.

Stages build these values and return them; only `output/` turns them into text.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Generic, TypeVar

from agentflow.records import NamedTuple, field, record, replace

__all__ = [
    "SETTINGS_FILE",
    "Checked",
    "Code",
    "Diagnostic",
    "Edit",
    "Fix",
    "Level",
    "Severity",
    "Span",
    "has_errors",
]

SETTINGS_FILE = "--set"
"""What spans call the command line. The n-th `--set` is its n-th line."""

T_co = TypeVar("T_co", covariant=True)


class Severity(StrEnum):
    ERROR = "error"
    WARNING = "warning"
    INFO = "info"

    @property
    def rank(self) -> int:
        """0 for the worst, so that sorting by it puts errors first."""
        return ("error", "warning", "info").index(self.value)


class Level(StrEnum):
    """How much a reader wants to hear. Each shows what those before it show, and more."""

    REGULAR = "regular"
    """What almost every project should mend."""
    STRICT = "strict"
    """Also what a team may see as a matter of taste."""
    AUDITOR = "auditor"
    """Also what only a person can judge: for a review, not for every commit."""

    @property
    def rank(self) -> int:
        return ("regular", "strict", "auditor").index(self.value)


@record(kw_only=False, order=True)
class Span:
    """A range in a file: counted from 1, in characters, the end exclusive."""

    file: str
    """Path relative to the project, with forward slashes."""
    line: int
    column: int
    end_line: int
    end_column: int

    @classmethod
    def start_of(cls, file: str) -> Span:
        """The first character of `file`, for problems that belong to it as a whole."""
        return cls(file, 1, 1, 1, 1)

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@record(kw_only=False)
class Edit:
    """Replace the text of `span` by `text`. An empty span inserts."""

    span: Span
    text: str


@record(kw_only=False)
class Fix:
    """A way to mend a problem. Safe means that the meaning of the spec stays the same."""

    title: str
    edits: tuple[Edit, ...]
    safe: bool


@record
class Diagnostic:
    """One problem, placed."""

    code: str
    name: str
    severity: Severity
    message: str
    """What is wrong here: a full sentence, with the user's own names in it."""
    span: Span | None
    """None: no file is to blame, for instance when the service refused."""
    hint: str | None = None
    """What to do next, as an imperative or a "Did you mean ...?"."""
    related: tuple[tuple[Span, str], ...] = ()
    """Other places worth showing, each with a caption."""
    fix: Fix | None = None
    hides: tuple[Span, ...] = ()
    """What may be a secret: no excerpt shows it, not even one of another problem."""
    level: Level = Level.REGULAR
    """The first at which it is reported."""
    about: str | None = None
    """The code of a finding that this one is about, such as a comment that suppresses it.
    None: it is about no other."""
    anchor: str = field(default="", compare=False)
    """What it concerns, in words that stay when lines move: `agent/writer tools.bash`, or a file.
    Empty: the project as a whole, or not looked up."""

    def at_severity(self, severity: Severity) -> Diagnostic:
        return replace(self, severity=severity)

    def hiding(self, *spans: Span) -> Diagnostic:
        """The same, and what stands there is shown nowhere."""
        return replace(self, hides=(*self.hides, *spans))

    def on(self, code: Code) -> Diagnostic:
        """The same, as what is said about the findings of another code."""
        return replace(self, about=code.id, level=code.level)

    @property
    def sort_key(self) -> tuple[str, int, int, str, str]:
        """File, then place, then code: independent of the order in which stages found things."""
        span = self.span or Span("", 0, 0, 0, 0)
        return (span.file, span.line, span.column, self.code, self.message)


@record(kw_only=False)
class Code:
    """An entry of the catalogue. The title carries no user text, so that readers learn to skim it."""

    id: str
    name: str
    severity: Severity
    title: str
    explanation: str = ""
    """A paragraph for `agentflow explain`: why it is a problem and what to do."""
    level: Level = Level.REGULAR
    """The first at which it is reported."""

    @property
    def family(self) -> str:
        """Its topic: `AF5` of AF501, `AF10` of AF1001; `ACME` of a plugin's ACME001."""
        return self.id[:-2] if self.id.startswith("AF") else self.id.rstrip("0123456789")

    def at(
        self,
        span: Span | None,
        message: str,
        *,
        hint: str | None = None,
        related: tuple[tuple[Span, str], ...] = (),
        fix: Fix | None = None,
    ) -> Diagnostic:
        return Diagnostic(
            code=self.id,
            name=self.name,
            severity=self.severity,
            message=message,
            span=span,
            hint=hint,
            related=related,
            fix=fix,
            level=self.level,
        )


class Checked(NamedTuple, Generic[T_co]):
    """What a stage could make, and what it found. The caller decides whether to go on."""

    value: T_co
    problems: tuple[Diagnostic, ...]


def has_errors(problems: tuple[Diagnostic, ...] | list[Diagnostic]) -> bool:
    return any(problem.severity is Severity.ERROR for problem in problems)
