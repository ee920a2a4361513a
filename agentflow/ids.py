"""Identifiers, told apart by type so that an agent id cannot be passed for a session id."""

from typing import NewType

__all__ = [
    "Address",
    "AgentId",
    "EnvironmentId",
    "EventId",
    "FileId",
    "RunId",
    "SessionId",
]

Address = NewType("Address", str)
"""`kind/name` in lower case, unique in a project: `agent/sales-analyst`."""
AgentId = NewType("AgentId", str)
EnvironmentId = NewType("EnvironmentId", str)
SessionId = NewType("SessionId", str)
EventId = NewType("EventId", str)
FileId = NewType("FileId", str)
RunId = NewType("RunId", str)
