"""Local wall-clock time from UTC instants, as an expression every engine understands.

in   a UTC timestamp column and a zone name
out  the timestamp as the shop's clock showed it
"""

import datetime as dt
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import ibis
from ibis.expr.types import TimestampValue

from omnimix.core.errors import InvalidInput

_YEARS = 12  # clock changes are listed for so many years before `until`; older instants get the oldest offset


def offsets(zone: str, *, until: dt.datetime) -> tuple[tuple[dt.datetime, int], ...]:
    """When (UTC) the zone's offset changed before `until`, and the offset in minutes from then on; oldest first.

    Raises InvalidInput for an unknown zone.
    """
    try:
        place = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError):
        raise InvalidInput(f"there is no time zone {zone!r}", fix="use a name like Europe/London") from None

    def offset(at: dt.datetime) -> int:
        shift = at.replace(tzinfo=dt.UTC).astimezone(place).utcoffset()
        return 0 if shift is None else round(shift.total_seconds() / 60)

    day = until.replace(year=until.year - _YEARS, month=1, day=1, hour=0, minute=0, second=0, microsecond=0)
    found = [(day, offset(day))]
    while day < until:
        following = day + dt.timedelta(days=1)
        if offset(following) != offset(day):
            hours = (day + dt.timedelta(hours=h) for h in range(1, 25))
            change = next(h for h in hours if offset(h) == offset(following))
            found.append((change, offset(change)))
        day = following
    return tuple(found)


def local(at: TimestampValue, zone: str, *, until: dt.datetime) -> TimestampValue:
    """The instants of `at` (naive UTC) as naive local time of `zone`; right for the last twelve years."""
    changes = offsets(zone, until=until)
    if len(changes) == 1:
        return at + ibis.interval(minutes=changes[0][1])
    branches = [(at >= ibis.timestamp(since), minutes) for since, minutes in reversed(changes)]
    minutes = ibis.cases(*branches, else_=changes[0][1])
    return at + minutes.as_interval("m")
