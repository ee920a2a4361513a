"""Schedules in hours that a night leaves out or has twice, against the zone database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest

from agentflow.compiler.cron import Cron, parse_cron
from agentflow.compiler.zones import zones
from agentflow.lint.clocks import unsteady_time


def cron(text: str) -> Cron:
    parsed = parse_cron(text)
    assert isinstance(parsed, Cron)
    return parsed


@pytest.mark.parametrize(
    ("text", "zone", "minute"),
    [
        ("30 2 * * *", "Europe/Berlin", 150),
        ("0 1-4 * * *", "Europe/Berlin", 120),
        ("59 2 * * 0", "Europe/Berlin", 179),
        ("15 1 * * *", "Europe/London", 75),
        ("0 3 * * *", "Europe/Helsinki", 180),
        ("30 1 * * *", "America/New_York", 90),
        ("30 2 * 3 *", "America/New_York", 150),
        ("30 0 * * *", "America/Santiago", 30),
        ("0 2 31 * *", "Europe/Berlin", 120),
        ("0 2 1 * 0", "Europe/Berlin", 120),
        ("0 2 31 * 1", "Europe/Berlin", 120),
        ("0 2 * * *", "Africa/Casablanca", 120),
    ],
)
def test_a_time_that_is_not_there_every_night(text: str, zone: str, minute: int) -> None:
    assert unsteady_time(cron(text), zone) == minute


@pytest.mark.parametrize(
    ("text", "zone"),
    [
        ("0 1 * * *", "Europe/Berlin"),
        ("0 3 * * *", "Europe/Berlin"),
        ("59 1 * * *", "Europe/Berlin"),
        ("30 2 * * *", "Asia/Tokyo"),
        ("30 2 * * *", "America/Sao_Paulo"),
        ("30 2 * * *", "UTC"),
        ("30 2 * * 1-5", "Europe/Berlin"),
        ("30 2 * * 1-5", "America/New_York"),
        ("30 2 * 6 *", "Europe/Berlin"),
        ("30 2 * 11 *", "America/New_York"),
        ("30 2 1 * *", "Europe/Berlin"),
        ("30 2 1 * 1", "Europe/Berlin"),
        ("0 2 * * *", "Europe/Helsinki"),
    ],
)
def test_a_time_that_is_there_every_night(text: str, zone: str) -> None:
    assert unsteady_time(cron(text), zone) is None


@pytest.mark.skipif(not available_timezones(), reason="this machine has no zone database")
@pytest.mark.parametrize(
    "zone", ["Europe/Berlin", "Europe/Kyiv", "America/Denver", "Asia/Jerusalem"]
)
def test_the_table_agrees_with_the_database(zone: str) -> None:
    there = ZoneInfo(zone)
    offsets: list[timedelta] = []
    hour = datetime(2027, 1, 1, tzinfo=UTC)
    while hour.year == 2027:
        offset = hour.astimezone(there).utcoffset()
        assert offset is not None
        if offsets and offsets[-1] != offset:
            first = hour + min(offset, offsets[-1])  # skipped or doubled, from here on
            last = hour + max(offset, offsets[-1]) - timedelta(minutes=1)
            assert is_unsteady(first, zone)
            assert is_unsteady(last, zone)
            assert not is_unsteady(first - timedelta(minutes=1), zone)
            assert not is_unsteady(last + timedelta(minutes=1), zone)
        offsets.append(offset)
        hour += timedelta(hours=1)
    assert len(set(offsets)) == 2


def is_unsteady(local: datetime, zone: str) -> bool:
    at = cron(f"{local.minute} {local.hour} {local.day} {local.month} *")
    return unsteady_time(at, zone) == 60 * local.hour + local.minute


def test_the_table_names_zones_that_exist() -> None:
    every = cron("0 * * * *")
    changing = {zone for zone in zones() if unsteady_time(every, zone) is not None}
    assert len(changing) == 201
    assert {"Europe/Berlin", "Pacific/Chatham", "Egypt"} <= changing
    assert not {"UTC", "Asia/Kolkata", "America/Phoenix"} & changing
