"""Options that plan and apply share."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from agentflow.compiler.plan import DriftPolicy

__all__ = ["add_drift_options", "drift_policy"]


def add_drift_options(parser: ArgumentParser) -> None:
    group = parser.add_mutually_exclusive_group()
    group.add_argument(
        "--accept-drift", action="store_true", help="keep what was changed on the service"
    )
    group.add_argument(
        "--overwrite-drift", action="store_true", help="replace what was changed on the service"
    )


def drift_policy(args: Namespace) -> DriftPolicy:
    if args.accept_drift:
        return DriftPolicy.ACCEPT
    return DriftPolicy.OVERWRITE if args.overwrite_drift else DriftPolicy.BLOCK
