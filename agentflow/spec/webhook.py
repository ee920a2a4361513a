"""A webhook: somebody elsewhere who is asked by a signed request."""

from agentflow.spec.base import SecretText, SpecModel
from agentflow.spec.custom import RequestUrl
from agentflow.spec.declare import Field

__all__ = ["Webhook"]


class Webhook(SpecModel):
    """Somebody elsewhere, asked by a signed POST."""

    webhook: RequestUrl = Field(
        description="Where the question is sent. https, or http on this machine. A redirect is not "
        "followed."
    )
    secret: SecretText = Field(
        description="What requests are signed with, so that the receiver knows whom they are from.",
        examples=["${secret.approvals}"],
    )
