"""``biomarker timepoints``: the frames of a dynamic series in time, and how that is known."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from biomarker_cli.cli.mr_volumes import described, exit_of, mr_images, set_or_refusal
from biomarker_cli.cli.options import paths_argument, quiet_option, table_format_option
from biomarker_cli.cli.output import Listing, print_data, print_json, say
from biomarker_cli.cli.strict_command import strict_command
from biomarker_cli.model.wording import SHORT_UID, cut_in_middle

if TYPE_CHECKING:
    from biomarker_cli.catalogue.candidate import VolumeCandidate
    from biomarker_cli.dicom.files import DicomFiles
    from biomarker_cli.perfusion.dynamic_set import DynamicSet
    from biomarker_cli.perfusion.time_table import TimepointRow

_COLUMNS = (
    "volume_id",
    "series_uid",
    "use",
    "frame",
    "seconds",
    "rule",
    "tag",
    "index",
    "index_tag",
    "flip_deg",
    "repetition_ms",
    "echo_ms",
)

_EPILOG = """\b
Examples:
  biomarker timepoints /data/patient/dce
  biomarker timepoints /data/patient/dce --format csv > frames.csv
  biomarker timepoints /data/patient/dce --format json | jq '.set.interval_s'
"""


@strict_command(epilog=_EPILOG)
@paths_argument
@quiet_option
@table_format_option
def timepoints(paths: tuple[Path, ...], output_format: str) -> int:
    """List when every MR volume below PATH was acquired, and whether they make a dynamic series.

    For each frame: its seconds from the first one, the element and rule that
    say so, and the number that the header gives it. Order and seconds must
    agree; where elements contradict each other no series is made.
    """
    from biomarker_cli.dicom.files import DicomFiles
    from biomarker_cli.perfusion.phases import describe_phase
    from biomarker_cli.perfusion.time_table import timepoint_rows
    from biomarker_cli.tables.cells import csv_text

    images = mr_images(paths, "Name a folder that holds a dynamic series.")
    files = DicomFiles()
    told = described(images, lambda image: describe_phase(image, files))
    phases = [phase for _, phase in told]
    made, verdict = _verdict(images, files)
    rows = timepoint_rows(phases, made)
    if output_format == "csv":
        print_data(csv_text(_COLUMNS, [row.as_dict() for row in rows]))
    elif output_format == "json":
        print_json({"volumes": [row.as_dict() for row in rows], "set": verdict})
    else:
        _print_text(rows, verdict)
    return exit_of(len(phases), len(images))


def _verdict(
    images: list[VolumeCandidate], files: DicomFiles
) -> tuple[DynamicSet | None, dict[str, Any]]:
    """Say whether the volumes make one dynamic series."""
    from biomarker_cli.perfusion.dynamic_set import assemble_dynamic

    made, refusal = set_or_refusal(lambda: assemble_dynamic(images, files, with_t1_images=True))
    if made is None:
        return None, refusal
    axis = made.axis
    return made, {
        "status": "ok",
        "frames": len(axis.phases),
        "interval_s": axis.interval_s,
        "duration_s": float(axis.seconds[-1]),
        "rule": axis.rule,
        "tag": axis.tag,
        "index_rule": axis.index_rule,
        "t1_flip_deg": [phase.flip_deg for phase in made.t1_images],
        "flags": sorted(made.flags),
    }


def _print_text(rows: list[TimepointRow], verdict: dict[str, Any]) -> None:
    table = Listing("", ("volume", "frame", "seconds", "element", "rule", "index", "flip", "use"))
    for row in rows:
        table.add_row(
            cut_in_middle(row.volume_id, SHORT_UID),
            "" if row.frame is None else str(row.frame),
            _number(row.seconds, ".3f"),
            row.tag,
            row.rule,
            _number(row.index, "g"),
            _number(row.flip_deg, "g"),
            row.use,
        )
    table.print()
    if verdict["status"] == "refused":
        say(f"{verdict['error_code']}: {verdict['error_message']}")
        return
    say(
        f"one dynamic series: {verdict['frames']} frames, every {verdict['interval_s']:.6g} s for "
        f"{verdict['duration_s']:.6g} s, by {verdict['tag']}"
    )
    if verdict["t1_flip_deg"]:
        say(f"T1 images: {', '.join(_number(v, 'g') for v in verdict['t1_flip_deg'])} deg")
    if verdict["flags"]:
        say(f"flags: {', '.join(verdict['flags'])}")


def _number(value: float | None, how: str) -> str:
    return "" if value is None else f"{value:{how}}"
