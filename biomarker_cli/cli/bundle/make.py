"""``biomarker bundle make``: the archive of a run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from biomarker_cli.cli.new_files import require_new_file
from biomarker_cli.cli.options import format_option
from biomarker_cli.cli.output import print_json, say
from biomarker_cli.cli.strict_command import strict_command
from biomarker_cli.model.wording import counted

if TYPE_CHECKING:
    from biomarker_cli.exchange.bundles.bundling import BundleOrder

_EPILOG = """\b
Examples:
  biomarker bundle results -o centre-a.zip
  biomarker bundle results -o own-copy.zip --identity keep
  biomarker bundle results_of_copies -o a.zip --masks --dicom copies
  biomarker bundle results -o a.zip --dicom copies --key site.key

DIR is a folder that `biomarker run -o` wrote. It leaves with its tables, manifest,
derivations and every protocol that it was made with; with --masks, --dicom also regions
and copies of `biomarker deidentify`. Tables beside copies are those of a run on them, or
--key maps them as it did the copies: they never lead back to the source.
"""

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@strict_command(epilog=_EPILOG, needs={"--key": "--dicom"})
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
@click.option("--masks", is_flag=True, help="Put the masks in it that the run keeps.")
@click.option("--dicom", type=_FOLDER, help="Put these copies of `deidentify` in it.")
@click.option("--key", type=_FILE, help="With --dicom: the key that the copies were made with.")
@format_option
def make(
    folder: Path,
    output: Path,
    identity: str,
    output_format: str,
    **more: Any,
) -> None:
    """Write a run as one file for another centre.

    The same run gives the same bytes. UIDs are mapped by a key of yours, so that what
    belongs together still does; a search of the whole archive for what names the source
    comes last, and a find stops it.
    """
    from biomarker_cli.exchange.bundles.bundle_checking import check_bundle
    from biomarker_cli.exchange.bundles.bundling import write_bundle
    from biomarker_cli.model.outputs import whole_file

    if more["dicom"] and identity == "keep":
        raise click.UsageError("with --identity keep the tables would lead from copies to sources")
    require_new_file(output)
    order = _order(folder, identity, more)
    output.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(output) as stream:
        write_bundle(folder, order, stream)
    found = check_bundle(output)
    if output_format == "json":
        print_json({"file": str(output), **found.as_json()})
        return
    size = output.stat().st_size / 1e6
    say(f"{counted(found.n_files, 'file')}, {size:.2f} MB, identity {found.identity}")
    say(f"written: {output}", err=True)


def _order(folder: Path, identity: str, more: Mapping[str, Any]) -> BundleOrder:
    from biomarker_cli.catalogue.pseudonyms import user_key
    from biomarker_cli.dicom.identity import UidMap
    from biomarker_cli.exchange.bundles.bundling import COPY, BundleOrder
    from biomarker_cli.exchange.bundles.carried_dicom import read_copies, words_of_link
    from biomarker_cli.exchange.deidentifying.copies import link_of, read_key

    key, words = None, frozenset[str]()
    if more["key"]:
        key, words = read_key(more["key"]), words_of_link(link_of(more["key"]))
    copies = read_copies(more["dicom"]) if more["dicom"] else None
    return BundleOrder(
        COPY if copies is not None and key is None else identity,
        UidMap(user_key() if key is None else key),
        _report(folder, identity) if more["report"] else None,
        more["certificate"],
        more["protocols"],
        more["masks"],
        copies,
        words,
    )


def _report(folder: Path, identity: str) -> bytes:
    from biomarker_cli.report.making import ReportOrder, report_pages
    from biomarker_cli.report.run_reading import read_run

    ((_, page),) = report_pages(read_run(folder), ReportOrder(identity))
    return page.encode("utf-8", "backslashreplace")
