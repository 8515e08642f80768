"""Moments as people read them: local time of the screen's zone, in the screen's language."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_datetime, format_timedelta

_LOCALES = {"zh": "zh_CN", "en": "en_GB"}


@dataclass(frozen=True, slots=True)
class Times:
    """Formats for one screen."""

    language: str
    zone: str

    @property
    def _locale(self) -> str:
        return _LOCALES[self.language]

    def moment(self, at: datetime) -> str:
        """Day and minute."""
        pattern = "y年M月d日 HH:mm" if self.language == "zh" else "d MMM y, HH:mm"
        return format_datetime(at, pattern, tzinfo=ZoneInfo(self.zone), locale=self._locale)

    def short(self, at: datetime) -> str:
        """Day and minute without the year."""
        pattern = "M月d日 HH:mm" if self.language == "zh" else "d MMM, HH:mm"
        return format_datetime(at, pattern, tzinfo=ZoneInfo(self.zone), locale=self._locale)

    def day(self, at: datetime) -> str:
        """The day with its weekday."""
        local = at.astimezone(ZoneInfo(self.zone)).date()
        return format_date(local, "y年M月d日 EEEE" if self.language == "zh" else "EEEE d MMMM y", self._locale)

    def distance(self, at: datetime, now: datetime) -> str:
        """How long ago, or in how long."""
        return format_timedelta(at - now, granularity="minute", add_direction=True, locale=self._locale)

    def length(self, time: timedelta) -> str:
        """How long something lasts."""
        return format_timedelta(time, granularity="minute", locale=self._locale)

    def written(self, value: str) -> str:
        """A date as records write it (YYYY, YYYY-MM or YYYY-MM-DD); anything else as it is."""
        parts = value.split("-")
        if not all(part.isdigit() for part in parts) or len(parts) > 3 or len(parts[0]) != 4:
            return value
        if self.language == "zh":
            return "".join(f"{int(part)}{unit}" for part, unit in zip(parts, "年月日", strict=False))
        if len(parts) < 3:
            return value
        try:
            return format_date(date(*(int(part) for part in parts)), "d MMM y", self._locale)
        except ValueError:
            return value

    def iso(self, at: datetime) -> str:
        """For the machine."""
        return at.astimezone(ZoneInfo(self.zone)).isoformat(timespec="seconds")
