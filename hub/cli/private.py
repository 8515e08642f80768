"""`hub link-private`: encode a register at a region, compare two encodings at the hub. Needs no server and no settings.

Prints numbers, never a value of a record, a key or a pseudonym.
"""

from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn

from hub.cli.frame import err, explained, out
from hub.linkage.private.compare import CROWDED, THRESHOLD

link_private = typer.Typer(
    no_args_is_help=True, help="Find who two regions both know, where neither may show the other its list."
)


def _progress() -> Progress:
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        console=err,
    )


@link_private.command("encode")
def encode(
    file: Annotated[Path, typer.Argument(help="CSV or Parquet with the columns of `hub dedupe`.")],
    result: Annotated[Path, typer.Argument(metavar="OUT", help="The file to send to the hub.")],
    key_file: Annotated[Path, typer.Option(help="The secret of the two regions, 32 random bytes or more.")],
    exchange: Annotated[str, typer.Option(help="Name of this exchange, the same at both regions, used once.")] = "",
    pseudonyms: Annotated[Path | None, typer.Option(help="Also write whose pseudonym is whose; keep it here.")] = None,
) -> None:
    """At a region: turn records into encodings that only encodings made with the same key resemble."""
    from hub.linkage.engines import encodings, files

    with explained(), _progress() as progress:
        keys = encodings.read_key(key_file, exchange)
        encodings.refuse_existing(result, pseudonyms)
        owners: dict[str, str] | None = None if pseudonyms is None else {}
        task = progress.add_task("encoding", total=None)
        cells = files.read(file, threads=2)
        found = encodings.of(
            cells, keys, lambda done, total: progress.update(task, total=total, completed=done), owners
        )
        encodings.write(found, keys.check, result)
        if pseudonyms is not None and owners is not None:
            encodings.write_pseudonyms(found, owners, pseudonyms)
    out.print(f"encoded {len(found)} records; left out {found.left_out} of which too little is known")


@link_private.command("compare")
def compare(
    a: Annotated[Path, typer.Argument(help="Encodings of the one region.")],
    b: Annotated[Path, typer.Argument(help="Encodings of the other region.")],
    result: Annotated[Path, typer.Argument(metavar="OUT", help="CSV of pairs of pseudonyms.")],
    threshold: Annotated[float, typer.Option(min=0.5, max=1.0, help="How alike two encodings must be.")] = THRESHOLD,
    crowded: Annotated[int, typer.Option(min=1, help="A band that more records share is passed over.")] = CROWDED,
) -> None:
    """At the hub: pair the records that resemble each other most, one with one. Needs no key and learns no value."""
    from hub.linkage.engines import encodings
    from hub.linkage.private import compare as comparing

    with explained(), _progress() as progress:
        (left, check), (right, other) = encodings.read(a), encodings.read(b)
        encodings.same_keys(check, other)
        encodings.refuse_existing(result)
        task = progress.add_task("comparing", total=None)
        found = comparing.alike(
            (left.bits, left.bands),
            (right.bits, right.bands),
            threshold,
            crowded=crowded,
            progress=lambda done, total: progress.update(task, total=total, completed=done),
        )
        chosen = comparing.one_to_one(found)
        encodings.write_pairs(left, right, chosen, result)
    out.print(f"paired {len(chosen[0])} of {len(left)} and {len(right)} records")
