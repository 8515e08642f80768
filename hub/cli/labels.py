"""Reads pairs that somebody knows to be one person, or two, from a CSV file."""

import csv
from pathlib import Path

from hub.errors import Invalid
from hub.services.evaluation import MOST_LABELS, Label

COLUMNS = ("region_l", "record_id_l", "region_r", "record_id_r", "same")
_ANSWERS = dict.fromkeys(("yes", "true", "1", "是"), True) | dict.fromkeys(("no", "false", "0", "否"), False)


def read(file: Path) -> list[Label]:
    """The pairs of a UTF-8 file with the columns `COLUMNS`. Raises Invalid with the line that is wrong."""
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            rows = csv.DictReader(lines)
            missing = [name for name in COLUMNS if name not in (rows.fieldnames or ())]
            if missing:
                raise Invalid("bad-labels", f"{file} lacks the columns {', '.join(missing)}.")
            found = []
            for row in rows:
                found.append(_label(row, rows.line_num))
                if len(found) > MOST_LABELS:
                    raise Invalid("too-many-labels", f"At most {MOST_LABELS:,} pairs at once.")
    except OSError as error:
        raise Invalid("bad-labels", f"{file} cannot be read: {error.strerror}.") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise Invalid("bad-labels", f"{file} is no CSV file in UTF-8.") from error
    return found


def _label(row: dict[str, str | None], line: int) -> Label:
    region_l, record_l, region_r, record_r, same = ((row[name] or "").strip() for name in COLUMNS)
    answer = _ANSWERS.get(same.lower())
    if answer is None or not (region_l and record_l and region_r and record_r):
        raise Invalid("bad-labels", f"Line {line} needs two regions, two record ids, and yes or no.")
    return Label((region_l, record_l), (region_r, record_r), answer)
