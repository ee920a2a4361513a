"""What is known of models. A model that is not in the table is not wrong, only unknown."""

from __future__ import annotations

from collections.abc import Mapping

from agentflow.compiler import dated
from agentflow.compiler.dated import ModelFacts

__all__ = ["MODELS", "ModelFacts"]

MODELS: Mapping[str, ModelFacts] = dated.MODELS.value
"""By id, newest first within a line."""
