"""The Environment kind: where tools run, what they reach and what is installed."""

from typing import Annotated, Literal, Self

from agentflow.spec.base import (
    ApiVersion,
    Json,
    Metadata,
    Name,
    RefTo,
    ShortForm,
    SpecModel,
    Text,
    Title,
)
from agentflow.spec.declare import BeforeValidator, Field, StringConstraints, model_validator

__all__ = ["PACKAGE_MANAGERS", "EnvironmentSpec", "NetworkSpec", "PackagesSpec"]

PACKAGE_MANAGERS = ("apt", "cargo", "gem", "go", "npm", "pip")
"""In the order in which the service installs."""

Host = Annotated[str, StringConstraints(min_length=1, max_length=255)]


def _network_from_word(value: object) -> object:
    return {"open": True} if value == "open" else value


EnvironmentName = Annotated[Name, RefTo("environment")]


class NetworkSpec(SpecModel):
    """Nothing listed means closed. `network: open` lifts every restriction."""

    open: bool = Field(default=False, description="No restriction at all.")
    hosts: list[Host] = Field(
        default_factory=list,
        description="Bare host names; `*.example.com` covers subdomains, not example.com itself.",
    )
    packages: bool = Field(
        default=False, description="Package managers may reach their registries."
    )
    mcp: Literal["inferred", "off"] = Field(
        default="off", description="inferred: the hosts of declared MCP servers are reachable."
    )


class PackagesSpec(SpecModel):
    """Packages by manager, each in the manager's own version syntax."""

    apt: list[Text] = Field(
        default_factory=list, description="Debian packages, as `graphviz`.", examples=[["graphviz"]]
    )
    cargo: list[Text] = Field(
        default_factory=list,
        description="Rust crates, as `hyperfine@1.18.0`.",
        examples=[["hyperfine@1.18.0"]],
    )
    gem: list[Text] = Field(
        default_factory=list, description="Ruby gems, as `rails:7.1.0`.", examples=[["rails:7.1.0"]]
    )
    go: list[Text] = Field(
        default_factory=list,
        description="Go programs, each by its path and version.",
        examples=[["golang.org/x/tools/cmd/goimports@latest"]],
    )
    npm: list[Text] = Field(
        default_factory=list,
        description="Node packages, as `express@4.18.0`.",
        examples=[["express@4.18.0"]],
    )
    pip: list[Text] = Field(
        default_factory=list,
        description="Python packages, as `pandas==2.3.3`.",
        examples=[["pandas==2.3.3"]],
    )


class EnvironmentSpec(SpecModel):
    """A sandbox in the cloud or on machines of your own, or its stand-in on this machine."""

    apiVersion: ApiVersion | None = Field(
        default=None, description="agentflow/v1, in the first document of every file."
    )
    kind: Literal["Environment"] = Field(description="What this document declares.")
    name: Name = Field(description="Part of the address: lower case, digits, hyphens.")
    title: Title | None = Field(
        default=None, description="What the service shows. Default: the name."
    )
    extends: EnvironmentName | None = Field(
        default=None, description="An Environment whose values this one starts from."
    )
    abstract: bool = Field(
        default=False, description="Only to be extended: it is not created on a service."
    )
    description: Text | None = Field(default=None, description="For people; shown on the service.")
    hosting: Literal["cloud", "self-hosted"] = Field(
        default="cloud",
        description="self-hosted: workers of your own run the tools; `network` and `packages` are theirs.",
    )
    scope: Literal["organization", "account"] | None = Field(
        default=None, description="Who can use it. Default: the service's own."
    )
    network: Annotated[
        NetworkSpec, BeforeValidator(_network_from_word), ShortForm(schema={"const": "open"})
    ] = Field(default_factory=NetworkSpec, description="What tools can reach, or `open`.")
    packages: PackagesSpec = Field(
        default_factory=PackagesSpec, description="Installed before the first session."
    )
    metadata: Metadata = Field(default_factory=dict, description="Kept on the service.")
    raw: dict[str, Json] = Field(
        default_factory=dict, description="Merged into the payload last, and not checked."
    )

    @model_validator(mode="after")
    def _only_in_the_cloud(self) -> Self:
        if self.hosting == "self-hosted" and self.model_fields_set & {"network", "packages"}:
            raise ValueError(
                "Workers of your own decide what tools reach and what is installed: `network` and "
                "`packages` go with `hosting: cloud`."
            )
        return self
