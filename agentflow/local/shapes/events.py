"""What a client may send to a session.

Fields: https://platform.claude.com/docs/en/managed-agents/reference#event-types
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, model_validator

from agentflow.local.shapes.base import Shape

__all__ = ["ClientEvent", "SendEvents"]


class Text(Shape):
    type: Literal["text"]
    text: str


class Image(Shape):
    type: Literal["image"]
    source: dict[str, Any]


class Media(Shape):
    type: Literal["document"]
    source: dict[str, Any]
    title: str | None = None
    context: str | None = None


class SearchResult(Shape):
    type: Literal["search_result"]
    source: str
    title: str
    content: list[Text]
    citations: dict[str, Any] | None = None


_MessageBlock = Annotated[Text | Image | Media, Discriminator("type")]
_ResultBlock = Annotated[Text | Image | Media | SearchResult, Discriminator("type")]


class UserMessage(Shape):
    type: Literal["user.message"]
    content: Annotated[list[_MessageBlock], Field(min_length=1)]


class UserInterrupt(Shape):
    type: Literal["user.interrupt"]
    session_thread_id: str | None = None


class ToolConfirmation(Shape):
    type: Literal["user.tool_confirmation"]
    tool_use_id: str
    result: Literal["allow", "deny"]
    deny_message: str | None = None

    @model_validator(mode="after")
    def _message_only_with_deny(self) -> ToolConfirmation:
        if self.deny_message is not None and self.result != "deny":
            raise ValueError("deny_message is only allowed with result `deny`")
        return self


class CustomToolResult(Shape):
    type: Literal["user.custom_tool_result"]
    custom_tool_use_id: str
    content: list[_ResultBlock] | None = None
    is_error: bool | None = None


class ToolResult(Shape):
    type: Literal["user.tool_result"]
    tool_use_id: str
    content: list[_ResultBlock] | None = None
    is_error: bool | None = None


class DefineOutcome(Shape):
    type: Literal["user.define_outcome"]
    description: str
    rubric: dict[str, Any]
    max_iterations: int | None = None


class SystemMessage(Shape):
    type: Literal["system.message"]
    content: Annotated[list[Text], Field(min_length=1, max_length=1000)]


ClientEvent = Annotated[
    UserMessage
    | UserInterrupt
    | ToolConfirmation
    | CustomToolResult
    | ToolResult
    | DefineOutcome
    | SystemMessage,
    Discriminator("type"),
]


class SendEvents(Shape):
    events: Annotated[list[ClientEvent], Field(min_length=1)]
