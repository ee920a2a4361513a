"""What `agentflow doctor` says of this machine."""

from __future__ import annotations

from agentflow.compiler.plan import APPLIED_KINDS
from agentflow.operations.doctor import machine


def test_every_kind_that_apply_leaves_alone_is_named() -> None:
    (finding,) = [item for item in machine() if item.subject == "not applied yet"]
    assert finding.text == "deployments, vaults, credentials, memory stores, skills"
    assert not any(f"{kind}s" in finding.text for kind in APPLIED_KINDS)
