"""When clocks are changed, as a table: a finding must not depend on the machine's own database.

From the IANA database 2025b, for the years from 2026 on.
"""

from __future__ import annotations

import re
from functools import cache

from agentflow.compiler.cron import Cron
from agentflow.records import NamedTuple

__all__ = ["Change", "unsteady_time"]


class Change(NamedTuple):
    """Minutes of a day that one night a year leaves out, or has twice."""

    month: int
    """0: any."""
    weekday: int
    """Sunday is 0."""
    first_day: int
    last_day: int
    start: int
    """Minute of the day."""
    end: int
    """Behind the last one."""


# Month, day of the week, days of the month, hours; then the zones. Where the days follow the moon, any month.
_CHANGES = """
3 0 8-14 02:00-03:00; 11 0 1-7 01:00-02:00
    America/Adak America/Anchorage America/Atka America/Boise America/Cambridge_Bay
    America/Chicago America/Ciudad_Juarez America/Denver America/Detroit America/Edmonton
    America/Ensenada America/Fort_Wayne America/Glace_Bay America/Goose_Bay America/Grand_Turk
    America/Halifax America/Indiana/Indianapolis America/Indiana/Knox America/Indiana/Marengo
    America/Indiana/Petersburg America/Indiana/Tell_City America/Indiana/Vevay
    America/Indiana/Vincennes America/Indiana/Winamac America/Indianapolis America/Inuvik
    America/Iqaluit America/Juneau America/Kentucky/Louisville America/Kentucky/Monticello
    America/Knox_IN America/Los_Angeles America/Louisville America/Matamoros America/Menominee
    America/Metlakatla America/Miquelon America/Moncton America/Montreal America/Nassau
    America/New_York America/Nipigon America/Nome America/North_Dakota/Beulah
    America/North_Dakota/Center America/North_Dakota/New_Salem America/Ojinaga
    America/Pangnirtung America/Port-au-Prince America/Rainy_River America/Rankin_Inlet
    America/Resolute America/Santa_Isabel America/Shiprock America/Sitka America/St_Johns
    America/Thule America/Thunder_Bay America/Tijuana America/Toronto America/Vancouver
    America/Winnipeg America/Yakutat America/Yellowknife Atlantic/Bermuda CST6CDT
    Canada/Atlantic Canada/Central Canada/Eastern Canada/Mountain Canada/Newfoundland
    Canada/Pacific EST5EDT MST7MDT Mexico/BajaNorte Navajo PST8PDT US/Alaska US/Aleutian
    US/Central US/East-Indiana US/Eastern US/Indiana-Starke US/Michigan US/Mountain US/Pacific
3 0 25-31 02:00-03:00; 10 0 25-31 02:00-03:00
    Africa/Ceuta Arctic/Longyearbyen Atlantic/Jan_Mayen CET Europe/Amsterdam Europe/Andorra
    Europe/Belgrade Europe/Berlin Europe/Bratislava Europe/Brussels Europe/Budapest
    Europe/Busingen Europe/Chisinau Europe/Copenhagen Europe/Gibraltar Europe/Ljubljana
    Europe/Luxembourg Europe/Madrid Europe/Malta Europe/Monaco Europe/Oslo Europe/Paris
    Europe/Podgorica Europe/Prague Europe/Rome Europe/San_Marino Europe/Sarajevo Europe/Skopje
    Europe/Stockholm Europe/Tirane Europe/Tiraspol Europe/Vaduz Europe/Vatican Europe/Vienna
    Europe/Warsaw Europe/Zagreb Europe/Zurich MET Poland
3 0 25-31 03:00-04:00; 10 0 25-31 03:00-04:00
    Asia/Famagusta Asia/Nicosia EET Europe/Athens Europe/Bucharest Europe/Helsinki Europe/Kiev
    Europe/Kyiv Europe/Mariehamn Europe/Nicosia Europe/Riga Europe/Sofia Europe/Tallinn
    Europe/Uzhgorod Europe/Vilnius Europe/Zaporozhye
3 0 25-31 01:00-02:00; 10 0 25-31 01:00-02:00
    Atlantic/Canary Atlantic/Faeroe Atlantic/Faroe Atlantic/Madeira Eire Europe/Belfast
    Europe/Dublin Europe/Guernsey Europe/Isle_of_Man Europe/Jersey Europe/Lisbon Europe/London
    GB GB-Eire Portugal WET
4 0 1-7 02:00-03:00; 10 0 1-7 02:00-03:00
    Antarctica/Macquarie Australia/ACT Australia/Adelaide Australia/Broken_Hill
    Australia/Canberra Australia/Currie Australia/Hobart Australia/Melbourne Australia/NSW
    Australia/South Australia/Sydney Australia/Tasmania Australia/Victoria Australia/Yancowinna
    Pacific/Norfolk
4 0 1-7 02:00-03:00; 9 0 24-30 02:00-03:00
    Antarctica/McMurdo Antarctica/South_Pole NZ Pacific/Auckland
3 6 24-30 23:00-24:00; 10 6 24-30 23:00-24:00
    America/Godthab America/Nuuk America/Scoresbysund
3 5 23-29 02:00-03:00; 10 0 25-31 01:00-02:00
    Asia/Jerusalem Asia/Tel_Aviv Israel
4 5 24-30 00:00-01:00; 10 4 25-31 23:00-24:00
    Africa/Cairo Egypt
3 0 8-14 00:00-01:00; 11 0 1-7 00:00-01:00
    America/Havana Cuba
4 6 1-7 23:00-24:00; 9 0 2-8 00:00-01:00
    America/Santiago Chile/Continental
0 6 1-31 01:00-03:00
    Asia/Gaza Asia/Hebron
4 0 1-7 01:30-02:00; 10 0 1-7 02:00-02:30
    Australia/LHI Australia/Lord_Howe
4 6 1-7 21:00-22:00; 9 6 1-7 22:00-23:00
    Chile/EasterIsland Pacific/Easter
4 0 1-7 02:45-03:45; 9 0 24-30 02:45-03:45
    NZ-CHAT Pacific/Chatham
3 0 25-31 01:00-03:00; 10 0 25-31 01:00-03:00
    Antarctica/Troll
3 0 25-31 00:00-01:00; 10 6 24-30 23:00-24:00
    Asia/Beirut
3 0 25-31 00:00-01:00; 10 0 25-31 00:00-01:00
    Atlantic/Azores
0 0 1-31 02:00-03:00
    Africa/Casablanca Africa/El_Aaiun
"""
_CHANGE = r"(\d+) (\d) (\d+)-(\d+) (\d\d):(\d\d)-(\d\d):(\d\d)"


