"""The Vault kind: credentials for MCP servers and for programs in the sandbox, by secret reference."""

from typing import Annotated, Literal, Self

from agentflow.spec.base import (
    ApiVersion,
    Json,
    Metadata,
    Name,
    SecretText,
    SpecModel,
    Text,
    Url,
)
from agentflow.spec.declare import Field, StringConstraints, model_validator

__all__ = ["CredentialSpec", "OAuthSpec", "RefreshSpec", "VariableSpec", "VaultSpec"]

CredentialName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{0,63}[A-Za-z0-9_]$")]


class RefreshSpec(SpecModel):
    """How a new access token is fetched."""

    client_id: Text = Field(description="Of the OAuth client.")
    refresh_token: SecretText = Field(description="Traded for access tokens: `${secret.x}`.")
    token_endpoint: Url = Field(description="Where it is traded.")
    endpoint_auth: Literal["none", "basic", "post"] = Field(
        default="none", description="How the client secret is sent."
    )
    client_secret: SecretText | None = Field(
        default=None, description="With `endpoint_auth: basic` or `post`."
    )
    resource: Text | None = Field(
        default=None, description="Sent along: what the token is for (RFC 8707)."
    )
    scope: Text | None = Field(default=None, description="Sent along: scopes, with spaces between.")

    @model_validator(mode="after")
    def _secret_goes_with_auth(self) -> Self:
        if (self.client_secret is None) != (self.endpoint_auth == "none"):
            raise ValueError("`client_secret` goes with `endpoint_auth: basic` or `post`.")
        return self


class OAuthSpec(SpecModel):
    access_token: SecretText = Field(description="The token of now: `${secret.x}`.")
    expires_at: (
        Annotated[str, StringConstraints(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z$")]
        | None
    ) = Field(default=None, description="UTC, as in 2027-01-31T12:00:00Z.")
    refresh: RefreshSpec | None = Field(
        default=None, description="How the next token is fetched. Default: not at all."
    )


Host = Annotated[str, StringConstraints(min_length=1, max_length=255)]


class VariableSpec(SpecModel):
    """An environment variable whose value is put in when a request leaves the sandbox."""

    name: Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")] = Field(
        description="Of the environment variable. The sandbox only sees a placeholder in it."
    )
    value: SecretText = Field(description="What it holds: `${secret.x}`.")
    hosts: Annotated[list[Host], Field(min_length=1, max_length=16)] | Literal["any"] = Field(
        description="Where the value may be sent; the Environment has to allow these hosts too."
    )
    inject: Annotated[list[Literal["header", "body"]], Field(min_length=1, max_length=2)] = Field(
        default=["header"], description="The parts of a request it is put into."
    )


class CredentialSpec(SpecModel):
    """One of `bearer`, `oauth` and `variable`."""

    url: Url | None = Field(
        default=None, description="The MCP server it is for; with `bearer` and `oauth`."
    )
    bearer: SecretText | None = Field(default=None, description="A token that does not change.")
    oauth: OAuthSpec | None = Field(default=None, description="Tokens that are refreshed.")
    variable: VariableSpec | None = Field(
        default=None, description="For programs in the sandbox, not for MCP servers."
    )
    title: Annotated[str, StringConstraints(min_length=1, max_length=255)] | None = Field(
        default=None, description="What the service shows. Default: its name."
    )
    metadata: Metadata = Field(default_factory=dict, description="Kept on the service.")
    raw: dict[str, Json] = Field(
        default_factory=dict, description="Merged into the payload last, and not checked."
    )

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if [self.bearer, self.oauth, self.variable].count(None) != 2:
            raise ValueError("A credential is exactly one of `bearer`, `oauth` and `variable`.")
        if (self.url is None) != (self.variable is not None):
            raise ValueError("`url` is compulsory with `bearer` and `oauth`, and only with them.")
        return self


class VaultSpec(SpecModel):
    """Credentials that sessions use without ever seeing them."""

    apiVersion: ApiVersion | None = Field(
        default=None, description="agentflow/v1, in the first document of every file."
    )
    kind: Literal["Vault"] = Field(description="What this document declares.")
    name: Name = Field(description="Part of the address: lower case, digits, hyphens.")
    title: Annotated[str, StringConstraints(min_length=1, max_length=255)] | None = Field(
        default=None, description="What the service shows. Default: the name."
    )
    description: Text | None = Field(default=None, description="For people who read the spec.")
    credentials: Annotated[dict[CredentialName, CredentialSpec], Field(max_length=20)] = Field(
        default_factory=dict, description="By a name of your own: `vault/desk.warehouse`."
    )
    metadata: Metadata = Field(default_factory=dict, description="Kept on the service.")
    raw: dict[str, Json] = Field(
        default_factory=dict, description="Merged into the payload last, and not checked."
    )
