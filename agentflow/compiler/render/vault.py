"""The payloads of a vault and its credentials, in which every secret is a mark.

https://platform.claude.com/docs/en/managed-agents/vaults
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from agentflow.spec.vault import CredentialSpec, OAuthSpec, RefreshSpec, VariableSpec, VaultSpec

__all__ = ["credential_payload", "vault_payload"]


def vault_payload(spec: VaultSpec) -> dict[str, Any]:
    return {
        "display_name": spec.title or spec.name,
        "metadata": dict(sorted(spec.metadata.items())),
    }


def credential_payload(name: str, spec: CredentialSpec) -> dict[str, Any]:
    """The body of one credential; `name` is its key in the vault."""
    return {
        "display_name": spec.title or name,
        "auth": _auth(spec),
        "metadata": dict(sorted(spec.metadata.items())),
    }


def _auth(spec: CredentialSpec) -> dict[str, Any]:
    if spec.variable is not None:
        return _variable(spec.variable)
    if spec.oauth is not None:
        return {"type": "mcp_oauth", "mcp_server_url": spec.url, **_oauth(spec.oauth)}
    return {"type": "static_bearer", "mcp_server_url": spec.url, "token": spec.bearer}


def _oauth(oauth: OAuthSpec) -> dict[str, Any]:
    payload: dict[str, Any] = {"access_token": oauth.access_token}
    if oauth.expires_at is not None:
        payload["expires_at"] = oauth.expires_at
    if oauth.refresh is not None:
        payload["refresh"] = _refresh(oauth.refresh)
    return payload


def _refresh(refresh: RefreshSpec) -> dict[str, Any]:
    auth = {"type": "none"}
    if refresh.client_secret is not None:
        kind = f"client_secret_{refresh.endpoint_auth}"
        auth = {"type": kind, "client_secret": refresh.client_secret}
    payload: dict[str, Any] = {
        "client_id": refresh.client_id,
        "refresh_token": refresh.refresh_token,
        "token_endpoint": refresh.token_endpoint,
        "token_endpoint_auth": auth,
    }
    optional = {"resource": refresh.resource, "scope": refresh.scope}
    return payload | {key: value for key, value in optional.items() if value is not None}


def _variable(variable: VariableSpec) -> dict[str, Any]:
    networking: dict[str, Any] = {"type": "unrestricted"}
    if variable.hosts != "any":
        networking = {"type": "limited", "allowed_hosts": list(variable.hosts)}
    return {
        "type": "environment_variable",
        "secret_name": variable.name,
        "secret_value": variable.value,
        "networking": networking,
        "injection_location": {place: place in variable.inject for place in ("header", "body")},
    }
