"""``biomarker doctor``: is this installation whole."""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterator
from types import MappingProxyType

import click

from biomarker_cli.cli.options import format_option
from biomarker_cli.cli.output import Listing, print_json
from biomarker_cli.cli.strict_command import strict_command
from biomarker_cli.model.packages import REFERENCE_ENGINE, required_packages, version_of
from biomarker_cli.model.version import __version__

NOT_INSTALLED = "not installed"

_EPILOG = """\b
Examples:
  biomarker doctor
  biomarker doctor --format json
"""

_DECODERS = MappingProxyType(
    {"pylibjpeg-openjpeg": "JPEG 2000", "pylibjpeg-rle": "RLE", "pyjpegls": "JPEG-LS"}
)
"""What a package decodes."""


@strict_command(epilog=_EPILOG)
@format_option
@click.pass_context
def doctor(context: click.Context, output_format: str) -> None:
    """Check this installation: versions, decoders, kernels and shipped protocols.

    Exits with 1 where something that the product needs is missing.
    """
    rows = [{"check": check, "found": found, "ok": ok} for check, found, ok in _checks()]
    if output_format == "json":
        print_json(rows)
    else:
        table = Listing("", ("check", "found", ""))
        for row in rows:
            table.add_row(str(row["check"]), str(row["found"]), "ok" if row["ok"] else "MISSING")
        table.print()
    context.exit(0 if all(row["ok"] for row in rows) else 1)


def _checks() -> Iterator[tuple[str, str, bool]]:
    yield "biomarker", __version__, True
    yield "python", f"{platform.python_version()} on {sys.platform} {platform.machine()}", True
    for package in required_packages():
        decoded = _DECODERS.get(package)
        found = version_of(package)
        name = package if decoded is None else f"decoder {decoded}"
        yield name, found or NOT_INSTALLED, found is not None
    # Extras: analyses by the reference engine, clusters, `associate`, `fetch` and `send` need them.
    yield "pyradiomics (optional)", version_of(REFERENCE_ENGINE) or NOT_INSTALLED, True
    yield "distributed (optional)", version_of("distributed") or NOT_INSTALLED, True
    yield "statsmodels (optional)", version_of("statsmodels") or NOT_INSTALLED, True
    yield "requests (optional)", version_of("requests") or NOT_INSTALLED, True
    yield "pynetdicom (optional)", version_of("pynetdicom") or NOT_INSTALLED, True
    yield "kernels", *_kernels()
    yield "protocols", *_protocols()


def _kernels() -> tuple[str, bool]:
    from biomarker_cli.kernels.errors import KernelsError

    try:
        from biomarker_cli.kernels.compiled import SOURCES_SHA256
    except KernelsError as error:
        return f"not built: {error.hint}", False
    except ImportError as error:
        # Of another platform, or cut short.
        return str(error), False
    return f"compiled, of sources {SOURCES_SHA256[:12]}", True


def _protocols() -> tuple[str, bool]:
    from biomarker_cli.model.errors import BiomarkerError
    from biomarker_cli.protocol.loading import load_document
    from biomarker_cli.protocol.locator import ProtocolKind, list_protocols

    counts = []
    for kind in ProtocolKind:
        paths = list_protocols(kind)
        counts.append(f"{len(paths)} {kind.value}")
        for path in paths:
            try:
                load_document(kind, str(path))
            except BiomarkerError as error:
                return f"{path.parent.name} {path.stem}: {error.code}", False
    return ", ".join(counts), all(not count.startswith("0 ") for count in counts)
