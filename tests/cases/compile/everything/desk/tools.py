from typing import Annotated, Literal

Currency = Literal["EUR", "USD"]


async def currency_rate(currency: Currency, day: Annotated[str | None, "ISO date"] = None) -> float:
    """The rate of a currency against the dollar.

    Rates are those of the central bank.

    Args:
        currency: The currency to convert from.
    """
    return 1.0


def lookup(number):
    return number
