"""What ``export seg`` and ``export sr`` share: whose images, under whose name, and what is said."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from biomarker_cli.cli.new_files import require_free
from biomarker_cli.cli.options import format_option, quiet_option
from biomarker_cli.cli.output import note, print_json, progress, say
from biomarker_cli.model.exit_codes import ExitCode
from biomarker_cli.model.wording import counted

if TYPE_CHECKING:
    from biomarker_cli.dicom.identity import UidMap
    from biomarker_cli.exchange.results.handing_out import Outgoing
    from biomarker_cli.exchange.results.objects_table import ObjectRow
    from biomarker_cli.exchange.results.outgoing_run import OutgoingCase, OutgoingRun

_OPTIONS = (
    click.argument("folder", metavar="DIR", type=click.Path(path_type=Path)),
    click.option(
        "-o",
        "--output",
        metavar="DIR",
        type=click.Path(path_type=Path),
        required=True,
        help="Folder for the objects, and objects.csv, which lists them.",
    ),
    click.option(
        "--study",
        metavar="STUDY.yaml",
        type=click.Path(path_type=Path),
        help="Study of the run: its key maps UIDs, and its images are looked for beside it.",
    ),
    click.option(
        "--image",
        "images",
        metavar="PATH",
        multiple=True,
        type=click.Path(path_type=Path),
        help="Where the DICOM images are [default: the folder of the study]. Repeat it.",
    ),
    click.option("--case", "cases", metavar="CASE_ID", multiple=True, help="Only this; repeat it."),
    click.option(
        "--identity",
        type=click.Choice(["study", "keep"]),
        default="study",
        show_default=True,
        help="Whom objects name: a subject and UIDs of the study, or the source's own.",
    ),
    click.option("--overwrite", is_flag=True, help="Replace earlier objects in that folder."),
    quiet_option,
    format_option,
)


def handing_out_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options that both share."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@dataclass(frozen=True)
class ObjectOrder:
    """What the command line says."""

    folder: Path
    output: Path
    study: Path | None
    images: tuple[Path, ...]
    cases: tuple[str, ...]
    identity: str
    overwrite: bool
    output_format: str

    def outgoing(self) -> tuple[Outgoing, Sequence[OutgoingCase]]:
        """Return the run that is handed out, and which of its cases."""
        from biomarker_cli.exchange.results.handing_out import Outgoing, chosen_cases
        from biomarker_cli.exchange.results.outgoing_run import read_run
        from biomarker_cli.exchange.results.source_images import SourceImages

        require_free(self.output, "objects.csv", overwrite=self.overwrite)
        run = read_run(self.folder)
        cases = chosen_cases(run, self.cases)
        uids = self._uids(run)
        paths = self.images or ((self.study.parent,) if self.study else ())
        if not paths:
            raise click.UsageError("say --image PATH or --study STUDY.yaml: where the images are")
        with progress("reading headers", "files") as advance:
            sources = SourceImages.below(paths, advance)
        return Outgoing(run, sources, uids), cases

    def _uids(self, run: OutgoingRun) -> UidMap | None:
        from biomarker_cli.dicom.identity import UidMap
        from biomarker_cli.exchange.errors import ExchangeError
        from biomarker_cli.study.study_key import fingerprint, require_key

        if self.identity == "keep":
            if self.study is not None and self.images:
                raise click.UsageError(
                    "--study does nothing beside --identity keep and --image: leave one out."
                )
            return None
        if self.study is None:
            raise click.UsageError(
                "say --study STUDY.yaml, whose key maps UIDs, or --identity keep"
            )
        key = require_key(self.study.parent)
        if fingerprint(key) != run.key_fingerprint:
            raise ExchangeError(
                "EXPORT-OTHER-KEY",
                "the key beside the study file is not the one that the run was made with",
                where=str(self.study.parent),
                hint="Name the study of this run.",
            )
        return UidMap(key)


def say_objects(rows: Sequence[ObjectRow], order: ObjectOrder, what: str) -> ExitCode:
    """Print what was written and what could not be, and return how the command ends."""
    failed = [row for row in rows if row.status == "failed"]
    n_written = len(rows) - len(failed)
    if order.output_format == "json":
        print_json({"folder": str(order.output), "objects": [asdict(row) for row in rows]})
    else:
        say(f"{counted(n_written, what)} of {counted(len({r.case_id for r in rows}), 'case')}")
        if order.identity == "keep":
            note("they name the patient and the study of the source (--identity keep)")
    for row in failed:
        say(f"{row.case_id}: {row.error_code} {row.error_message}", err=True)
    note(f"written: {order.output}")
    if not failed:
        return ExitCode.DONE
    return ExitCode.PARTIAL if n_written else ExitCode.FAILED
