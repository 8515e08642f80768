"""`hub linkage`: another model of who is one person - trained, judged, shown, approved by a second person, undone."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated
from uuid import UUID
from zoneinfo import ZoneInfo

import typer
from rich.table import Column

from hub.cli.frame import counting, err, explained, fail, filing, out, table, with_hub
from hub.cli.labels import read as read_labels
from hub.linkage.engines import model_files
from hub.linkage.score import DECISIONS
from hub.runtime import Hub
from hub.services import evaluation, model_change, model_training, shadows
from hub.services.differences import Difference
from hub.services.evaluation import Judged
from hub.services.model_change import Preview
from hub.storage.linkage_models import FORMER, SHADOW

linkage = typer.Typer(no_args_is_help=True, help="The linkage model: train, judge, preview, put in force, take back.")

_ZONE = ZoneInfo("Asia/Shanghai")
By = Annotated[str, typer.Option(help="Who does this: an account of the hub's own staff.")]
Examples = Annotated[int, typer.Option(min=0, max=1000, help="How many of each kind are shown.")]
File = Annotated[Path, typer.Argument(help="The model, as `hub linkage train` or `hub dedupe --save-model` wrote it.")]


@linkage.command("train")
def train(
    out_file: Annotated[Path, typer.Option("--out", help="Where the model is written.")],
    name: Annotated[str, typer.Option(help="What the model is called.")] = "own",
    decisions: Annotated[
        bool, typer.Option("--decisions", help="Also learn from what stewards have decided and judged.")
    ] = False,
) -> None:
    """Train a model on the hub's own records, beginning from the one in force. Changes nothing in the hub."""
    with explained():
        model_files.refuse_existing(out_file)
    with err.status("reading a sample of the records and training on it"):
        content = with_hub(lambda hub: model_training.train(hub, name, decisions=decisions))
    with filing(out_file, "the model was not kept"):
        model_files.save(content, out_file)
    out.print(
        f"{out_file} holds a model of {content['population']:,} records; nothing has changed yet. "
        f"Next: hub linkage evaluate {out_file}",
        markup=False,
    )


@linkage.command("evaluate")
def evaluate(
    file: File,
    labels: Annotated[
        Path | None,
        typer.Option(
            help="CSV of known pairs: region_l,record_id_l,region_r,record_id_r,same (yes or no); "
            "default: what stewards have decided."
        ),
    ] = None,
) -> None:
    """Judge a model by pairs that people know, beside the model in force."""
    with explained():
        content = model_files.content(file)
        known = read_labels(labels) if labels else None
    found = with_hub(lambda hub: evaluation.evaluate(hub, content, known))
    shown = table("", Column("in force", justify="right"), Column("this model", justify="right"))
    both = (found.present, found.coming)
    shown.add_row("name", *(one.name for one in both))
    for decision in reversed(DECISIONS):
        shown.add_row(f"one person: {decision}", *(f"{one.same[decision]:,}" for one in both))
    for decision in reversed(DECISIONS):
        shown.add_row(f"two people: {decision}", *(f"{one.different[decision]:,}" for one in both))
    for title, decisions in (("auto", DECISIONS[2:]), ("auto+review", DECISIONS[1:])):
        for measure in ("precision", "recall", "F1"):
            shown.add_row(f"{measure}, {title}", *(_measured(one, measure, decisions) for one in both))
    out.print(shown)
    out.print(
        f"Judged by {found.pairs:,} pairs; the brackets hold the true share with 95 % certainty. People are asked about "
        "doubtful pairs: where nobody was asked, a model is better than this shows."
    )
    if found.unknown:
        out.print(f"{found.unknown:,} lines name records that the hub does not have.")


def _measured(one: Judged, measure: str, decisions: Sequence[str]) -> str:
    quality = one.quality(*(decision for decision in DECISIONS if decision in decisions))
    if measure == "F1":
        return f"{quality.f1:.4f}"
    share = quality.precision if measure == "precision" else quality.recall
    low, high = share.interval
    return f"{share.value:.4f} [{low:.4f}, {high:.4f}]" if share.total else "no such pair"


@linkage.command("preview")
def preview(
    file: Annotated[Path | None, typer.Argument(help="The model; none goes on with the one being previewed.")] = None,
    by: Annotated[str, typer.Option(help="Who proposes the model: an account of the hub's own staff.")] = "",
    examples: Examples = 5,
) -> None:
    """Score everybody under a model beside the one in force, and show what it would change. May be stopped and repeated."""
    if file is not None and not by:
        fail("--by says who proposes the model; nothing was changed")
    with explained():
        content = model_files.content(file) if file else None
    with counting() as progress:
        task = progress.add_task("records", total=None)

        def told(done: int, total: int) -> None:
            progress.update(task, completed=done, total=total)

        async def act(hub: Hub) -> Preview:
            if content is not None:
                shadow = await shadows.propose(hub, content, by)
            else:
                async with hub.database.read() as connection:
                    shadow = await shadows.current(connection)
            await shadows.score(hub, shadow, progress=told)
            return await model_change.preview(hub)

        found = with_hub(act)
    _show(found, examples)
    _ask_for_approval(found, "apply")


