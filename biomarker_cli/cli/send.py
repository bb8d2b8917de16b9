"""``biomarker send``: DICOM files into a PACS, and what became of each."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import click

from biomarker_cli.cli.options import format_option, quiet_option
from biomarker_cli.cli.output import Listing, note, print_json, progress, say
from biomarker_cli.cli.strict_command import strict_command
from biomarker_cli.model.exit_codes import ExitCode
from biomarker_cli.model.wording import counted

if TYPE_CHECKING:
    from biomarker_cli.exchange.sending.sending import Sending
    from biomarker_cli.exchange.sending.sent_table import SentRow

MOST_SHOWN = 50
"""Files that are laid out for a terminal; ``sent.csv`` and JSON have all."""

_MEGABYTE = 1e6

_EPILOG = """\b
Examples:
  biomarker send objects archive --dry-run
  biomarker send objects archive -o sent
  biomarker send copies dimse://RESEARCH@10.1.2.3:104

The same command again sends what the target does not hold. Exit codes: 3
where nothing in DIR is DICOM; 5 where some files did not get there; 6 where
none did.
"""


@strict_command(epilog=_EPILOG)
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.argument("target", metavar="TARGET")
@click.option(
    "-o",
    "--output",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Folder of sent.csv; else the name of DIR with _sent behind it, here.",
)
@click.option(
    "--sources",
    "sources_file",
    metavar="FILE.yaml",
    type=click.Path(path_type=Path),
    help="Where TARGET is described; else biomarker-sources.yaml here.",
)
@click.option("--dry-run", is_flag=True, help="Say what would be sent alone.")
@quiet_option
@format_option
def send(
    folder: Path,
    target: str,
    output: Path | None,
    sources_file: Path | None,
    output_format: str,
    *,
    dry_run: bool,
) -> int:
    """Store the DICOM files of a folder in a PACS, by STOW-RS or C-STORE.

    TARGET is a name in the file of sources that `biomarker fetch` reads, or
    https://host/path, or dimse://CALLED@host:port. The target is asked first
    what it holds, and gets the rest byte by byte. Results under mapped UIDs
    (`export --identity study`) are refused where the target has nothing of their
    study: send the de-identified images first, or with them.
    """
    from biomarker_cli.exchange.fetching.choosing import choose_source
    from biomarker_cli.exchange.sending.sending import Sending
    from biomarker_cli.exchange.sending.sent_table import require_place, write_sent
    from biomarker_cli.exchange.sending.target import target_of

    _require_folder(folder)
    is_named, output = output is not None, output or Path(f"{folder.resolve().name}_sent")
    # Of a dry run nothing is written; whether the folder that is named will do is told.
    if is_named or not dry_run:
        require_place(output)
    start = time.monotonic()
    chosen = choose_source(target, sources_file)
    with target_of(chosen) as connected, progress("sending", "files") as advance:
        sending = Sending(connected, dry_run, advance)
        try:
            sending.run(folder)
        finally:
            if not dry_run:
                write_sent(sending.rows, output)
    _note_rate(sending, time.monotonic() - start)
    if not dry_run:
        note(f"written: {output}")
    if output_format == "json":
        _print_json(sending)
    else:
        _print_text(sending.rows)
    return _exit_code(sending.rows)


def _require_folder(folder: Path) -> None:
    from biomarker_cli.model.errors import InputNotFoundError

    if not folder.is_dir():
        raise InputNotFoundError("PATH-NOT-FOUND", "no such folder", where=str(folder))


def _note_rate(sending: Sending, seconds: float) -> None:
    if sending.n_files_sent:
        size, seconds = sending.n_bytes_sent / _MEGABYTE, max(seconds, 1e-3)
        note(
            f"{counted(sending.n_files_sent, 'file')}, {size:.1f} MB in {seconds:.1f} s: "
            f"{sending.n_files_sent / seconds:.0f} files/s, {size / seconds:.1f} MB/s"
        )


def _print_json(sending: Sending) -> None:
    from dataclasses import asdict

    print_json(
        {
            "files": [asdict(row) for row in sending.rows],
            "n_files_sent": sending.n_files_sent,
            "n_bytes_sent": sending.n_bytes_sent,
        }
    )


def _print_text(rows: list[SentRow]) -> None:
    bad = [row for row in rows if row.error_code]
    if bad:
        table = Listing("not sent", ("file", "code"), whole=("code",))
        for row in bad[:MOST_SHOWN]:
            table.add_row(row.file, row.error_code)
        table.print()
        if len(bad) > MOST_SHOWN:
            say(f"and {len(bad) - MOST_SHOWN} more: sent.csv has all")
        for (code, message), n_files in Counter(
            (row.error_code, row.error_message) for row in bad
        ).most_common(MOST_SHOWN):
            say(f"{counted(n_files, 'file')}: {code} {message}", err=True)
    counts = Counter(row.status for row in rows)
    say(", ".join(f"{n_files} {status}" for status, n_files in sorted(counts.items())))


def _exit_code(rows: list[SentRow]) -> ExitCode:
    from biomarker_cli.exchange.sending.sent_table import BAD, NOT_DICOM

    dicom = [row for row in rows if row.status != NOT_DICOM]
    if not dicom:
        return ExitCode.NOTHING_FOUND
    n_bad = sum(row.status in BAD for row in dicom)
    if n_bad == len(dicom):
        return ExitCode.FAILED
    return ExitCode.PARTIAL if n_bad else ExitCode.DONE
