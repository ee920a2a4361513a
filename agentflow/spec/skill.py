"""The Skill kind: instructions and scripts an agent loads when it needs them."""

from typing import Annotated, Literal, Self

from agentflow.spec.base import ApiVersion, FolderPath, Json, Name, SpecModel, Text
from agentflow.spec.declare import Field, StringConstraints, model_validator

__all__ = ["GitHubSkill", "SkillSpec"]


class GitHubSkill(SpecModel):
    repository: Annotated[
        str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9-]{0,38}/[A-Za-z0-9._-]{1,100}$")
    ] = Field(description="`owner/name` on GitHub.")
    path: Annotated[str, StringConstraints(pattern=r"^[^/\s][^\s]*$")] = Field(
        default=".", description="The folder with SKILL.md in it. Default: the root."
    )
    commit: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{40}$")] = Field(
        description="A full commit id: a branch could change under a reviewed spec."
    )


class SkillSpec(SpecModel):
    """Exactly one of `folder`, `github` and `anthropic`."""

    apiVersion: ApiVersion | None = Field(
        default=None, description="agentflow/v1, in the first document of every file."
    )
    kind: Literal["Skill"] = Field(description="What this document declares.")
    name: Name = Field(description="Part of the address: lower case, digits, hyphens.")
    title: Annotated[str, StringConstraints(min_length=1, max_length=255)] | None = Field(
        default=None, description="What the service shows. Default: the name."
    )
    description: Text | None = Field(
        default=None, description="For people; the agent reads the one in SKILL.md."
    )
    folder: FolderPath | None = Field(
        default=None, description="A folder beside the spec with SKILL.md in it: uploaded by apply."
    )
    github: GitHubSkill | None = Field(
        default=None, description="A folder of a repository, at one commit."
    )
    anthropic: Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{1,64}$")] | None = Field(
        default=None, description="A skill the service brings along: pptx, xlsx, docx, pdf."
    )
    version: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,64}$")] | None = Field(
        default=None, description="With `anthropic`: one version. Default: the latest at apply."
    )
    raw: dict[str, Json] = Field(
        default_factory=dict, description="Merged into the payload last, and not checked."
    )

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if [self.folder, self.github, self.anthropic].count(None) != 2:
            raise ValueError("A skill is exactly one of `folder`, `github` and `anthropic`.")
        if self.version is not None and self.anthropic is None:
            raise ValueError(
                "`version` goes with `anthropic`; a folder is as it stands, and GitHub has `commit`."
            )
        return self