@linkage.command("apply")
def apply(
    digest: Annotated[str, typer.Argument(help="Of the difference that you approve, as the preview printed it.")],
    by: By,
) -> None:
    """Approve the difference that was shown and put the model in force; not for who proposed it."""
    _tell(with_hub(lambda hub: model_change.apply(hub, by, digest)))
    out.print("The former model is kept; `hub linkage roll-back` puts it in force again.")


@linkage.command("roll-back")
def roll_back(
    by: By,
    digest: Annotated[str | None, typer.Argument(help="Of the difference that you approve; none proposes it.")] = None,
    examples: Examples = 5,
) -> None:
    """Put the former model in force again: one person proposes it, another approves what it changes."""
    if digest is not None:
        approved = digest
        _tell(with_hub(lambda hub: model_change.roll_back(hub, by, approved)))
        return

    async def act(hub: Hub) -> Preview:
        await model_change.propose_roll_back(hub, by)
        return await model_change.preview(hub, FORMER)

    found = with_hub(act)
    _show(found, examples)
    _ask_for_approval(found, "roll-back")


@linkage.command("discard")
def discard(by: By) -> None:
    """Drop the model that is being previewed."""
    dropped = with_hub(lambda hub: shadows.discard(hub, by))
    out.print(f"the model of epoch {dropped.id} is dropped; nothing else has changed")


@linkage.command("list")
def list_models() -> None:
    """Show the models, the newest first."""
    shown = table(
        "epoch", "name", Column("state", no_wrap=True), Column("since", no_wrap=True), "proposed", "approved", "scored"
    )
    for epoch, name in with_hub(model_change.listed):
        share = epoch.cursor / epoch.last_record if epoch.last_record else 1.0
        shown.add_row(
            str(epoch.id),
            name,
            epoch.state,
            f"{epoch.state_at.astimezone(_ZONE):%Y-%m-%d}",
            epoch.proposed_by or "",
            epoch.approved_by or "",
            f"{share:.0%}" if epoch.state == SHADOW else "",
        )
    out.print(shown)


def _show(found: Preview, examples: int) -> None:
    """One table, then examples and what they mean."""
    difference = found.difference
    shown = table("", *(Column(title, justify="right") for title in ("now", "then", "difference")))
    sizes = {
        "persons": (difference.persons_now, difference.persons_then),
        "pairs linked without asking": found.links,
        "pairs that are doubtful": found.tasks,
    }
    for title, (now, then) in sizes.items():
        shown.add_row(title, f"{now:,}", f"{then:,}", f"{then - now:+,}")
    for title, number in _changes(difference).items():
        shown.add_row(title, "", "", f"{number:,}")
    out.print(shown)
    _examples([f"{one.person} comes apart into {_ids(one.others)}" for one in difference.splits], examples)
    _examples([f"{one.person} comes together from {_ids(one.others)}" for one in difference.joins], examples)
    _examples([f'records {a} and {b}: people said "same"' for a, b in difference.against_same], examples)
    _examples([f'records {a} and {b}: people said "different"' for a, b in difference.against_different], examples)
    out.print("Where the model speaks against a decision of people, the decision stays in force.")


def _changes(difference: Difference) -> dict[str, int]:
    return {
        "records that change their person": len(difference.moves),
        "persons that come apart": len(difference.splits),
        "persons that come together": len(difference.joins),
        "person ids that lead on to another": len(difference.lost),
        "person ids that come, or come back": len(difference.given),
        "review tasks that are opened": len(difference.opened),
        "review tasks that are withdrawn": len(difference.withdrawn),
        'decisions "same" the model speaks against': len(difference.against_same),
        'decisions "different" the model speaks against': len(difference.against_different),
    }


def _ids(ids: Iterable[UUID]) -> str:
    return ", ".join(map(str, ids))


def _examples(lines: Sequence[str], number: int) -> None:
    for line in lines[:number]:
        out.print(line, markup=False)
    if len(lines) > number:
        out.print(f"… and {len(lines) - number:,} more of these")


def _ask_for_approval(found: Preview, command: str) -> None:
    out.print(
        f"Nothing has changed. To approve exactly this, somebody other than {found.coming.proposed_by} runs:\n"
        f"hub linkage {command} {found.difference.digest} --by NAME",
        markup=False,
    )


def _tell(done: Difference) -> None:
    out.print(
        f"the model is in force: {len(done.moves):,} records changed their person, {len(done.splits):,} persons came "
        f"apart, {len(done.joins):,} came together, {len(done.opened):,} review tasks opened, "
        f"{len(done.withdrawn):,} withdrawn"
    )
