"""Whether a package may become a dependency: one JSON object in, one out."""

import csv
import json
import sys
from pathlib import Path

ALLOWED = {"MIT", "BSD-3-Clause", "Apache-2.0"}

name = json.load(sys.stdin)["package"].lower().replace("_", "-")
with (Path(__file__).parent / "licences.csv").open(encoding="utf-8") as file:
    licences = {row["package"]: row["licence"] for row in csv.DictReader(file)}
licence = licences.get(name)
if licence is None:
    answer = {"allowed": False, "reason": "Nobody has looked at it yet."}
else:
    answer = {"allowed": licence in ALLOWED, "reason": f"Its licence is {licence}."}
print(json.dumps(answer))
