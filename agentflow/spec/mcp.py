"""MCP servers of an agent, and which of their tools it may use."""

from typing import Annotated, ClassVar

from agentflow.spec.base import CredentialRef, SpecModel, Url, Word
from agentflow.spec.declare import Field, StringConstraints
from agentflow.spec.tool import Policy

__all__ = ["McpName", "McpServer", "McpTool", "McpToolName"]

McpName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{0,63}[A-Za-z0-9_]$")]
"""Shorter than the service allows (255): approvals call the tools `server.tool`."""

McpToolName = Annotated[str, StringConstraints(min_length=1, max_length=128)]


class McpTool(SpecModel):
    word_key: ClassVar[str | None] = "policy"

    policy: Policy = Field(
        description="allow: runs. ask: waits for an answer by the `approvals` rules. "
        "auto: the service judges each call. off: the agent does not have it."
    )


class McpServer(SpecModel):
    """A remote MCP server. Its tools are off until they are named."""

    url: Url = Field(description="Where it listens: streamable HTTP, or SSE.")
    auth: CredentialRef | None = Field(
        default=None,
        description="The credential it takes: `vault/desk.warehouse`. Its vault is attached to every "
        "session. Credentials never stand in an agent.",
    )
    tools: dict[McpToolName, Annotated[McpTool, Word()]] = Field(
        default_factory=dict, description="One word each; tools that are not named follow `others`."
    )
    others: Policy = Field(default="off", description="For tools of the server not named above.")
    required: bool = Field(
        default=False,
        description="true: a run ends at once when the server cannot be reached for good, or refuses its "
        "credential. Otherwise it goes on without the server's tools, with a warning.",
    )
