"""The scheduler's triggers; imported when a service starts, never for one sweep."""

from __future__ import annotations

from datetime import datetime

from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger


__all__ = ["Cron", "IntervalTrigger"]


class Cron(CronTrigger):  # type: ignore[misc] # APScheduler ships no types
    """A crontab line that names its hours runs once in the hour that comes twice in autumn.

    One that runs every hour, or every so many, goes by the time that really passes, as with cron.
    """

    def get_next_fire_time(
        self, previous_fire_time: datetime | None, now: datetime
    ) -> datetime | None:
        """Return when to run next, in the trigger's time zone."""
        time: datetime | None = super().get_next_fire_time(previous_fire_time, now)
        while time is not None and time.fold and self._names_hours():
            time = super().get_next_fire_time(time, time)
        return time

    def _names_hours(self) -> bool:
        hour = next(field for field in self.fields if field.name == "hour")
        return not str(hour).startswith("*")
