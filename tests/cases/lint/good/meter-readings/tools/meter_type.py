"""Prints what kind of meter a number belongs to."""

import json
import sys

print("feed-in" if json.load(sys.stdin)["meter"].startswith("F") else "household")
