"""The command `mappings`: test the examples, try a file, begin a new mapping. Reads files; sends nothing anywhere."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Column, Table

from mappings import examples, released, scaffold
from mappings.engine.load import Mapping, load, names, root
from mappings.engine.model import Context, Issue, MappingError, RowResult, UnreadableFile
from mappings.readable import readable

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)
_out = Console()
_STYLES = {"error": "red", "warning": "yellow", "information": "cyan"}
_SHOWN_DIFFERENCES = 20


@app.command("list")
def show_all() -> None:
    """Name every mapping, its kind and whether its records are sealed at the county."""
    table = _table(Column("mapping", no_wrap=True), "kind", "sealed", "released", "title", box=None)
    known = released.digests()
    for name in names():
        mapping = load(name)
        state = "yes" if known.get(name) == mapping.digest else "CHANGED" if name in known else "no"
        table.add_row(name, mapping.kind, "yes" if mapping.sealed else "", state, f"{mapping.title['zh']}")
    _out.print(table)


@app.command("test")
def check(
    name: Annotated[str | None, typer.Argument(help="A mapping; without one all are tested.")] = None,
    write: Annotated[bool, typer.Option(help="Take what comes out now as what is expected.")] = False,
) -> None:
    """Run the examples of a mapping, or of all, and compare with what is expected."""
    failed = count = 0
    for one in [name] if name else names():
        mapping = load(one)
        found = examples.examples(root() / one)
        if not found:
            _out.print(f"[red]{one}: there are no examples")
            failed += 1
        for example in found:
            count += 1
            if write:
                examples.write(mapping, example)
            failed += not _passes(mapping, example)
    problems = released.problems() if name is None else []
    for problem in problems:
        _out.print(f"[red]{problem}")
    _out.print(f"{count} examples, {failed} failed")
    if failed or problems:
        raise typer.Exit(1)


def _passes(mapping: Mapping, example: examples.Example) -> bool:
    differences = examples.compare(mapping, example)
    if not differences:
        return True
    _out.print(f"[red]{mapping.name}: example {example.name} differs")
    table = _table("place", "expected", "found")
    for difference in differences[:_SHOWN_DIFFERENCES]:
        table.add_row(difference.place, str(difference.expected), str(difference.found))
    _out.print(table)
    return False


@app.command("try")
def attempt(
    name: Annotated[str, typer.Argument(help="The mapping to use.")],
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A file of the county.")],
    limit: Annotated[int, typer.Option(min=1, help="Show this many rows.")] = 20,
    chinese: Annotated[bool, typer.Option("--zh", help="Issues in Chinese.")] = False,
) -> None:
    """Translate a file and show what came of each row; nothing is stored or sent."""
    mapping = load(name)
    table = _table("row", "", "translated", "issues", show_lines=True, title=f"{file.name} · {mapping.name}")
    shown = total = good = 0
    try:
        with file.open("rb") as stream:
            for batch in mapping.read(stream, file_name=file.name):
                for issue in batch.issues:
                    _out.print(_sentence(issue, chinese))
                results = mapping.apply(batch.rows, Context(mapping.county, datetime.now(UTC)))
                for result in results[: max(0, limit - shown)]:
                    table.add_row(*_cells(result, chinese))
                    shown += 1
                total += len(results)
                good += sum(result.ok for result in results)
    except UnreadableFile as fault:
        _out.print(_sentence(fault.issue, chinese))
        raise typer.Exit(1) from fault
    _out.print(table)
    _out.print(f"{total} rows, {good} translated, {total - good} refused; {shown} shown")


def _table(*columns: str | Column, **look: Any) -> Table:
    """A table that keeps every word: on a narrow screen a long one goes on in the next line and is not cut off."""
    return Table(*(Column(one, overflow="fold") if isinstance(one, str) else one for one in columns), **look)


def _cells(result: RowResult, chinese: bool) -> tuple[str, str, str, str]:
    mark = "[green]✓" if result.ok else "[red]✗"
    issues = "\n".join(_sentence(issue, chinese) for issue in result.issues)
    return str(result.row), mark, _plain(readable(result)), issues


def _sentence(issue: Issue, chinese: bool) -> str:
    place = " ".join(part for part in (f"row {issue.row}" if issue.row else "", issue.column or "") if part)
    text = issue.text_zh if chinese else issue.text
    return f"[{_STYLES[issue.severity]}]{issue.code}[/] {_plain(place)}: {_plain(text)}"


def _plain(text: str) -> str:
    """Text from a file is never markup."""
    return text.replace("[", r"\[")


@app.command()
def new(
    name: Annotated[str, typer.Argument(help="COUNTY/KIND, such as shantang/person.")],
    into: Annotated[Path | None, typer.Option(help="Folder to make it in; default: this package.")] = None,
) -> None:
    """Make a folder for a new mapping that already works, to be filled with the county's own columns."""
    county, _, kind = name.partition("/")
    folder = scaffold.create(into or root(), county, kind)
    _out.print(f"made {folder}")
    _out.print("next: put a file of the county under examples/, edit mapping.yaml, run `mappings test`")


def main() -> None:
    """Entry point; a mapping that does not hold together is told in one line."""
    try:
        app()
    except MappingError as error:
        _out.print(f"[red]{_plain(str(error))}")
        raise SystemExit(2) from error
