"""``biomarker verify``: does this installation, on this machine, give the known numbers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from biomarker_cli.cli.new_files import require_new_file, write_new_file
from biomarker_cli.cli.options import format_option, quiet_option
from biomarker_cli.cli.output import note, print_json, progress, say
from biomarker_cli.cli.strict_command import strict_command
from biomarker_cli.model.exit_codes import ExitCode

if TYPE_CHECKING:
    from biomarker_cli.multicentre.qualification.qualifying import Qualification

SUITE_NAMES = ("ibsi-1", "ibsi-2", "suv", "adc", "regions", "engines", "tables")

_EPILOG = """\b
Examples:
  biomarker verify
  biomarker verify suv adc
  biomarker verify --data reference_data --certificate site_a.json
  biomarker verify --junit verify.xml
  biomarker verify --check site_a.json

\b
ibsi-1   image processing, and the published values of IBSI chapter 1
ibsi-2   those of chapter 2 (needs --data)
suv      PET as vendors write it: decay, units, normalisations, metrics
adc      diffusion images as vendors write them: b-values, fits, statistics
regions  where voxels lie, and which of them contours and masks hold
engines  the native engine and pyradiomics, where it is installed
tables   synthetic cases to tables, by one worker and by two

A certificate of all suites that pass is kept in your data folder, and the
manifest of later runs names it for as long as the installation is the same.

\b
Exit codes: 0 within tolerance, 7 not (or the certificate does not hold);
3 nothing was measured, or data or engine are not there; 2 no certificate.
"""


@strict_command(
    epilog=_EPILOG,
    excludes={"--check": ("--data", "--engine", "--certificate", "--worst", "--junit")},
)
@click.argument("suites", metavar="[SUITE]...", nargs=-1, type=click.Choice(SUITE_NAMES))
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Reference data that cannot be shipped: CT phantom and response maps, below ibsi/.",
)
@click.option(
    "--engine",
    type=click.Choice(["native", "pyradiomics"]),
    help="Verify this engine of radiomics alone.  [default: all that are installed]",
)
@click.option(
    "--certificate",
    type=click.Path(path_type=Path),
    metavar="FILE.json",
    help="Write the certificate here.",
)
@click.option(
    "--check",
    "checked",
    type=click.Path(path_type=Path),
    metavar="FILE.json",
    help="Only tell whether this certificate still describes this installation.",
)
@click.option(
    "--worst", default=20, show_default=True, type=click.IntRange(min=0), help="Checks to list."
)
@click.option("--junit", type=click.Path(path_type=Path), help="Write JUnit XML here.")
@quiet_option
@format_option
@click.pass_context
def verify(
    context: click.Context, /, checked: Path | None, output_format: str, **given: Any
) -> None:
    """Qualify this installation on this machine: hold its numbers against known ones.

    Objects with known content are written in the dialects of vendors, read and
    measured with the installed code. What is out of tolerance is listed, the
    worst first, with the cause as far as the numbers tell it. What cannot be
    verified here is named as skipped.
    """
    if checked is not None:
        if given["suites"]:
            raise click.UsageError("--check goes alone: it measures nothing.")
        context.exit(_check(checked, output_format))
    _require_use(given)
    for path in (given["certificate"], given["junit"]):
        if path is not None:
            require_new_file(path)
    context.exit(_verify(given, output_format))


def _require_use(given: Mapping[str, Any]) -> None:
    """Refuse data and engine where no suite that is asked for has a use of them."""
    asked = set(given["suites"] or SUITE_NAMES)
    for name, users in (("data", {"ibsi-1", "ibsi-2"}), ("engine", {"engines"})):
        if given[name] is not None and not asked & users:
            raise click.UsageError(f"--{name} is of {', '.join(sorted(users))}: name one as well.")


def _verify(given: dict[str, Any], output_format: str) -> ExitCode:
    from biomarker_cli.multicentre.qualification.certificate import certificate_of
    from biomarker_cli.multicentre.qualification.qualification_report import as_json, text_lines
    from biomarker_cli.multicentre.qualification.qualifying import QualificationRequest, qualify

    request = QualificationRequest(given["suites"], given["data"], given["engine"] or "")
    with progress("verifying", "suites") as advance:
        qualification = qualify(request, advance)
    certificate = certificate_of(qualification)
    if output_format == "json":
        print_json(as_json(qualification, certificate, given["worst"]))
    else:
        for line in text_lines(qualification, certificate, given["worst"]):
            say(line)
    if given["junit"] is not None:
        from biomarker_cli.multicentre.qualification.qualification_report import junit

        write_new_file(given["junit"], junit(qualification))
        note(f"written: {given['junit']}")
    _certify(qualification, certificate, given["certificate"])
    return _exit_code(qualification)


def _certify(qualification: Qualification, certificate: dict[str, Any], path: Path | None) -> None:
    """Write the certificate where it was asked for; keep it, or take back one that was kept."""
    from biomarker_cli.tables.certificates import (
        FAILED,
        PASSED,
        as_text,
        keep_certificate,
        withdraw_certificate,
    )

    if path is not None:
        write_new_file(path, as_text(certificate))
        note(f"written: {path}, certificate {certificate['id']}")
    if qualification.verdict == FAILED and withdraw_certificate():
        say("the certificate of this installation is withdrawn: runs name none", err=True)
    if path is None or qualification.verdict != PASSED:
        return
    if qualification.request.is_whole:
        note(f"kept: {keep_certificate(certificate)}, the manifest of runs names it")
    else:
        note("not kept: a certificate of some suites alone is not named by runs")


def _exit_code(qualification: Qualification) -> ExitCode:
    from biomarker_cli.multicentre.qualification.qualifying import NOTHING
    from biomarker_cli.tables.certificates import FAILED

    if qualification.verdict == NOTHING:
        return ExitCode.NOTHING_FOUND
    return ExitCode.OUT_OF_TOLERANCE if qualification.verdict == FAILED else ExitCode.DONE


def _check(path: Path, output_format: str) -> ExitCode:
    from biomarker_cli.multicentre.qualification.certificate import read_certificate
    from biomarker_cli.multicentre.qualification.qualification_report import (
        check_json,
        check_lines,
        holds,
    )
    from biomarker_cli.tables.certificates import changes_since

    certificate = read_certificate(path)
    changes = changes_since(certificate)
    if output_format == "json":
        print_json(check_json(certificate, changes))
    else:
        for line in check_lines(certificate, changes):
            say(line)
    return ExitCode.DONE if holds(certificate, changes) else ExitCode.OUT_OF_TOLERANCE
