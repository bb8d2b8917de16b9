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
    """Write the transform and the picture of a registration into a folder that exists.

    One of both files of a transform: a field holds its rigid stage.
    """
    from biomarker_cli.imaging.files import write_nifti_vectors
    from biomarker_cli.model.outputs import replace_file
    from biomarker_cli.registration.alignment import centre_mm
    from biomarker_cli.registration.overlay import overlay_png
    from biomarker_cli.registration.tables import FIELD_FILE, PICTURE_FILE, TRANSFORM_FILE
    from biomarker_cli.registration.transform_files import write_tfm

    for name in (FIELD_FILE, TRANSFORM_FILE):
        (folder / name).unlink(missing_ok=True)
    if found.deformation is None:
        write_tfm(found.matrix, centre_mm(fixed.geometry), folder / TRANSFORM_FILE)
    else:
        field = found.deformation.field
        write_nifti_vectors(field.vectors_mm, field.geometry, folder / FIELD_FILE)
    replace_file(folder / PICTURE_FILE, overlay_png(found.way, fixed, moving, regions))


def write_tables(tables: Mapping[Table, Sequence[dict[str, Any]]], folder: Path) -> None:
    """Write tables and the description of the package they make."""
    from biomarker_cli.tables.package import write_datapackage
    from biomarker_cli.tables.writing import write_table

    for table, rows in tables.items():
        write_table(table, rows, folder)
    write_datapackage(list(tables), folder, "registration")
