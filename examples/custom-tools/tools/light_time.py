"""The tool that is a program: minutes that light takes for a distance in millions of kilometres."""

import json
import sys

LIGHT_KM_S = 299_792.458

distance = json.load(sys.stdin)["distance"]
if distance <= 0:
    sys.exit("A distance is above zero.")
print(round(distance * 1e6 / LIGHT_KM_S / 60, 2))
