"""Every exception agentflow raises on purpose, and the exit code of each.

What the user wrote is reported as diagnostics, never by exception. These are for the outside world:

    AgentflowError              1
    ├── UsageError              2   the command line asks for something that cannot be
    ├── ProblemsFound           1   diagnostics with errors: nothing was done
    │   └── PolicyUnmet         6   nothing but policies of the project stands in the way
    ├── FileRefused             1   a file that may not, or cannot, be read
    ├── CallableRefused         1   a function that cannot be described, or not be imported
    ├── StateError              1   the state file is damaged, locked or of a newer version
    ├── Blocked                 6   drift, a policy or the wrong workspace stands in the way
    ├── BudgetReached           7   nothing is left of what a run would draw from
    ├── ServiceError            4   the service answered with an error, or not at all
    │   ├── NotFound            4
    │   ├── Conflict            4   somebody else changed the resource in between
    │   ├── Rejected            4   the service refused the request as it stands (400, 403, 413, 422)
    │   ├── Unavailable         4   it may work later (408, 429, 5xx, overloaded)
    │   └── LostAnswer          4   the connection broke: whether the request took place is unknown
    ├── StreamLost              4   an event stream ended or broke: reconnect
    ├── SecretUnavailable       1   a secret is not where the project says it is
    ├── SandboxUnavailable      1   this machine cannot confine tools
    └── PackagesFailed          1   the packages of an environment cannot be installed
"""

from __future__ import annotations

# `agentflow --help` needs the exit codes: pathlib and typing would be two thirds of its work.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path
    from typing import ClassVar

    from agentflow.diagnostics import Diagnostic

__all__ = [
    "EXIT_BLOCKED",
    "EXIT_BUDGET",
    "EXIT_BUG",
    "EXIT_CHANGES",
    "EXIT_INTERRUPTED",
    "EXIT_OK",
    "EXIT_PERSON",
    "EXIT_PROBLEMS",
    "EXIT_SERVICE",
    "EXIT_USAGE",
    "AgentflowError",
    "Blocked",
    "BudgetReached",
    "CallableRefused",
    "Conflict",
    "FileRefused",
    "LostAnswer",
    "NotFound",
    "PackagesFailed",
    "PolicyUnmet",
    "ProblemsFound",
    "Rejected",
    "SandboxUnavailable",
    "SecretUnavailable",
    "ServiceError",
    "StateError",
    "StreamLost",
    "Unavailable",
    "UsageError",
]

EXIT_OK = 0
EXIT_PROBLEMS = 1
EXIT_USAGE = 2
EXIT_BUG = 3
EXIT_SERVICE = 4
EXIT_CHANGES = 5
EXIT_BLOCKED = 6
EXIT_BUDGET = 7
EXIT_PERSON = 8
EXIT_INTERRUPTED = 130


class AgentflowError(Exception):
    """Base of all. `hint` says what to do next."""

    exit_code: ClassVar[int] = EXIT_PROBLEMS

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(AgentflowError):
    exit_code = EXIT_USAGE


class ProblemsFound(AgentflowError):
    """Diagnostics that stop a command before it does anything."""

    def __init__(
        self,
        problems: Sequence[Diagnostic],
        message: str = "The project has errors.",
        *,
        sources: Mapping[str, str] | None = None,
        root: Path | None = None,
    ) -> None:
        super().__init__(message)
        self.problems = tuple(problems)
        self.sources = dict(sources or {})
        """Text of the files they are in."""
        self.root = root
        """What their paths are relative to. None: as they stand."""


class PolicyUnmet(ProblemsFound):
    """All of its errors say that a spec does not meet a policy."""

    exit_code = EXIT_BLOCKED


class FileRefused(AgentflowError):
    """A file of the project that may not, or cannot, be read.

    `code` is the id of the catalogue entry that says why, so that a stage can place it in a spec.
    """

    def __init__(self, code: str, path: str, message: str, *, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.code = code
        self.path = path


class CallableRefused(AgentflowError):
    """A function of the project that cannot be described. The message is its error, as it says it.

    `file` and `line` are the place in the project; both None: there is none.
    """

    def __init__(self, message: str, *, file: str | None = None, line: int | None = None) -> None:
        super().__init__(message)
        self.file = file
        self.line = line


class StateError(AgentflowError):
    pass


class Blocked(AgentflowError):
    exit_code = EXIT_BLOCKED


class BudgetReached(AgentflowError):
    exit_code = EXIT_BUDGET


class ServiceError(AgentflowError):
    """The service answered with an error. Its text never carries credentials."""

    exit_code = EXIT_SERVICE

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        status: int | None = None,
        type: str | None = None,
        request_id: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.status = status
        self.type = type
        self.request_id = request_id


class NotFound(ServiceError):
    pass


class Conflict(ServiceError):
    pass


class Rejected(ServiceError):
    pass


class Unavailable(ServiceError):
    """It may work later. `retry_after_s` is what the service asked for, in seconds."""

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        status: int | None = None,
        type: str | None = None,
        request_id: str | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message, hint=hint, status=status, type=type, request_id=request_id)
        self.retry_after_s = retry_after_s


class LostAnswer(ServiceError):
    pass


class StreamLost(AgentflowError):
    exit_code = EXIT_SERVICE


class SecretUnavailable(AgentflowError):
    pass


class SandboxUnavailable(AgentflowError):
    pass


class PackagesFailed(AgentflowError):
    pass
