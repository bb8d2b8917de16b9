"""What the commands of a registration write."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from biomarker_cli.imaging.region import Region
    from biomarker_cli.imaging.volume import Volume
    from biomarker_cli.registration.registering import Registration
    from biomarker_cli.tables.schema import Table


def write_registration(
    found: Registration, fixed: Volume, moving: Volume, regions: Sequence[Region], folder: Path
) -> None:
    """Write the transform and the picture of a registration into a folder that exists."""
    from biomarker_cli.model.outputs import replace_file
    from biomarker_cli.registration.alignment import centre_mm
    from biomarker_cli.registration.overlay import overlay_png
    from biomarker_cli.registration.tables import PICTURE_FILE, TRANSFORM_FILE
    from biomarker_cli.registration.transform_files import write_tfm

    write_tfm(found.matrix, centre_mm(fixed.geometry), folder / TRANSFORM_FILE)
    replace_file(folder / PICTURE_FILE, overlay_png(found.matrix, fixed, moving, regions))


def write_tables(tables: Mapping[Table, Sequence[dict[str, Any]]], folder: Path) -> None:
    """Write tables and the description of the package they make."""
    from biomarker_cli.tables.package import write_datapackage
    from biomarker_cli.tables.writing import write_table

    for table, rows in tables.items():
        write_table(table, rows, folder)
    write_datapackage(list(tables), folder, "registration")
