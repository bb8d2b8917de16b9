"""``biomarker suv-explain``: how a PET series becomes SUV, or why it does not."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from biomarker_cli.cli.new_files import write_new_file
from biomarker_cli.cli.options import format_option, paths_argument, quiet_option
from biomarker_cli.cli.output import Listing, note, nothing_found, print_json, progress, say
from biomarker_cli.cli.strict_command import strict_command
from biomarker_cli.model.exit_codes import ExitCode

if TYPE_CHECKING:
    from biomarker_cli.catalogue.candidate import VolumeCandidate
    from biomarker_cli.imaging.geometry import Geometry
    from biomarker_cli.pet.phantom import PhantomReport
    from biomarker_cli.pet.rules import Override, SuvRules

_EPILOG = """\b
Examples:
  biomarker suv-explain /data/patient/pet
  biomarker suv-explain /data/patient/pet --overrides overrides.yaml
  biomarker suv-explain /data/phantom --phantom sheet.yaml -o recovery.csv
  biomarker suv-explain /data/trial --format json | jq '.[] | {series_uid, error_code}'

Exit codes: 0 every series gives SUV, 5 some do not, 6 none does, 3 no PET found;
with --phantom 4 where a published limit is broken.
"""


@strict_command(
    "suv-explain",
    epilog=_EPILOG,
    needs={"--output": "--phantom"},
    excludes={"--phantom": ("--analysis", "--overrides")},
)
@paths_argument
@click.option("--series", default="", help="Series UID or volume id, where there are several.")
@click.option(
    "--analysis",
    default="fdg-suv",
    show_default=True,
    help="Analysis protocol whose limits and normalisations hold: ID[@VERSION] or a file.",
)
@click.option(
    "--overrides",
    "override_file",
    type=click.Path(path_type=Path),
    help="Audited override file (YAML).",
)
@click.option(
    "--phantom",
    "sheet_file",
    type=click.Path(path_type=Path),
    help="Sheet of a NEMA phantom (YAML): measure calibration and recovery instead.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="With --phantom: write what was measured here, for check --measured.",
)
@quiet_option
@format_option
def suv_explain(
    paths: tuple[Path, ...],
    series: str,
    analysis: str,
    override_file: Path | None,
    sheet_file: Path | None,
    output: Path | None,
    output_format: str,
) -> int:
    """Show how each PET series below PATH becomes SUV, from its headers alone.

    Every input with its tag, every conversion, every candidate for the decay
    reference time with its fate, the warnings, and the factor of each slice.

    With --phantom the one series is the image of a NEMA image quality phantom:
    its spheres are found and held against the sheet and the EARL limits.
    """
    if sheet_file is not None:
        return _phantom(_pet_volumes(paths, series), sheet_file, output, output_format)
    from biomarker_cli.pet.overrides import load_overrides
    from biomarker_cli.pet.rules import load_suv_rules
    from biomarker_cli.study.planned import overrides_of_one

    rules = load_suv_rules(analysis)
    overrides = load_overrides(override_file) if override_file else ()
    volumes = _pet_volumes(paths, series)
    overrides_of_one(volumes, overrides)
    reports = [_report(c, rules, overrides) for c in volumes]
    if output_format == "json":
        print_json(reports)
    else:
        for report in reports:
            _print_text(report)
    n_refused = sum(bool(report["error_code"]) for report in reports)
    if not n_refused:
        return ExitCode.DONE
    return ExitCode.FAILED if n_refused == len(reports) else ExitCode.PARTIAL


def _pet_volumes(paths: tuple[Path, ...], series: str) -> list[VolumeCandidate]:
    from biomarker_cli.catalogue.catalogue import scan

    with progress("reading headers", "files") as advance:
        found = scan(paths, advance)
    pet = [c for c in (found.matching(series) if series else found.volumes) if c.modality == "PT"]
    if not pet:
        raise nothing_found("PET image", paths, f" is called {series}" if series else "")
    return pet


def _report(
    candidate: VolumeCandidate, rules: SuvRules, overrides: tuple[Override, ...]
) -> dict[str, Any]:
    from biomarker_cli.model.errors import BiomarkerError

    head = {"volume_id": candidate.volume_id, "series_uid": candidate.series_uid}
    if candidate.geometry is None:
        return {
            **head,
            "status": "refused",
            "error_code": candidate.error_code,
            "error_message": candidate.error_message,
        }
    try:
        return {**head, **_explained(candidate, candidate.geometry, rules, overrides)}
    except BiomarkerError as error:
        code, message = error.code, str(error)
    except Exception as unexpected:  # noqa: BLE001 - becomes a named row; others go on
        code = "CASE-INTERNAL"
        message = f"an unexpected {type(unexpected).__name__} stopped the series: please report it"
    return {**head, "status": "refused", "error_code": code, "error_message": message}


def _explained(
    candidate: VolumeCandidate,
    geometry: Geometry,
    rules: SuvRules,
    overrides: tuple[Override, ...],
) -> dict[str, Any]:
    from biomarker_cli.catalogue.reading import read_frames
    from biomarker_cli.pet.suv import PetFrames, explain_suv

    voxel_ml = geometry.voxel_volume_ml
    found = explain_suv(PetFrames(read_frames(candidate), voxel_ml), rules, None, overrides)
    return {
        "status": "refused" if found.error else "ok",
        "error_code": found.error.code if found.error else "",
        "error_message": str(found.error) if found.error else "",
        **found.derivation,
    }


def _print_text(report: dict[str, Any]) -> None:
    say(f"series {report['series_uid']}")
    if report["volume_id"] != report["series_uid"]:
        say(f"volume {report['volume_id']}")
    _print_table("inputs", report.get("inputs", []), ("name", "value", "unit", "tag"))
    _print_table("conversions", report.get("conversions", []), ("name", "found", "used", "rule"))
    _print_table(
        "overrides", report.get("overrides", []), ("tag", "found", "value", "reason", "who")
    )
    _print_candidates(report.get("candidates", []))
    for warning in report.get("warnings", []):
        say(f"warning  {warning}")
    if report.get("flags"):
        say(f"flags    {'; '.join(report['flags'])}")
    if report["error_code"]:
        say(f"refused  {report['error_code']}: {report['error_message']}")
        say()
        return
    spread = report.get("reference_time_spread_percent")
    if "reference_time" in report:
        say(
            f"reference time  {report['reference_time']} from {report['reference_time_rule']}, "
            f"spread {spread:.3g} % of SUV",
        )
    if "uptake_s" in report:
        say(f"uptake time     {report['uptake_s'] / 60.0:.1f} min")
    say(f"rule            {report['rule']}")
    say(f"{report['image']} = {_factor_text(report['factor_per_slice'])}")
    say()


def _factor_text(factors: list[float]) -> str:
    low, high = min(factors), max(factors)
    if low == high:
        where = f"all {len(factors)} slices" if len(factors) > 1 else "the one slice"
        return f"{low:.9g} x voxel value, in {where}"
    return f"{low:.9g} ... {high:.9g} x voxel value, slice by slice ({len(factors)})"


def _print_table(title: str, rows: list[dict[str, Any]], columns: tuple[str, ...]) -> None:

    if not rows:
        return
    table = Listing(title, columns)
    for row in rows:
        table.add_row(*(_cell(row[column]) for column in columns))
    table.print()


def _cell(value: Any) -> str:
    if isinstance(value, list):
        return " ".join(map(str, value))
    return "" if value is None else str(value)


def _print_candidates(candidates: list[dict[str, Any]]) -> None:

    if not candidates:
        return
    columns = ("candidate", "reference time", "SUVbw per Bq/ml", "differs %", "fate")
    table = Listing("reference time", columns)
    sources = Listing("", ("candidate", "from"))
    for c in candidates:
        differs = c["difference_percent"]
        table.add_row(
            c["name"],
            _cell(c["reference_time"]),
            "" if c["suvbw_per_bqml"] is None else f"{c['suvbw_per_bqml']:.6g}",
            "" if differs is None else f"{round(differs, 3) + 0.0:+.3f}",
            "used" if c["used"] else c["reason"] or _agreement(differs),
        )
        sources.add_row(c["name"], c["tags"])
    table.print()
    sources.print()


def _agreement(differs_percent: float | None) -> str:
    """Return what an admissible candidate makes of the one in use."""
    return "agrees" if differs_percent is not None and abs(differs_percent) < 1.0 else "counts"


def _phantom(
    volumes: list[VolumeCandidate], sheet_file: Path, output: Path | None, output_format: str
) -> int:
    from biomarker_cli.catalogue.reading import read_volume
    from biomarker_cli.model.errors import ConfigurationError
    from biomarker_cli.pet.phantom import measure_phantom
    from biomarker_cli.pet.phantom_sheet import load_phantom_sheet

    sheet = load_phantom_sheet(sheet_file)
    if len(volumes) > 1:
        raise ConfigurationError(
            "PHANTOM-SERIES",
            f"one PET series is expected, found {len(volumes)}: "
            + ", ".join(c.volume_id for c in volumes),
            hint="Name one with --series.",
        )
    report = measure_phantom(read_volume(volumes[0]), sheet)
    if output is not None:
        _write_measured(output, volumes[0].series_uid, report, sheet_file.name)
    if output_format == "json":
        print_json({"reference_time": report.reference_time, "rows": list(report.rows)})
    else:
        columns = ("quantity", "sphere_mm", "value", "low", "high", "outcome")
        table = Listing(f"phantom {sheet.id}, {sheet.standard}", columns)
        for row in report.rows:
            value = f"{row['value']:.3f}"
            table.add_row(*(value if c == "value" else _cell(row[c]) for c in columns))
        table.print()
    return ExitCode.VIOLATION if report.has_failed else ExitCode.DONE


def _write_measured(path: Path, series_uid: str, report: PhantomReport, sheet: str) -> None:
    from biomarker_cli.acquisition.measured import MEASURED_COLUMNS, phantom_rows
    from biomarker_cli.model.version import __version__
    from biomarker_cli.tables.cells import csv_text

    source = f"biomarker {__version__} with {sheet}"
    rows = phantom_rows(series_uid, report.rows, source)
    write_new_file(path, csv_text(MEASURED_COLUMNS, rows))
    note(f"written: {path}")
