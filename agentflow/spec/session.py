"""What a session is given beside its agent: files, repositories, memory, vaults and an outcome.

An agent says it for its runs, a deployment for the sessions it starts.
"""

from typing import Annotated, ClassVar, Literal, Self

from agentflow.spec.base import (
    File,
    MemoryStoreRef,
    Metadata,
    SecretText,
    SpecModel,
    Title,
)
from agentflow.spec.declare import Field, StringConstraints, field_validator, model_validator

__all__ = [
    "FileMount",
    "MemoryMount",
    "MountPath",
    "OutcomeSpec",
    "Repository",
    "SessionSpec",
]

MountPath = Annotated[str, StringConstraints(pattern=r"^/[^\s]*[^\s/]$", max_length=1024)]


class FileMount(SpecModel):
    """A file that every session can read."""

    word_key: ClassVar[str | None] = "path"

    path: Annotated[
        str, StringConstraints(pattern=r"^(?:\.\.?/.+|id:file_[A-Za-z0-9]+)$"), File("data")
    ] = Field(description="A file beside the spec (`./…`), or `id:file_…` for an uploaded one.")
    mount: MountPath | None = Field(
        default=None,
        description="Where it appears below /mnt/session/uploads. Default: its own name.",
    )


class Repository(SpecModel):
    """A GitHub repository that is cloned into every session."""

    url: Annotated[
        str,
        StringConstraints(
            pattern=r"^https://github\.com/[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]*[A-Za-z0-9_-]$"
        ),
    ] = Field(
        description="https://github.com/owner/name, without `.git`.",
        json_schema_extra={
            "pattern": r"^https://github\.com/[A-Za-z0-9_.-]+/(?!.*\.git$)[A-Za-z0-9_.-]*[A-Za-z0-9_-]$"
        },
    )
    branch: Annotated[str, StringConstraints(min_length=1, max_length=255)] | None = Field(
        default=None,
        description="Its newest commit when a session starts. Default: the main branch.",
    )
    commit: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{40}$")] | None = Field(
        default=None, description="A full commit id: the one way to always get the same code."
    )
    mount: Annotated[str, StringConstraints(pattern=r"^/workspace/[^\s]*[^\s/]$")] | None = Field(
        default=None, description="Where it appears below /workspace. Default: its name."
    )
    token: SecretText | None = Field(
        default=None, description="`${secret.x}`: to clone it, and to push if the token may."
    )

    @field_validator("url")
    @classmethod
    def _no_git(cls, url: str) -> str:
        if url.endswith(".git"):
            raise ValueError("The service takes the address without `.git`.")
        return url

    @model_validator(mode="after")
    def _one_checkout(self) -> Self:
        if self.branch is not None and self.commit is not None:
            raise ValueError("Only one of `branch` and `commit` can be set.")
        return self


class MemoryMount(SpecModel):
    """A memory store that every session sees below /mnt/memory."""

    word_key: ClassVar[str | None] = "store"

    store: MemoryStoreRef = Field(description="The name of a MemoryStore, or `id:memstore_…`.")
    access: Literal["read_only", "read_write"] = Field(
        default="read_only",
        description="read_write: what a session writes, later ones read. Not with untrusted input.",
    )
    instructions: Annotated[str, StringConstraints(min_length=1, max_length=4096)] | None = Field(
        default=None, description="What the agent is told about this store."
    )


class OutcomeSpec(SpecModel):
    """A grader in a context of its own holds the result against a rubric."""

    word_key: ClassVar[str | None] = "rubric"

    rubric: Annotated[str, StringConstraints(min_length=1, max_length=262_144), File()] = Field(
        description="`done` for the points of `done`, a file beside the spec, or the text."
    )
    description: Annotated[str, StringConstraints(min_length=1)] | None = Field(
        default=None, description="What is to be achieved. Default: the task."
    )
    max_iterations: Annotated[int, Field(ge=1, le=20)] = Field(
        default=3, description="How often the agent may try again."
    )


class SessionSpec(SpecModel):
    title: Title | None = Field(default=None, description="Shown in lists of sessions.")
    metadata: Metadata = Field(default_factory=dict, description="Kept on each session.")
