"""What code holds against the outputs before a run counts as completed."""

import csv
import json
from collections.abc import Mapping
from pathlib import Path

from desk.tools import slope

COLUMNS = ["day", "three_month", "two_year", "ten_year", "thirty_year"]
DATA = Path(__file__).parent.parent / "data" / "yields.csv"


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def yields_are_complete(outputs: Mapping[str, Path]) -> list[str]:
    rows = _rows(outputs["yields"])
    if not rows or list(rows[0]) != COLUMNS:
        return [f"yields.csv needs the columns {', '.join(COLUMNS)}, and at least one row."]
    return [f"{row['day']} has an empty cell." for row in rows if not all(row.values())]


def slopes_follow_from_yields(outputs: Mapping[str, Path]) -> list[str]:
    """Compares the days that the table of the desk has too."""
    known = {row["day"]: row for row in _rows(DATA)}
    wrong = []
    for entry in json.loads(outputs["slopes"].read_text(encoding="utf-8")):
        row = known.get(entry["day"])
        if row is None:
            continue
        for key, short in (("ten_less_two", "two_year"), ("ten_less_three_month", "three_month")):
            expected = slope(float(row[short]), float(row["ten_year"]))
            if entry[key] != expected:
                wrong.append(f"{key} of {entry['day']} is {expected}, not {entry[key]}.")
    return wrong
