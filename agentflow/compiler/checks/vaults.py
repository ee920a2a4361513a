"""Credentials of a vault, by the rules of the service.

https://platform.claude.com/docs/en/managed-agents/vaults
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from agentflow import codes
from agentflow.compiler.checks.network import host_problem
from agentflow.compiler.checks.values import reserved_keys
from agentflow.compiler.graph import Bound
from agentflow.compiler.reach import normal_url
from agentflow.diagnostics import Diagnostic

if TYPE_CHECKING:
    from agentflow.spec.vault import CredentialSpec, VaultSpec

__all__ = ["check_vault", "credential_key"]


def credential_key(credential: CredentialSpec) -> tuple[str, str]:
    """What the service finds a credential by: its kind, and a URL or a variable's name."""
    if credential.variable is not None:
        return "variable", credential.variable.name
    return "url", normal_url(credential.url or "")


def check_vault(vault: Bound[VaultSpec]) -> Iterator[Diagnostic]:
    first: dict[tuple[str, str], str] = {}
    for name, credential in vault.spec.credentials.items():
        key = credential_key(credential)
        other = first.setdefault(key, name)
        if other != name:
            field = ("variable", "name") if key[0] == "variable" else ("url",)
            what = "variable" if key[0] == "variable" else "server"
            message = f"The credentials {other!r} and {name!r} are for the same {what}."
            related = ((vault.span("credentials", other, *field), f"{other!r} is here"),)
            hint = "Remove one of them, or put it into a vault of its own."
            span = vault.span("credentials", name, *field)
            yield codes.CREDENTIAL_TWICE.at(span, message, hint=hint, related=related)
        yield from _hosts(vault, name, credential)
        yield from reserved_keys(vault, ("credentials", name, "metadata"), credential.metadata)


def _hosts(vault: Bound[VaultSpec], name: str, credential: CredentialSpec) -> Iterator[Diagnostic]:
    variable = credential.variable
    if variable is None or variable.hosts == "any":
        return
    for index, host in enumerate(variable.hosts):
        problem = host_problem(host)
        if problem is not None:
            message = f"The host {host!r} is refused by the service: {problem}."
            span = vault.span("credentials", name, "variable", "hosts", index)
            hint = "Write a bare host name such as api.northwind.dev."
            yield codes.BAD_HOST.at(span, message, hint=hint)
