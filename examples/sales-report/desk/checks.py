"""Checks that run on the delivered files."""

import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

_FIGURE = re.compile(r"\d[\d,]*(?:\.\d+)?")


def _numbers(value: Any) -> Iterator[float]:
    """Every number in a JSON value, however deep; numbers in keys count too."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from (float(number) for number in re.findall(r"\d+(?:\.\d+)?", key))
            yield from _numbers(item)
    elif isinstance(value, list):
        for item in value:
            yield from _numbers(item)
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        yield abs(float(value))  # a text says "fell by 2", not "-2"


def figures_agree(outputs: Mapping[str, Path]) -> list[str]:
    """Every figure of the report is one of totals.json, and the chart is a drawing."""
    totals = json.loads(outputs["totals"].read_text(encoding="utf-8"))
    known = {round(number, 4) for number in _numbers(totals)}
    report = outputs["report"].read_text(encoding="utf-8")
    problems = []
    for figure in _FIGURE.findall(report):
        number = float(figure.replace(",", ""))
        if round(number, 4) not in known:
            problems.append(f"the report says {figure}, which totals.json does not have")
    root = ET.parse(outputs["chart"]).getroot()
    if not root.tag.endswith("svg"):
        problems.append(f"chart.svg is a <{root.tag}>, not a drawing")
    return problems
