"""The audits, by what they look at. Importing this package registers all of them."""

from agentflow.audit.checks import (  # noqa: F401
    costs,
    errors,
    outputs,
    people,
    policies,
    safety,
    tools,
)
