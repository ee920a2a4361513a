"""Declare Claude Managed Agents in YAML; lint, plan, apply and run them."""

# Importing this package imports nothing else: what it offers is looked up when it is first used.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from agentflow.api import resume, resume_async, run, run_async
    from agentflow.errors import AgentflowError, ProblemsFound
    from agentflow.looking import (
        Audited,
        Finding,
        audit_session,
        compare_sessions,
        session_costs,
    )
    from agentflow.operations.supervisor import Supervisor
    from agentflow.runtime.approvals import Answer, Person
    from agentflow.runtime.run import OutputResult, RunResult, Verdict
    from agentflow.runtime.session import Call

__all__ = [
    "AgentflowError",
    "Answer",
    "Audited",
    "Call",
    "Finding",
    "OutputResult",
    "Person",
    "ProblemsFound",
    "RunResult",
    "Supervisor",
    "Verdict",
    "__version__",
    "audit_session",
    "compare_sessions",
    "resume",
    "resume_async",
    "run",
    "run_async",
    "session_costs",
]

__version__ = "0.1.0"

_HOME = {
    "AgentflowError": "agentflow.errors",
    "Answer": "agentflow.runtime.approvals",
    "Audited": "agentflow.looking",
    "Call": "agentflow.runtime.session",
    "Finding": "agentflow.looking",
    "OutputResult": "agentflow.runtime.run",
    "Person": "agentflow.runtime.approvals",
    "ProblemsFound": "agentflow.errors",
    "RunResult": "agentflow.runtime.run",
    "Supervisor": "agentflow.operations.supervisor",
    "Verdict": "agentflow.runtime.run",
    "audit_session": "agentflow.looking",
    "compare_sessions": "agentflow.looking",
    "resume": "agentflow.api",
    "resume_async": "agentflow.api",
    "run": "agentflow.api",
    "run_async": "agentflow.api",
    "session_costs": "agentflow.looking",
}


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    found: object = getattr(import_module(_HOME[name]), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME})
