"""What each reader drew of a case, from the masks that the runs of the readers kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from biomarker_cli.imaging.errors import KeptFileError
from biomarker_cli.imaging.geometry import Geometry
from biomarker_cli.multicentre.reader_masks import by_roi
from biomarker_cli.multicentre.readers import Drawn, reader_rows
from biomarker_cli.tables.errors import TableError
from biomarker_cli.tables.kept import KeptFile, case_folder, read_index, read_mask
from biomarker_cli.tables.reading import read_cells
from biomarker_cli.tables.schema import ROIS

_NO_GRID = Geometry((1, 1, 1), (1.0, 1.0, 1.0))
"""Where nobody drew a voxel."""


def kept_reader_rows(
    runs: Mapping[str, Path], case_id: str, wanted: Sequence[str] = ()
) -> list[dict[str, Any]]:
    """Return the rows of `READER_PAIRS` for one case.

    Each ROI is compared on the grid that it was measured on; a reader who drew it on
    another one fails by name.

    Parameters
    ----------
    runs : mapping
        Folder of the run of each reader, which keeps masks.
    case_id : str
        The same in every run.
    wanted : sequence of str
        Only these ROIs; without any, all.

    Raises
    ------
    TableError
        ``KEPT-NOT-FOUND`` where a run keeps no masks of the case, ``TABLE-NOT-FOUND``.
    KeptFileError
        ``KEPT-DAMAGED`` for an index; a damaged mask fails its rows alone.
    InputNotFoundError
        ``NOTHING-FOUND`` where no reader drew anything that was asked for.
    """
    drawn = {name: _drawn_of_case(run, case_id) for name, run in runs.items()}
    absent = {name: Drawn("missing") for name in runs}
    rows: list[dict[str, Any]] = []
    for roi_id, by_reader in by_roi(drawn, absent, wanted).items():
        grids = (one.region.geometry for one in by_reader.values() if one.region is not None)
        grid = next(grids, _NO_GRID)
        on_one_grid = {name: _on(grid, one) for name, one in by_reader.items()}
        rows += reader_rows({roi_id: on_one_grid}, grid)
    return rows


def _drawn_of_case(run: Path, case_id: str) -> dict[str, Drawn]:
    """Return what a reader made of each ROI of a case."""
    folder = case_folder(run, case_id)
    index = read_index(folder)
    index.require("masks")
    cells = read_cells(run / ROIS.file_name)
    found = {
        row["roi_id"]: _not_drawn(row)
        for row in cells[cells["case_id"] == case_id].to_dict("records")
    }
    return found | {file.roi_id: _drawn(folder, file) for file in index.of_kind("masks")}


def _not_drawn(row: Mapping[Any, str]) -> Drawn:
    """Return what a row of ``rois.csv`` says of a ROI that has no mask."""
    if row["status"] == "empty":
        return Drawn("empty")
    if row["status"] == "failed":
        return Drawn("failed", reason=f"{row['error_code']} {row['error_message']}")
    return Drawn("missing")


def _drawn(folder: Path, file: KeptFile) -> Drawn:
    try:
        return Drawn("ok", read_mask(folder, file).region)
    except (KeptFileError, TableError) as error:
        return Drawn("failed", reason=f"{error.code} {error}")


def _on(grid: Geometry, one: Drawn) -> Drawn:
    if one.region is None or grid.same_grid(one.region.geometry):
        return one
    difference = grid.difference(one.region.geometry)
    return Drawn("failed", reason=f"it was drawn on another grid: {difference}")
