"""``biomarker deidentify``: copies of DICOM that name nobody and can still be measured."""

from __future__ import annotations

from pathlib import Path

import click

from biomarker_cli.cli.options import format_option, quiet_option
from biomarker_cli.cli.output import Listing, note, print_json, progress, say
from biomarker_cli.cli.strict_command import strict_command
from biomarker_cli.model.exit_codes import ExitCode
from biomarker_cli.model.wording import counted

_EPILOG = """\b
Examples:
  biomarker deidentify archive --key site.key --dry-run
  biomarker deidentify archive --key site.key -o outgoing

Exit codes: 5 where files were refused; 6 where all were, or a copy still
held something that names a person: then nothing is kept.
"""


@strict_command(epilog=_EPILOG)
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("-o", "--output", metavar="DIR", type=click.Path(path_type=Path), help="New folder.")
@click.option(
    "--key",
    "key_file",
    metavar="FILE",
    required=True,
    type=click.Path(path_type=Path),
    help="Key of the study; made where there is none. It never leaves.",
)
@click.option(
    "--profile",
    "wanted",
    metavar="ID[@V]|FILE",
    default="quantitative",
    show_default=True,
    help="What stays beyond the basic profile.",
)
@click.option(
    "--subjects",
    "subjects_file",
    metavar="FILE.csv",
    type=click.Path(path_type=Path),
    help="patient_id and subject_id: whose ids are one subject.",
)
@click.option("--dry-run", is_flag=True, help="Say what would become of each attribute.")
@quiet_option
@format_option
def deidentify(
    folder: Path,
    output: Path | None,
    key_file: Path,
    wanted: str,
    subjects_file: Path | None,
    dry_run: bool,
    output_format: str,
) -> int:
    """Write copies of DICOM that name nobody, and from which SUV and ADC are measured.

    UIDs are mapped, dates of a patient move by one number of days, private elements
    go unless they are known to be safe, and text stays only where the profile says
    so. The link to the source is written beside the key, as KEY.link.csv. Pixels are
    not looked at: a face that can be rendered stays one.
    """
    from biomarker_cli.exchange.deidentifying import copies
    from biomarker_cli.exchange.deidentifying.profile import load_profile
    from biomarker_cli.exchange.deidentifying.subjects import Subjects, read_subjects

    if output is None and not dry_run:
        raise click.UsageError("say -o DIR, or --dry-run")
    profile = load_profile(wanted)
    key = copies.read_or_make_key(key_file, keep=not dry_run)
    subjects = Subjects(key) if subjects_file is None else read_subjects(subjects_file, key)
    if output is not None:
        copies.require_place(folder, output, copies.link_of(key_file))
    with progress("cleaning copies", "steps") as advance:
        if dry_run or output is None:
            outcome = copies.examine(folder, profile, subjects, advance)
        else:
            link = copies.link_of(key_file)
            outcome = copies.deidentify(folder, output, link, profile, subjects, advance)
    manifest = copies.manifest_of(outcome, profile)
    rows = copies.attribute_rows(outcome.done.items())
    if output_format == "json":
        print_json({**manifest, "attributes": rows})
    else:
        _print_text(rows if dry_run else [], manifest)
    note(_of_faces(manifest))
    if not outcome.written:
        return ExitCode.FAILED
    return ExitCode.PARTIAL if outcome.is_partial else ExitCode.DONE


def _of_faces(manifest: dict[str, object]) -> str:
    number = int(str(manifest["n_recognisable"]))
    if not number:
        return "recognisable_features: none expected, by what the headers say of the body part"
    images = counted(number, "image")
    return f"recognisable_features: kept; a face may be rendered from {images}"


def _print_text(rows: list[dict[str, object]], manifest: dict[str, object]) -> None:
    if rows:
        listing = Listing("", ("attribute", "becomes", "count"))
        for row in rows:
            listing.add_row(*map(str, row.values()))
        listing.print()
    written = manifest["n_written"]
    say(f"{manifest['profile']}: {counted(int(str(written)), 'file')} written")
    left = manifest["left_behind"]
    for code, number in left.items() if isinstance(left, dict) else ():
        say(f"left behind {number}: {code}")
