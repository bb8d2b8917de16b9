"""``biomarker protocol facts``: what a rule can ask about, or what a series tells."""

from __future__ import annotations

from pathlib import Path

import click

from biomarker_cli.cli.headers import read_headers
from biomarker_cli.cli.options import format_option, quiet_option
from biomarker_cli.cli.output import Listing, print_json, say
from biomarker_cli.cli.strict_command import strict_command

_EPILOG = """\b
Examples:
  biomarker protocol facts
  biomarker protocol facts --modality PT
  biomarker protocol facts /data/patient/pet
"""


@strict_command(epilog=_EPILOG)
@click.argument("paths", metavar="[PATH...]", nargs=-1, type=click.Path(path_type=Path))
@click.option("--modality", help="Only facts of this modality (CT, MR, PT), or phantom.")
@quiet_option
@format_option
def facts(paths: tuple[Path, ...], modality: str | None, output_format: str) -> None:
    """List the facts that rules can name; with PATH, what its series tell.

    Any DICOM keyword is a fact as well (EchoTime), also inside a sequence
    (Sequence.Keyword); these are the derived ones.
    """
    rows = _told(paths) if paths else _library()
    if modality:
        modality = modality.upper() if modality.lower() != "phantom" else modality.lower()
        rows = [row for row in rows if modality in row["modality"].split() or not row["modality"]]
    if output_format == "json":
        print_json(rows)
        return
    # One table per series: its UID is long, and the same in every row.
    for uid in dict.fromkeys(row.get("series_uid", "") for row in rows):
        members = [row for row in rows if row.get("series_uid", "") == uid]
        hidden = {"series_uid", "modality", "note", "unreadable"} if uid else set()
        columns = [c for c in members[0] if c not in hidden]
        title = f"{members[0]['modality']} {uid}" if uid else ""
        table = Listing(title, columns, whole=("fact",))
        for row in members:
            table.add_row(*(row[column] for column in columns))
        table.print()
        for row in members:
            if {"fact_unreadable", "fact_implausible"} & set(row.get("flags", "").split(";")):
                say(f"{row['fact']}: {row['note']}")


def _library() -> list[dict[str, str]]:
    from biomarker_cli.acquisition.facts import FACTS
    from biomarker_cli.acquisition.reading import tags_of

    return [
        {
            "fact": fact.name,
            "unit": fact.unit,
            "modality": " ".join(sorted(fact.modalities)),
            "tags": " ".join(tags_of(fact)),
            "definition": fact.definition,
        }
        for fact in FACTS
    ]


def _told(paths: tuple[Path, ...]) -> list[dict[str, str]]:
    from biomarker_cli.acquisition.header_facts import header_facts

    return [
        {
            "series_uid": series.series_uid,
            "modality": series.modality,
            **fact.row(),
            "note": fact.note,
            **({"unreadable": fact.unreadable} if fact.unreadable else {}),
        }
        for series in read_headers(paths).series
        for fact in header_facts(series)
    ]
