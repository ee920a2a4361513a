def pay(amount: int) -> str:
    """Pay an amount in cents."""
    return str(amount)
