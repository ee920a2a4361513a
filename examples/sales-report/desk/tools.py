"""Tools that run on our side when the agent calls them."""

import csv
from pathlib import Path

_TABLE = Path(__file__).with_name("price-index.csv")


def price_index(years: list[int]) -> dict[str, float]:
    """Consumer price index of the United States, as an annual average.

    The index is CPI-U, all items, where 1982 to 1984 is 100. To compare an amount of one year in
    dollars of another, multiply it by the index of the other year and divide by that of its own.

    Args:
        years: The calendar years to look up, such as 2014.
    """
    with _TABLE.open(encoding="utf-8", newline="") as file:
        table = {int(row["year"]): float(row["index"]) for row in csv.DictReader(file)}
    missing = [year for year in years if year not in table]
    if missing:
        raise ValueError(f"no index for {missing}; known are {min(table)} to {max(table)}")
    return {str(year): table[year] for year in years}
