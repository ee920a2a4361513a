"""The check of `done`: the answer, computed by other means than the agent's."""

import json
from collections.abc import Mapping
from pathlib import Path

from planets.tools import planet

LIGHT_KM_S = 299_792.458


def agrees_with_the_table(outputs: Mapping[str, Path]) -> list[str]:
    answer = json.loads(outputs["answer"].read_text(encoding="utf-8"))
    minutes = planet(answer["planet"])["distance"] * 1e6 / LIGHT_KM_S / 60
    if abs(answer["minutes"] - minutes) <= 0.01:
        return []
    return [f"Light takes {minutes:.2f} minutes to {answer['planet']}, not {answer['minutes']}."]
