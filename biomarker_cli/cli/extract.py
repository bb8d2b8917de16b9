"""``biomarker extract``: measure one image."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from biomarker_cli.case.measures import measure_names, measure_room
from biomarker_cli.cli.new_files import require_free
from biomarker_cli.cli.options import quiet_option, verbose_option
from biomarker_cli.cli.output import note, print_product, progress, say
from biomarker_cli.cli.run_ending import say_case
from biomarker_cli.cli.strict_command import strict_command
from biomarker_cli.model.exit_codes import ExitCode, worst_exit_code

if TYPE_CHECKING:
    from biomarker_cli.case.plan import CasePlan
    from biomarker_cli.dicom.identity import OutgoingIdentity
    from biomarker_cli.study.packed import PackedResult, ResultHead

_EPILOG = """\b
Examples:
  biomarker extract radiomics --image ct/ --mask rtstruct.dcm --roi GTV \\
      --analysis pyradiomics-default -o results
  biomarker extract radiomics --image ct/ --mask seg.dcm --analysis radiomics-ct \\
      --subject S0002 --timepoint T2 -o results-S0002-T2
  biomarker extract suv --image pet/ --mask seg.dcm --analysis fdg-suv
  biomarker extract adc --image dwi/ --mask mask.nii.gz --analysis dwi-adc
  biomarker extract dce --image dce/ --image vfa/ --mask mask.nii.gz \\
      --analysis dce-etofts-parker
  biomarker extract size --image ct/ --mask seg.dcm --analysis recist-size

