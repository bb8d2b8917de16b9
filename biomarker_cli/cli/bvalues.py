"""``biomarker bvalues``: the b-values of a folder, and where they come from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from biomarker_cli.cli.options import paths_argument, table_format_option
from biomarker_cli.cli.output import Listing, nothing_found, print_data, print_json, progress, say

if TYPE_CHECKING:
    from biomarker_cli.catalogue.candidate import VolumeCandidate
    from biomarker_cli.diffusion.b_table import BValueRow
    from biomarker_cli.diffusion.volumes import DwiVolume

_COLUMNS = (
    "volume_id",
    "series_uid",
    "b_value",
    "b_nominal",
    "b_actual",
    "kind",
    "rule",
    "tag",
    "n_frames",
)

_EPILOG = """\b
Examples:
  biomarker bvalues /data/patient/dwi
  biomarker bvalues /data/patient/dwi --format csv > b.csv
  biomarker bvalues /data/patient/dwi --format json | jq '.volumes[].b_value'
"""


@click.command(epilog=_EPILOG)
@paths_argument
@table_format_option
def bvalues(paths: tuple[Path, ...], output_format: str) -> int:
    """List the b-value of every MR volume below PATH, and whether they make a diffusion set.

    For each volume: the b-value that a fit uses, the nominal and the applied
    one, what kind of image it is, and the element and dialect that say so.
    """
    from biomarker_cli.catalogue.catalogue import scan
    from biomarker_cli.diffusion.b_table import b_value_rows
    from biomarker_cli.model.exit_codes import ExitCode
    from biomarker_cli.tables.cells import csv_text

    with progress("reading headers", "files") as advance:
        found = scan(paths, advance)
    images = [c for c in found.volumes if c.modality == "MR"]
    if not images:
        hint = "Name a folder that holds a diffusion-weighted series."
        raise nothing_found("MR image", paths, hint=hint)
    volumes = _described(images)
    rows = b_value_rows(volumes)
    if output_format == "csv":
        plain = [{name: row.as_dict()[name] for name in _COLUMNS} for row in rows]
        print_data(csv_text(_COLUMNS, plain))
    elif output_format == "json":
        print_json({"volumes": [row.as_dict() for row in rows], "set": _verdict(images)})
    else:
        _print_text(rows, _verdict(images))
    if len(volumes) == len(images):
        return ExitCode.DONE
    return ExitCode.PARTIAL if volumes else ExitCode.FAILED


def _described(images: list[VolumeCandidate]) -> list[DwiVolume]:
    """Return the facts of the volumes; one that cannot be told is named on stderr and left out."""
    from biomarker_cli.dicom.files import DicomFiles
    from biomarker_cli.diffusion.volumes import describe_volumes
    from biomarker_cli.model.errors import BiomarkerError

    files = DicomFiles()
    told = []
    for image in images:
        try:
            describe_volumes([image], files)
        except BiomarkerError as error:
            say(f"not read: {error.code} {image.volume_id}: {error}", err=True)
        except Exception as unexpected:  # noqa: BLE001 - named on stderr; others go on
            kind = type(unexpected).__name__
            say(f"not read: CASE-INTERNAL {image.volume_id}: an unexpected {kind}", err=True)
        else:
            told.append(image)
    return describe_volumes(told, files)


def _verdict(images: list[VolumeCandidate]) -> dict[str, Any]:
    """Say whether the volumes make one diffusion set."""
    from biomarker_cli.diffusion.dwi_set import assemble
    from biomarker_cli.model.errors import CaseError

    try:
        dwi = assemble(images)
    except CaseError as error:
        return {"status": "refused", "error_code": error.code, "error_message": str(error)}
    except Exception as unexpected:  # noqa: BLE001 - the verdict says so; the rows are printed
        message = f"an unexpected {type(unexpected).__name__} stopped the set: please report it"
        return {"status": "refused", "error_code": "CASE-INTERNAL", "error_message": message}
    return {
        "status": "ok",
        "b_nominal": [shell.nominal for shell in dwi.shells],
        "b_fitted": [shell.actual for shell in dwi.shells],
        "directions": [len(shell.groups) for shell in dwi.shells],
        "volumes": [len(shell.volumes) for shell in dwi.shells],
        "left_out": [{"volume_id": v.volume_id, "reason": why} for v, why in dwi.left_out],
        "flags": sorted(dwi.flags),
    }


def _print_text(rows: list[BValueRow], verdict: dict[str, Any]) -> None:

    table = Listing("", ("volume", "b", "nominal", "kind", "element", "rule", "frames"))
    for row in rows:
        table.add_row(
            row.volume_id,
            _number(row.b_value),
            _number(row.b_nominal),
            row.kind,
            row.tag,
            row.rule,
            str(row.n_frames),
        )
    table.print()
    if verdict["status"] == "refused":
        say(f"{verdict['error_code']}: {verdict['error_message']}")
        return
    shells = zip(verdict["b_nominal"], verdict["volumes"], verdict["directions"], strict=True)
    parts = [f"b {b:g} ({n} volumes, {d} directions)" for b, n, d in shells]
    say(f"one diffusion set: {'; '.join(parts)}")
    if verdict["flags"]:
        say(f"flags: {', '.join(verdict['flags'])}")


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.6g}"
