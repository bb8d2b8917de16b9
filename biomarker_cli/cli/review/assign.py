"""``biomarker review assign``: write a blinded worklist for each reader."""

from __future__ import annotations

from pathlib import Path

import click

from biomarker_cli.cli.output import say
from biomarker_cli.cli.strict_command import strict_command
from biomarker_cli.model.wording import counted

_EPILOG = """\b
Examples:
  biomarker review assign pool --readers 2 --seed 2026 --repeat 10% -o review
  biomarker review assign results --readers alice,bob --seed 7 --role ct \\
      --item pirads=1,2,3,4,5 --item management=watch,biopsy,surgery -o review

The folder gets worklist_READER.csv for each reader, and review.json, which says whose
each review id is: it stays with who coordinates, and its owner alone may read it.
"""


@strict_command(epilog=_EPILOG)
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--readers", metavar="N|A,B", required=True, help="How many readers, or their names.")
@click.option("--seed", metavar="TEXT", required=True, help="Orders and ids follow from it.")
@click.option("--repeat", metavar="PCT", default="0", help="Cases that each reader reads twice.")
@click.option(
    "--item",
    "items",
    metavar="NAME[=A,B,C]",
    multiple=True,
    help="What is judged, and its categories; repeat it.  [default: finding]",
)
@click.option("--role", "roles", metavar="ROLE", multiple=True, help="Only these images.")
@click.option("--timepoint", "timepoints", metavar="T", multiple=True, help="Only these visits.")
@click.option(
    "-o", "--output", metavar="DIR", required=True, type=click.Path(path_type=Path), help="Folder."
)
def assign(
    folder: Path,
    readers: str,
    seed: str,
    repeat: str,
    output: Path,
    **given: tuple[str, ...],
) -> None:
    """Write a worklist for each reader, in an order of its own, without names of cases.

    Every reader reads every case; repeats have another review id and stand in the
    second half. The same seed gives the same bytes. DIR is a run or a pool.
    """
    from biomarker_cli.model.errors import ConfigurationError
    from biomarker_cli.multicentre.review import (
        KEY_FILE,
        ReviewPlan,
        cases_to_review,
        parse_item,
        write_review,
    )
    from biomarker_cli.multicentre.review import assign as assigned

    plan = ReviewPlan(
        _names(readers),
        tuple(map(parse_item, given["items"] or ("finding",))),
        seed,
        _share(repeat),
    )
    if (output / KEY_FILE).exists() or any(output.glob("worklist_*.csv")):
        raise ConfigurationError(
            "OUTPUT-EXISTS", f"{output} holds an earlier review", hint="Choose another folder."
        )
    files = assigned(cases_to_review(folder, given["roles"], given["timepoints"]), plan)
    output.mkdir(parents=True, exist_ok=True)
    write_review(files, output)
    for name, content in files.items():
        if name != KEY_FILE:
            n_lines = len(content.splitlines()) - 1
            say(f"{name}: {counted(n_lines, 'reading')}")
    say(f"written: {output}; {KEY_FILE} stays with you", err=True)


def _names(said: str) -> tuple[str, ...]:
    if said.isascii() and said.isdigit():
        return tuple(f"reader{n}" for n in range(1, min(int(said), 1000) + 1))
    return tuple(name.strip() for name in said.split(","))


def _share(said: str) -> float:
    try:
        return float(said.removesuffix("%")) / 100
    except ValueError as error:
        raise click.UsageError("--repeat is a number of percent.") from error
