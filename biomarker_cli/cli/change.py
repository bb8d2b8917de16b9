"""``biomarker change``: which changes between visits are larger than test-retest noise."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import click

from biomarker_cli.cli.new_files import require_new_file, write_new_file
from biomarker_cli.cli.options import format_option
from biomarker_cli.cli.output import Listing, print_json, say
from biomarker_cli.cli.strict_command import strict_command
from biomarker_cli.model.wording import counted

MOST_SHOWN = 500
"""Rows that are laid out for a terminal; table and JSON hold all."""

MOST_UNDEFINED = 20
"""Of these, rows that nothing was held against."""

_EPILOG = """\b
Examples:
  biomarker change results --repeatability repeatability/repeatability.json -o changes.csv
  biomarker change pool --published adc-liver --roi 'LIVER*' --against previous
  biomarker change results --repeatability rc.json --feature 'adc.intensity.median' \\
      --interval '1 day' --roi-method 'freehand, one reader'

Days are those between the dates of the visits, as the facts of a run (study_date) or
the column date of a table have them. Volumes get a doubling time and growth.
"""


@strict_command(
    epilog=_EPILOG,
    needs=dict.fromkeys(("--interval", "--roi-method"), "--repeatability"),
)
@click.argument(
    "tables", metavar="TABLE...", nargs=-1, required=True, type=click.Path(path_type=Path)
)
@click.option(
    "--repeatability",
    "known",
    metavar="FILE.json",
    type=click.Path(path_type=Path),
    help="As `biomarker repeatability -o` writes it.",
)
@click.option(
    "--published",
    metavar="ENTRY",
    multiple=True,
    help="Published limits for features that the file has not, such as adc-liver; repeat it.",
)
@click.option(
    "--against",
    type=click.Choice(["first", "previous"]),
    default="first",
    show_default=True,
    help="Visit that a later one is held against.",
)
@click.option(
    "--feature", "features", metavar="PATTERN", multiple=True, help="Only these; repeat it."
)
@click.option("--roi", "rois", metavar="PATTERN", multiple=True, help="Only these; repeat it.")
@click.option(
    "--interval", metavar="TEXT", default="", help="The interval that the file was found for."
)
@click.option("--roi-method", metavar="TEXT", default="", help="How these ROIs were drawn.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write changes.csv here.")
@format_option
def change(tables: tuple[Path, ...], output_format: str, **given: Any) -> None:
    """Hold changes between the visits of a subject against the repeatability coefficient.

    `exceeds_rc95` says that test-retest noise alone would be so large in one of
    twenty unchanged values; it does not say why the value changed. Where analysis,
    scanner, interval or ROI method are not those of the file, the row carries
    rc_other_conditions; `differs` names what was not alike at the two visits.
    """
    from biomarker_cli.multicentre.change import ChangeRules, changes, load_repeatability
    from biomarker_cli.multicentre.changes_table import CHANGES
    from biomarker_cli.multicentre.observations import Observations, read_observations, selected
    from biomarker_cli.multicentre.published import load_published
    from biomarker_cli.tables.cells import csv_line
    from biomarker_cli.tables.writing import table_lines

    output: Path | None = given["output"]
    if output is not None:
        require_new_file(output)
    rules = ChangeRules(
        known=None if given["known"] is None else load_repeatability(given["known"]),
        published=load_published(given["published"]) if given["published"] else None,
        stated={name: given[name] for name in ("interval", "roi_method")},
        against=given["against"],
    )
    frame = selected(read_observations(tables).frame, given["features"], given["rois"])
    found = changes(Observations(frame), rules)
    rows = [one.row for one in found]
    if output is not None:
        write_new_file(output, csv_line(CHANGES.column_names) + table_lines(CHANGES, rows))
        say(f"written: {output}", err=True)
    if output_format == "json":
        print_json([{name: row.get(name) for name in CHANGES.column_names} for row in rows])
        return
    _print_text(rows)
    _print_counts(found)
    if given["known"] is None and not given["published"]:
        say("  next   Name what noise alone does: --repeatability FILE, or --published.", err=True)


def _print_text(rows: list[Any]) -> None:
    names = ("subject", "visit", "roi", "feature", "change", "limits", "exceeds_rc95", "flags")
    table = Listing("", names, whole=("exceeds_rc95",))
    judged = [row for row in rows if row["exceeds_rc95"] != "undefined"]
    undefined = [row for row in rows if row["exceeds_rc95"] == "undefined"]
    told = sorted(judged, key=lambda row: row["exceeds_rc95"] == "no")[:MOST_SHOWN]
    for row in [*told, *undefined[:MOST_UNDEFINED]]:
        subject = "/".join(filter(None, (row["site_id"], row["subject_id"])))
        visit = f"{row['baseline']}-{row['timepoint']}"
        parts = (subject, visit, row["roi_id"], row["feature_id"], *_numbers(row))
        table.add_row(*parts, row["exceeds_rc95"], row["flags"])
    table.print()
    if len(judged) > MOST_SHOWN:
        say(f"and {len(judged) - MOST_SHOWN} more: -o and --format json give them", err=True)
    further = Counter(row.get("reason") or row["flags"] for row in undefined[MOST_UNDEFINED:])
    for why, number in sorted(further.items()):
        say(f"and {number} more undefined: {why}")


def _numbers(row: Any) -> tuple[str, str]:
    if row.get("rule") is None:
        percent = row.get("change_percent")
        return "-" if percent is None else f"{percent:+.4g} %", row.get("reason", "")
    is_absolute = row["rule"] == "absolute"
    unit = row["unit"] if is_absolute else "%"
    moved = row["change"] if is_absolute else row["change_percent"]
    return f"{moved:+.4g} {unit}", f"{row['limit_low']:.4g} / {row['limit_high']:.4g} {unit}"


def _print_counts(found: list[Any]) -> None:
    from biomarker_cli.multicentre.change import expected_false
    from biomarker_cli.multicentre.changes_table import UNDEFINED

    n_judged, n_beyond, n_false = expected_false(found)
    say(
        f"{n_beyond} of {counted(n_judged, 'change')} exceed their RC; "
        f"{n_false:.1f} would if nothing had changed (5 %)"
    )
    reasons = Counter(one.row.get("reason", "") for one in found if one.verdict == UNDEFINED)
    for reason, number in sorted(reasons.items()):
        say(f"undefined: {counted(number, 'change')}: {reason}", err=True)