@cache
def _table() -> dict[str, tuple[Change, ...]]:
    found: dict[str, tuple[Change, ...]] = {}
    changes: tuple[Change, ...] = ()
    for line in _CHANGES.strip("\n").split("\n"):
        if line.startswith(" "):
            found |= dict.fromkeys(line.split(), changes)
        else:
            changes = tuple(_change(match) for match in re.findall(_CHANGE, line))
    return found


def _change(numbers: tuple[str, ...]) -> Change:
    month, weekday, first, last, hour, minute, until_hour, until_minute = map(int, numbers)
    start, end = 60 * hour + minute, 60 * until_hour + until_minute
    return Change(month, weekday, first, last, start, end)


def unsteady_time(cron: Cron, zone: str) -> int | None:
    """The first minute of the day that a schedule has, and that one night leaves out or has twice.

    None: there is none, as in zones that keep their offset all year.
    """
    minutes = sorted(60 * hour + minute for hour in cron.hours for minute in cron.minutes)
    changes = [change for change in _table().get(zone, ()) if _may_be_on(cron, change)]
    return next((m for m in minutes if any(c.start <= m < c.end for c in changes)), None)


def _may_be_on(cron: Cron, change: Change) -> bool:
    """Whether the schedule has the day of a change in some year."""
    if change.month and change.month not in cron.months:
        return False
    on_weekday = change.weekday in cron.weekdays
    on_day = not cron.days.isdisjoint(range(change.first_day, change.last_day + 1))
    if len(cron.days) < 31 and len(cron.weekdays) < 7:
        return on_weekday or on_day  # restricted both: either will do
    return on_weekday and on_day
