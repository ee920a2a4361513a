"""Which models run agents, and until when."""

from __future__ import annotations

from collections.abc import Mapping

from agentflow.compiler import dated
from agentflow.compiler.dated import Retirement

__all__ = ["KNOWN", "RETIRED", "RETIRING", "Retirement"]

RETIRED: Mapping[str, Retirement] = dated.RETIRED_MODELS.value
RETIRING: Mapping[str, Retirement] = dated.RETIRING_MODELS.value

KNOWN: frozenset[str] = frozenset(dated.MODELS.value) | dated.RESTRICTED_MODELS.value
