"""How long compile takes: 1,000 agents against reading and parsing the same files, and up to 10,000.

    python benchmarks/compile.py [--runs N] [--specs N] [--most N]

The yardstick is the fastest safe YAML loader that is installed. Every command is a process of its own,
started in turn with the others; figures are medians, memory is the largest resident size.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
import tempfile
from pathlib import Path

from common import make_project, measure_in_turn, show

LOADERS = {
    "ryaml": "import ryaml; load = ryaml.loads",
    "yaml": "import yaml; load = lambda text: yaml.load(text, Loader=yaml.CSafeLoader)",
    "ruamel.yaml": "import ruamel.yaml; load = ruamel.yaml.YAML(typ='safe', pure=False).load",
}
"""The fastest first."""

PARSE = (
    "{imports}; import pathlib, sys; "
    "[load(p.read_text()) for p in pathlib.Path(sys.argv[1]).glob('agent-*.yaml')]"
)


def parser_command(folder: Path) -> tuple[str, list[str]]:
    name = next(name for name in LOADERS if importlib.util.find_spec(name) is not None)
    code = PARSE.format(imports=LOADERS[name])
    return f"read and parse ({name})", [sys.executable, "-c", code, str(folder)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--specs", type=int, default=1000)
    parser.add_argument(
        "--most", type=int, default=10_000, help="of the second part; 0 leaves it out"
    )
    args = parser.parse_args()
    compile_ = [sys.executable, "-m", "agentflow", "compile", "-C"]
    with tempfile.TemporaryDirectory() as scratch:
        plain = make_project(Path(scratch) / "plain", args.specs)
        layered = make_project(Path(scratch) / "layered", args.specs, composed=True)
        yardstick, parse = parser_command(plain)
        medians = measure_in_turn(
            {
                yardstick: parse,
                f"compile, {args.specs:,} agents": [*compile_, str(plain)],
                f"compile, {args.specs:,} agents in layers": [*compile_, str(layered)],
            },
            args.runs,
            scratch=Path(scratch),
        )
        show(f"{args.specs:,} agents in one project", medians, yardstick)
        if args.most:
            growth(Path(scratch), args.most, compile_)


def growth(scratch: Path, most: int, compile_: list[str]) -> None:
    """The cost of one more spec, in steps up to `most`."""
    print("\nOne more agent")
    before, wall = 0, 0.0
    for specs in (most // 10, most // 4, most // 2, most):
        folder = make_project(scratch / str(specs), specs, composed=True)
        measured = measure_in_turn({"compile": [*compile_, str(folder)]}, 1, scratch=scratch)[
            "compile"
        ]
        each = (measured.wall_s - wall) / (specs - before) * 1000
        print(
            f"  up to {specs:>7,} agents: {each:>6.2f} ms each, {measured.wall_s:>6.1f} s, "
            f"peak {measured.peak_mib:>5.0f} MiB"
        )
        before, wall = specs, measured.wall_s


if __name__ == "__main__":
    main()
