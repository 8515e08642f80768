"""Puts the report together. Everything is escaped; a value that is missing is an error, not a blank."""

from functools import cache

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined

from hub.linkage import notes
from hub.linkage.engines.dedupe import Result
from hub.linkage.engines.report import estimates, examples, figures, fillings, groups
from hub.linkage.engines.report.examples import Example
from hub.linkage.score import DECISIONS


def render(result: Result, name: str, *, show_values: bool = False) -> str:
    """The page about `result`, whose records came from a file called `name`; names and numbers masked unless told."""
    others, scored, count = estimates.rest(result), result.scored, len(result.register)
    auto = scored.decision == DECISIONS.index("auto")
    return (
        _environment()
        .get_template("report.html")
        .render(
            name=name,
            show_values=show_values,
            model=result.model,
            cut=result.cut,
            records=count,
            persons=int((result.persons == np.arange(count)).sum()),
            auto=int(auto.sum()),
            review=int((~auto).sum()),
            vetoed=groups.vetoed(result),
            vetoed_pairs=int((scored.vetoes > 0).sum()),
            possible=count * (count - 1) // 2,
            compared=len(result.candidates.left),
            scored=len(scored.left),
            others=others,
            histogram=figures.histogram(result, others),
            zone_cut=estimates.of(result, others, result.joined),
            zone_auto=estimates.of(result, others, auto),
            expected=result.model.prior * count * (count - 1) / 2,
            within=groups.within(result),
            coverage=result.candidates.coverage,
            sizes=groups.sizes(result),
            largest=groups.largest(result, show_values=show_values),
            fillings=fillings.of(result.register),
            first_row=result.register.cells.first_row,
            examples=examples.of(result, others, show_values=show_values),
        )
    )


@cache
def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader("hub.linkage.engines.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.globals.update(fields=notes.FIELDS, scale=_scale, log_share=figures.log_share)
    made.filters.update(n=_number, percent=_percent, bits=_bits, odds=_odds)
    return made


def _scale(example: Example) -> tuple[float, float]:
    """Least and greatest running sum of a waterfall, for its axis."""
    ends = [0.0, example.weight, *(step.before for step in example.steps), *(step.after for step in example.steps)]
    return min(ends) - 1, max(ends) + 1


def _number(value: float) -> str:
    return f"{value:,.0f}"


def _percent(share: float, like: float | None = None) -> str:
    """With as many decimals as it takes to tell it, or the share `like`, from everything or nothing."""
    told = share if like is None else like
    rest = min(told, 1 - told)
    decimals = 1 if rest >= 0.01 else 2 if rest >= 0.0005 else 4
    return f"{share * 100:.{decimals}f}\u00a0%"


def _bits(weight: float) -> str:
    return f"{weight:+.1f}".replace("-", "−")


def _odds(weight: float) -> str:
    """1 : n or n : 1, whichever is the greater."""
    times = 2 ** min(abs(weight), 60)
    shown = f"{times:,.0f}" if times >= 10 else f"{times:.1f}"
    return f"{shown} : 1" if weight >= 0 else f"1 : {shown}"
