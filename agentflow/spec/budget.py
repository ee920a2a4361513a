"""What a run may spend, in layers. The first limit reached stops the run."""

from decimal import Decimal
from typing import Annotated, Literal

from agentflow.spec.base import Count, Duration, Money, Name, Percent, SpecModel, Text
from agentflow.spec.declare import Field

__all__ = ["AgentBudget", "BudgetSpec", "PoolSpec"]


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


class AgentBudget(BudgetSpec):
    """A run shares pools with other runs, and stops when it gets nowhere."""

    pools: Annotated[list[Name], Field(min_length=1)] | None = Field(
        default=None, description="Pools of the project that runs draw from, with all who do."
    )
    same_error: Count | Literal["off"] = Field(
        default=5,
        description="The run is stopped when a tool gives the same error in so many turns in a row; "
        "off: it never is.",
    )


class PoolSpec(SpecModel):
    """What several runs may spend together."""

    usd: Money | None = Field(default=None, description="Dollars at list price.")
    tokens: Count | None = Field(default=None, description="Tokens of all four classes.")
    per: Literal["run", "flow", "day", "month"] = Field(
        description="How long it lasts: until midnight, until the first of the month, or for one flow "
        "or run. A run draws from the pool of the time it started in."
    )
    timezone: Text = Field(
        default="UTC", description="IANA name, such as Europe/Berlin: whose midnight it is."
    )
