from __future__ import annotations

import gc
import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from agentflow import secret

# How long a case takes says more about the machine than about the case; what counts is what it finds.
settings.register_profile("agentflow", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("agentflow")

MATRICES = ("fault matrix", "crash matrix")


@pytest.fixture(scope="session", autouse=True)
def no_kept_answers() -> Iterator[None]:
    """No test hears what an earlier one was told, and none leaves answers behind."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AGENTFLOW_CACHE_DIR", os.devnull)
        yield


@pytest.fixture(autouse=True)
def no_known_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    """A secret that one test has read is masked in no text of another."""
    monkeypatch.setattr(secret, "_shown", {})


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What takes minutes runs with `-m matrix`; every other run takes a sample of it, or less."""
    if "matrix" in config.option.markexpr:
        return
    left_out = [item for item in items if item.get_closest_marker("matrix")]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


def pytest_collection_finish() -> None:
    """What has been collected stays: without it, looking for garbage takes a tenth less of the tests."""
    gc.collect()
    gc.freeze()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """How many cases of each matrix were played, counted over all processes of the run."""
    for name in MATRICES:
        found = [
            counts
            for reports in terminalreporter.stats.values()
            for report in reports
            if getattr(report, "when", None) == "call"
            for key, counts in report.user_properties
            if key == name
        ]
        if found:
            cases, failures = (sum(counts[n] for counts in found) for n in (0, 1))
            terminalreporter.write_line(f"{name}: {cases} cases, {failures} failures")
