"""``biomarker bvalues``: the b-values of a folder, and where they come from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from biomarker_cli.cli.mr_volumes import described, exit_of, mr_images, set_or_refusal
from biomarker_cli.cli.options import paths_argument, quiet_option, table_format_option
from biomarker_cli.cli.output import Listing, print_data, print_json, say
from biomarker_cli.cli.strict_command import strict_command
from biomarker_cli.model.wording import SHORT_UID, counted, cut_in_middle

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


@strict_command(epilog=_EPILOG)
@paths_argument
@quiet_option
@table_format_option
def bvalues(paths: tuple[Path, ...], output_format: str) -> int:
    """List the b-value of every MR volume below PATH, and whether they make a diffusion set.

    For each volume: the b-value that a fit uses, the nominal and the applied
    one, what kind of image it is, and the element and dialect that say so.
    """
    from biomarker_cli.diffusion.b_table import b_value_rows
    from biomarker_cli.tables.cells import csv_text

    images = mr_images(paths, "Name a folder that holds a diffusion-weighted series.")
    volumes = _described(images)
    rows = b_value_rows(volumes)
    if output_format == "csv":
        plain = [{name: row.as_dict()[name] for name in _COLUMNS} for row in rows]
        print_data(csv_text(_COLUMNS, plain))
    elif output_format == "json":
        print_json({"volumes": [row.as_dict() for row in rows], "set": _verdict(images)})
    else:
        _print_text(rows, _verdict(images))
    return exit_of(len(volumes), len(images))


def _described(images: list[VolumeCandidate]) -> list[DwiVolume]:
    """Return the facts of the volumes that can be told, one beside the others."""
    from biomarker_cli.dicom.files import DicomFiles
    from biomarker_cli.diffusion.volumes import describe_volumes

    files = DicomFiles()
    told = described(images, lambda image: describe_volumes([image], files))
    return describe_volumes([image for image, _ in told], files)


def _verdict(images: list[VolumeCandidate]) -> dict[str, Any]:
    """Say whether the volumes make one diffusion set."""
    from biomarker_cli.diffusion.dwi_set import assemble

    dwi, refusal = set_or_refusal(lambda: assemble(images))
    if dwi is None:
        return refusal
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
            cut_in_middle(row.volume_id, SHORT_UID),
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
    parts = [f"b {b:g} ({counted(n, 'volume')}, {counted(d, 'direction')})" for b, n, d in shells]
    say(f"one diffusion set: {'; '.join(parts)}")
    if verdict["flags"]:
        say(f"flags: {', '.join(verdict['flags'])}")


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.6g}"
