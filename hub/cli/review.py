"""`hub review`: samples that say how good the links are, and decisions as labels to train on."""

from pathlib import Path
from typing import Annotated

import typer

from hub.cli.frame import filing, out, table, with_hub
from hub.runtime import Hub
from hub.services import labels, samples
from hub.services.sessions import HUB_REGION, User

review = typer.Typer(no_args_is_help=True, help="What people say of the links: samples, quality, labels.")
_OPERATOR = "operator"


@review.command("sample")
def sample() -> None:
    """Draw a sample of pairs now; stewards judge it in the console, without seeing what the hub decided."""

    async def act(hub: Hub) -> str:
        drawn = await samples.draw(hub, _OPERATOR)
        return f"sample {drawn} is drawn; stewards judge its pairs at {hub.settings.base_url}/console/quality"

    out.print(with_hub(act), markup=False)


@review.command("quality")
def quality() -> None:
    """Show what the newest samples say: precision and recall of the links, each with its 95 % interval."""
    reader = User(0, _OPERATOR, _OPERATOR, None, HUB_REGION, HUB_REGION, HUB_REGION, (), "en")
    shown = table("drawn", "model", "judged", "unsure", "precision", "recall")
    for found in with_hub(lambda hub: samples.quality(hub, reader)):
        judged = sum(stratum.judged for stratum in found.strata)
        drawn = f"{found.round.drawn_at:%Y-%m-%d %H:%M} UTC"
        figures = [str(e) if e.covered else "unknown" for e in (found.precision, found.recall)]
        shown.add_row(drawn, found.round.model, str(judged), str(found.unsure), *figures)
    out.print(shown)


@review.command("labels")
def export_labels(file: Annotated[Path, typer.Argument(help="Where the labelled pairs are written, as CSV.")]) -> None:
    """Write decisions and judgements as labelled pairs: record ids of the hub, no names and no numbers of people."""
    found = with_hub(lambda hub: labels.labelled(hub, _OPERATOR))
    with filing(file, "the labels were not written; name another place"):
        labels.write(file, found)
    out.print(f"{len(found)} labelled pairs in {file}", markup=False)
