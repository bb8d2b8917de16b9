"""``biomarker bundle make``: the archive of a run."""

from __future__ import annotations

from pathlib import Path

import click

from biomarker_cli.cli.options import format_option
from biomarker_cli.cli.output import print_json, require_new_file, say
from biomarker_cli.model.wording import counted

_EPILOG = """\b
Examples:
  biomarker bundle results -o centre-a.zip
  biomarker bundle results -o own-copy.zip --identity keep

DIR is a folder that `biomarker run -o` wrote. It leaves with its tables, manifest,
derivations and every protocol that it was made with. No image and no mask is in it.
"""

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command(epilog=_EPILOG)
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "-o", "--output", required=True, type=click.Path(path_type=Path), help="File to write."
)
@click.option(
    "--identity",
    type=click.Choice(["study", "keep"]),
    default="study",
    show_default=True,
    help="study: UIDs mapped, dates as days, no scanner or file named; keep: as in the tables.",
)
@click.option("--report", is_flag=True, help="Put a report of the run in it.")
@click.option("--certificate", type=_FILE, help="Put the certificate of `verify` in it.")
@click.option(
    "--protocol",
    "protocols",
    type=_FILE,
    multiple=True,
    help="A protocol file of yours that the run was made with.",
)
@format_option
def make(
    folder: Path,
    output: Path,
    identity: str,
    certificate: Path | None,
    protocols: tuple[Path, ...],
    output_format: str,
    **switches: bool,
) -> None:
    """Write a run as one file for another centre.

    The same run gives the same bytes. UIDs are mapped by a key of yours, so that what
    belongs together still does; a search of the whole archive for what names the source
    comes last, and a find stops it.
    """
    from biomarker_cli.catalogue.pseudonyms import user_key
    from biomarker_cli.dicom.identity import UidMap
    from biomarker_cli.exchange.bundles.bundle_checking import check_bundle
    from biomarker_cli.exchange.bundles.bundling import BundleOrder, bundle_of
    from biomarker_cli.model.outputs import replace_file

    require_new_file(output)
    page = _report(folder, identity) if switches["report"] else None
    order = BundleOrder(identity, UidMap(user_key()), page, certificate, protocols)
    content = bundle_of(folder, order)
    output.parent.mkdir(parents=True, exist_ok=True)
    replace_file(output, content)
    found = check_bundle(output)
    if output_format == "json":
        print_json({"file": str(output), **found.as_json()})
        return
    say(f"{counted(found.n_files, 'file')}, {len(content) / 1e6:.2f} MB, identity {identity}")
    say(f"written: {output}", err=True)


def _report(folder: Path, identity: str) -> bytes:
    from biomarker_cli.report.making import ReportOrder, report_pages
    from biomarker_cli.report.run_reading import read_run

    ((_, page),) = report_pages(read_run(folder), ReportOrder(identity))
    return page.encode("utf-8", "backslashreplace")
