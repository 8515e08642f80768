"""Pages of a list: which there are, and the address of each with the filter kept."""

from dataclasses import dataclass
from urllib.parse import urlencode

from fastapi import Request

from hub.console.rendering import BASE

SIZE = 25
MOST = 400


@dataclass(frozen=True, slots=True)
class Paging:
    """Where one is in a list of `total` things."""

    path: str
    filter: dict[str, str]
    number: int
    total: int

    @property
    def offset(self) -> int:
        """Things before this page."""
        return (self.number - 1) * SIZE

    @property
    def last(self) -> int:
        """Number of the last page."""
        return max(1, -(-self.total // SIZE))

    @property
    def first_shown(self) -> int:
        """Number of the first thing on this page."""
        return min(self.offset + 1, self.total)

    @property
    def last_shown(self) -> int:
        """Number of the last thing on this page."""
        return min(self.offset + SIZE, self.total)

    def address(self, number: int | None = None, **change: str) -> str:
        """Of page `number` (the first when left out), with the filter changed so."""
        wanted = {**self.filter, **change}
        query = {name: value for name, value in wanted.items() if value}
        if number is not None and number > 1:
            query["page"] = str(number)
        return f"{BASE}/{self.path}" + (f"?{urlencode(query)}" if query else "")


def number_in(request: Request) -> int:
    """The page that is asked for; the first where that is no number."""
    asked = request.query_params.get("page", "")
    return min(max(int(asked), 1), MOST) if asked.isdecimal() and len(asked) < 6 else 1
