"""Bodies of environment requests.

Fields: https://platform.claude.com/docs/en/managed-agents/environments
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Discriminator, Field, field_validator

from agentflow.local.shapes.base import Metadata, MetadataPatch, Shape

__all__ = ["EnvironmentCreate", "EnvironmentUpdate"]

_Host = Annotated[
    str,
    # Bare names, `*.` in front at most: no scheme, port or path.
    Field(pattern=r"^(\*\.)?[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$", max_length=255),
]
_Packages = list[Annotated[str, Field(min_length=1)]]


class Unrestricted(Shape):
    type: Literal["unrestricted"]


class Limited(Shape):
    type: Literal["limited"]
    allowed_hosts: list[_Host] | None = None
    allow_mcp_servers: bool | None = None
    allow_package_managers: bool | None = None


class Packages(Shape):
    type: Literal["packages"] | None = None
    apt: _Packages | None = None
    cargo: _Packages | None = None
    gem: _Packages | None = None
    go: _Packages | None = None
    npm: _Packages | None = None
    pip: _Packages | None = None


class Cloud(Shape):
    type: Literal["cloud"]
    networking: Annotated[Unrestricted | Limited, Discriminator("type")] | None = None
    packages: Packages | None = None


class SelfHosted(Shape):
    type: Literal["self_hosted"]


_Config = Annotated[Cloud | SelfHosted, Discriminator("type")]
_Name = Annotated[str, Field(min_length=1, max_length=256)]
_Scope = Literal["organization", "account"]


class EnvironmentCreate(Shape):
    name: _Name
    config: _Config | None = None
    description: str | None = None
    metadata: Metadata = Field(default_factory=dict)
    scope: _Scope | None = None


class EnvironmentUpdate(Shape):
    name: _Name | None = None
    config: _Config | None = None
    description: str | None = None
    metadata: MetadataPatch | None = None
    scope: _Scope | None = None

    @field_validator("name")
    @classmethod
    def _not_null(cls, value: object) -> object:
        if value is None:
            raise ValueError("null is not allowed: leave the field out to keep its value")
        return value
