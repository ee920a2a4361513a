"""Booking, by the number of the invoice: a second call for one invoice changes nothing."""


def book_invoice(number: str, order: str, net_cents: int) -> str:
    """Book an invoice that fits its order.

    Args:
        number: as printed on the invoice.
        order: the order it fits.
        net_cents: net total in euro cents.
    """
    return f"{number} is booked on {order} ({net_cents} cents)"