Without -o the measurements are printed as CSV, whether quiet or not. Exit code 7: a limit of the
analysis, as that of a phantom, is broken.
"""


@strict_command(
    epilog=_EPILOG, needs={"--identity": "--maps", "--overwrite": ("--output", "--maps")}
)
@click.argument("measure", type=click.Choice(measure_names()))
@click.option(
    "--image",
    "images",
    metavar="PATH",
    required=True,
    multiple=True,
    type=click.Path(path_type=Path),
    help="Folder or file of DICOM, or NIfTI/NRRD/MHA. Repeat it for one series per b-value.",
)
@click.option("--series", metavar="UID|VOLUME_ID", default="", help="Which one, of several.")
@click.option(
    "--mask",
    required=True,
    type=click.Path(path_type=Path),
    help="RTSTRUCT, SEG, NIfTI, NRRD or MHA.",
)
@click.option("--roi", "rois", metavar="NAME", multiple=True, help="Only this region; repeat it.")
@click.option(
    "--analysis", metavar="ID[@V]|FILE", required=True, help="Analysis protocol that measures."
)
@click.option(
    "--quantity",
    type=click.Choice(["hu", "suvbw", "adc", "signal"]),
    help="What the numbers of a file without header mean.",
)
@click.option(
    "--overrides",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Audited override file of PET header values (YAML); rows carry suv_override.",
)
@click.option(
    "--subject", metavar="ID", default="S0001", show_default=True, help="Subject of the case."
)
@click.option(
    "--timepoint", metavar="ID", default="T1", show_default=True, help="Timepoint of the case."
)
@click.option("--site", metavar="ID", default="local", show_default=True, help="Site of the case.")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="Folder for the tables of the run."
)
@click.option(
    "--maps",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="adc, t1, dce: write the maps there, as NIfTI and as DICOM Parametric Map.",
)
@click.option(
    "--identity",
    type=click.Choice(["study", "keep"]),
    default="study",
    show_default=True,
    help="Whom DICOM maps name: a subject and UIDs of ours, or patient and study of the source.",
)
@click.option("--overwrite", is_flag=True, help="Replace an earlier run in that folder.")
@quiet_option
@verbose_option("case")
@click.pass_context
def extract(
    context: click.Context,
    /,
    output: Path | None,
    maps: Path | None,
    identity: str,
    overwrite: bool,
    verbose: bool,
    **case: Any,
) -> None:
    """Measure the regions of one image by an analysis protocol."""
    from biomarker_cli.study.runner import RunOptions, RunProgress, StudyRun, run_study
    from biomarker_cli.study.single import SingleCase, plan_single
    from biomarker_cli.study.terms import StudyTerms

    if maps is not None:
        _require_maps(case["measure"])
        _require_empty(maps, overwrite=overwrite)
    with progress("reading headers", "files") as advance:
        planned = plan_single(SingleCase(**case), advance)
    with _folder_of_run(output) as folder:
        require_free(folder, "measurements.csv", overwrite=overwrite)
        study = StudyRun(StudyTerms("extract", planned.protocols), planned)
        told = RunProgress(ended=say_case if verbose else None)
        report = run_study(study, folder, RunOptions(fresh=True), told)
        (result,) = report.results
        _print_errors(result)
        if output is None:
            print_product((folder / "measurements.csv").read_bytes().decode())
        else:
            _print_summary(result.head, folder)
    if maps is not None and result.head.n_ok:
        _write_maps(planned.case.plan, maps, identity)
    context.exit(worst_exit_code({report.exit_code, _judged_by_limits(result)}))


@contextmanager
def _folder_of_run(output: Path | None) -> Iterator[Path]:
    """Yield the folder for the tables; without one of the user they are gone at the end."""
    if output is not None:
        yield output
        return
    from tempfile import TemporaryDirectory

    with TemporaryDirectory() as temporary:
        yield Path(temporary) / "run"


def _write_maps(plan: CasePlan, folder: Path, choice: str) -> None:
    from biomarker_cli.case.inputs import CaseInputs
    from biomarker_cli.imaging.map_files import write_maps
    from biomarker_cli.study.leaving import identity_of

    case = CaseInputs(plan)
    identity = identity_of(plan, keep=choice == "keep")
    if not plan.primary.is_declared:
        note(_said(identity))
    for analysis in plan.analyses:
        maps_of = analysis.room.maps
        if maps_of is not None:
            maps = maps_of(case.image_of(analysis), analysis.rules)
            for path in write_maps(maps, folder, identity, analysis.ident):
                note(f"written: {path}")


def _said(identity: OutgoingIdentity) -> str:
    if identity.uids is None:
        return "DICOM maps name the patient and the study of the source (--identity keep)"
    return (
        f"DICOM maps name the subject {identity.subject_id}, under UIDs of their own; "
        "--identity keep names the patient and the study of the source"
    )


def _require_maps(measure: str) -> None:
    if measure_room(measure).maps is None:
        others = [name for name in measure_names() if measure_room(name).maps is not None]
        raise click.UsageError(f"--maps goes with {', '.join(others)}.")


def _require_empty(folder: Path, *, overwrite: bool) -> None:
    from biomarker_cli.model.errors import ConfigurationError

    taken = folder.exists() and (not folder.is_dir() or any(folder.iterdir()))
    if taken and not (overwrite and folder.is_dir()):
        raise ConfigurationError(
            "OUTPUT-EXISTS",
            f"{folder} is no empty folder",
            hint="Choose another folder, or say --overwrite.",
        )


def _print_errors(result: PackedResult) -> None:
    if result.head.error_code:
        say(f"error {result.head.error_code}: {result.head.error_message}", err=True)
    for roi in result.head.rois:
        if roi.status not in {"ok", "skipped"}:
            say(f"{roi.roi_id}: {roi.status} {roi.error_code} {roi.error_message}", err=True)
    regions_of: dict[str, list[str]] = {}
    for noted in result.notes:
        regions_of.setdefault(noted.text, []).append(noted.roi_id)
    # Where the analysis failed the case failed by the same words, which were said.
    said = f"{result.head.error_code} {result.head.error_message}"
    for reason, regions in regions_of.items():
        if reason.partition(": ")[2] == said:
            continue
        named = ", ".join(filter(None, regions))
        say(f"{reason} [{named}]" if named else reason, err=True)


def _judged_by_limits(result: PackedResult) -> ExitCode:
    """Say which limits of a phantom are broken, and return what the shell is told of them."""
    from biomarker_cli.tables.limits import broken_limits
    from biomarker_cli.tables.schema import MEASUREMENTS

    broken = broken_limits(result.rows(MEASUREMENTS))
    for row in broken:
        say(f"{row['roi_id']}: {row['feature_id']} is 0: out of its limit", err=True)
    return ExitCode.OUT_OF_TOLERANCE if broken else ExitCode.DONE


def _print_summary(head: ResultHead, folder: Path) -> None:
    n_rois = sum(bool(roi.analyses) for roi in head.rois)
    note(
        f"{head.status}: {n_rois} regions, {head.n_ok + head.n_without} measurements; "
        f"tables in {folder}"
    )
