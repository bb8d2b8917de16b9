"""``biomarker regions``: what a segmentation holds, and the voxels it makes of an image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from biomarker_cli.cli.new_files import require_free
from biomarker_cli.cli.options import format_option, quiet_option
from biomarker_cli.cli.output import Listing, note, print_json, progress, say
from biomarker_cli.cli.strict_command import strict_command
from biomarker_cli.model.flags import join_flags
from biomarker_cli.model.wording import counted

if TYPE_CHECKING:
    from biomarker_cli.model.exit_codes import ExitCode
    from biomarker_cli.regions.result import RoiResult
    from biomarker_cli.regions.rules import RegionRules, RoiNames

CASE_ID = "local/S0001/T1/image"
"""Case of a command without a study, as `extract` names it."""

MOST_SHOWN = 500
"""Rows that are laid out for a terminal; 20,000 would take a minute. Tables and JSON hold all."""

_EPILOG = """\b
Examples:
  biomarker regions rtstruct.dcm --list
  biomarker regions rtstruct.dcm --image ct/ -o regions/ --preview fit.png
  biomarker regions seg.dcm --image study/ --series 1.2.3.4 --analysis radiomics-ct -o regions/

Without --analysis the strict rules hold: gaps, fractional segmentations and masks
on another grid are refused. With -o the folder gets regions.csv and masks/*.nii.gz.
"""


@strict_command(
    epilog=_EPILOG,
    needs={"--overwrite": "--output"},
    excludes={
        "--list": ("--image", "--series", "--analysis", "--output", "--overwrite", "--preview")
    },
)
@click.argument("segmentation", metavar="SEG", type=click.Path(path_type=Path))
@click.option(
    "--image",
    metavar="PATH",
    type=click.Path(path_type=Path),
    help="Folder or file of DICOM, or NIfTI/NRRD/MHA.",
)
@click.option(
    "--series",
    metavar="UID|VOLUME_ID",
    default="",
    help="Which one, of several; without it, the one that the segmentation refers to.",
)
@click.option(
    "--analysis",
    metavar="ID[@V]|FILE",
    help="Analysis protocol whose rules for regions and names of ROIs hold.",
)
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Folder for table and masks.")
@click.option("--overwrite", is_flag=True, help="Replace earlier files in that folder.")
@click.option("--list", "list_only", is_flag=True, help="Only list what the file holds.")
@click.option(
    "--preview",
    metavar="FILE.png",
    type=click.Path(path_type=Path),
    help="Picture of the contours over the image, three planes for each ROI.",
)
@quiet_option
@format_option
@click.pass_context
def regions(context: click.Context, /, **given: Any) -> None:
    """Import the ROIs of a segmentation, and say for each what was done."""
    request = Request(**given)
    if request.list_only:
        _print_list(request)
        return
    context.exit(_import(request))


@dataclass(frozen=True)
class Request:
    """What the command line says."""

    segmentation: Path
    image: Path | None
    series: str
    analysis: str | None
    output: Path | None
    overwrite: bool
    list_only: bool
    preview: Path | None
    output_format: str


def _print_list(request: Request) -> None:
    from biomarker_cli.regions.importing import list_rois

    entries = list_rois(request.segmentation)
    if request.output_format == "json":
        print_json([{**asdict(entry), "flags": sorted(entry.flags)} for entry in entries])
        return
    table = Listing("", ("number", "label", "what", "code", "holds"))
    for entry in entries[:MOST_SHOWN]:
        table.add_row(
            "" if entry.number is None else str(entry.number),
            entry.label,
            entry.code_meaning,
            entry.code,
            entry.detail,
        )
    table.print()
    _say_more(len(entries))
    say(counted(len(entries), "ROI"))


def _say_more(n_rows: int) -> None:
    if n_rows > MOST_SHOWN:
        say(f"and {n_rows - MOST_SHOWN} more: --format json shows them", err=True)


def _import(request: Request) -> int:
    from biomarker_cli.regions.image_target import image_target
    from biomarker_cli.regions.importing import import_regions
    from biomarker_cli.regions.preview import contour_preview

    _require_free(request)
    rules, names = _rules(request)
    with progress("reading headers", "files") as advance:
        target, read_volume = image_target(
            request.image or Path(), request.series, request.segmentation, advance
        )
    results = import_regions(request.segmentation, target, rules, names)
    if request.output is not None:
        _write(results, request)
    if request.preview is not None and any(result.region for result in results):
        contour_preview(results, read_volume(), request.preview)
    _print_results(results, request)
    return _exit_code(results)


def _require_free(request: Request) -> None:
    from biomarker_cli.model.errors import ConfigurationError

    if request.image is None:
        raise ConfigurationError(
            "IMAGE-NOT-NAMED",
            "regions are voxels of an image, and none is named",
            hint="Add --image PATH, or --list to see what the file holds.",
        )
    if request.preview is not None and request.preview.suffix.lower() != ".png":
        raise ConfigurationError(
            "PREVIEW-FORMAT", f"expected a name that ends in .png, found {request.preview.name}"
        )
    require_free(request.output, "regions.csv", overwrite=request.overwrite)


def _rules(request: Request) -> tuple[RegionRules, RoiNames | None]:
    if request.analysis is None:
        from biomarker_cli.regions.rules import RegionRules

        return RegionRules(), None
    from biomarker_cli.case.analysis import load_analysis

    protocol = load_analysis(request.analysis).protocol
    return protocol.regions, protocol.rois


def _write(results: Sequence[RoiResult], request: Request) -> None:
    from biomarker_cli.regions.masks import write_masks
    from biomarker_cli.regions.result import REGIONS
    from biomarker_cli.tables.writing import write_table

    folder = request.output or Path()
    masks = write_masks(results, folder / "masks")
    files = {roi_id: path.relative_to(folder).as_posix() for roi_id, path in masks.items()}
    rows = (asdict(r.row(CASE_ID)) | {"mask_file": files.get(r.roi_id)} for r in results)
    write_table(REGIONS, rows, folder)


def _print_results(results: Sequence[RoiResult], request: Request) -> None:
    if request.output_format == "text":
        _say_refused(results)
    if request.output_format == "json":
        print_json([_told(result) for result in results])
    else:
        _print_table(results)
    if request.output_format == "text":
        for path in filter(None, (request.output, request.preview)):
            note(f"written: {path}")


def _say_refused(results: Sequence[RoiResult]) -> None:
    from biomarker_cli.regions.entries import shortened

    for r in results[:MOST_SHOWN]:
        if r.error_code:
            say(f"{shortened(r.roi_id)}: {r.status} {r.error_code} {r.error_message}", err=True)


def _print_table(results: Sequence[RoiResult]) -> None:
    from biomarker_cli.regions.entries import shortened

    table = Listing("", ("roi", "label", "number", "status", "voxels", "volume mL", "flags"))
    for r in results[:MOST_SHOWN]:
        table.add_row(
            shortened(r.roi_id),
            shortened(r.roi_label),
            "" if r.segment_number is None else str(r.segment_number),
            " ".join(filter(None, (r.status, r.error_code))),
            "" if r.n_voxels is None else str(r.n_voxels),
            "" if r.volume_mm3 is None else f"{r.volume_mm3 / 1000:.3f}",
            ";".join(sorted(r.flags)),
        )
    table.print()
    _say_more(len(results))
    n_ok = sum(r.status == "ok" for r in results)
    say(f"{n_ok} of {counted(len(results), 'ROI')} imported")


def _told(result: RoiResult) -> dict[str, Any]:
    """Return a row as scripts read it: there is no study, and so no case."""
    row = asdict(result.row(CASE_ID))
    del row["case_id"]
    return {**row, "flags": join_flags(result.flags)}


def _exit_code(results: Sequence[RoiResult]) -> ExitCode:
    from biomarker_cli.model.exit_codes import ExitCode

    if not results:
        return ExitCode.NOTHING_FOUND
    n_failed = sum(r.status in {"failed", "missing"} for r in results)
    if not n_failed:
        return ExitCode.DONE
    return ExitCode.PARTIAL if any(r.status == "ok" for r in results) else ExitCode.FAILED
