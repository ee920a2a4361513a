"""The tool of the analyst."""


def slope(short: float, long: float) -> int:
    """The slope between two yields, in whole basis points; below zero where the curve is inverted.

    Args:
        short: yield of the shorter maturity, percent per year
        long: yield of the longer maturity, percent per year
    """
    return round((long - short) * 100)
