"""The MemoryStore kind: notes that sessions share."""

from typing import Annotated, Literal

from agentflow.spec.base import ApiVersion, Json, Metadata, Name, SpecModel
from agentflow.spec.declare import Field, StringConstraints

__all__ = ["MemoryStoreSpec"]


class MemoryStoreSpec(SpecModel):
    """Notes that outlive a session: mounted below /mnt/memory."""

    apiVersion: ApiVersion | None = Field(
        default=None, description="agentflow/v1, in the first document of every file."
    )
    kind: Literal["MemoryStore"] = Field(description="What this document declares.")
    name: Name = Field(description="Part of the address: lower case, digits, hyphens.")
    title: Annotated[str, StringConstraints(min_length=1, max_length=255)] | None = Field(
        default=None, description="What the service shows, and its folder. Default: the name."
    )
    description: Annotated[str, StringConstraints(min_length=1, max_length=1024)] | None = Field(
        default=None, description="The agent reads it: what the store is for."
    )
    metadata: Metadata = Field(default_factory=dict, description="Kept on the service.")
    raw: dict[str, Json] = Field(
        default_factory=dict, description="Merged into the payload last, and not checked."
    )
