"""What a run may spend, in layers. The first limit reached stops the run."""

from decimal import Decimal

from pydantic import Field

from agentflow.spec.base import Count, Duration, Money, Percent, SpecModel

__all__ = ["BudgetSpec"]


class BudgetSpec(SpecModel):
    usd: Money | None = Field(
        default=None, description="Dollars at list price. The service enforces it too."
    )
    tokens: Count | None = Field(
        default=None,
        description="Tokens of all four classes: input, output, cache reads and cache writes.",
    )
    turns: Count | None = Field(default=None, description="Model requests.")
    tool_calls: Count | None = Field(default=None, description="Calls of any tool.")
    active: Duration | None = Field(default=None, description="Time the session is running.")
    wall: Duration | None = Field(default=None, description="Time from start to end.")
    warn_at: Percent = Field(
        default=Decimal("0.8"), description="The agent is warned once this share is used."
    )
