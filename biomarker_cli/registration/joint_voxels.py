"""The voxelwise joint table: Parquet, a row per voxel of a ROI on the grid of its visit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from biomarker_cli.model.errors import BiomarkerError
from biomarker_cli.model.outputs import whole_file
from biomarker_cli.model.wording import valid_unicode
from biomarker_cli.registration.joint_visits import (
    JoinedRegion,
    JoinedVisit,
    MapColumn,
    VisitMap,
    figures,
    imaged,
    join_visit,
    maps_of,
)
from biomarker_cli.registration.recorded import Registrations
from biomarker_cli.registration.sampling import PLACE_WORDS, parts_of
from biomarker_cli.tables.cells import csv_line, format_value
from biomarker_cli.tables.errors import TableError
from biomarker_cli.tables.export.column_heads import require_heads
from biomarker_cli.tables.export.joint_cases import (
    JointCase,
    cases_by_visit,
    read_joint_cases,
)
from biomarker_cli.tables.kept import KeptIndex, case_folder, read_index_of
from biomarker_cli.tables.packaged import read_package

MAP_FIGURES = (
    "site_id",
    "subject_id",
    "timepoint",
    "roi_id",
    "column",
    "grid_case_id",
    "registration_id",
    "n_voxels",
    "overlap_percent",
    "without_value_percent",
    "error_code",
    "error_message",
)
"""Columns of the file of figures beside the voxels."""

_KEY = ("site_id", "subject_id", "timepoint", "roi_id", "grid_case_id")
_POINT = ("x_mm", "y_mm", "z_mm")


@dataclass(frozen=True)
class VoxelRules:
    """What goes into a voxelwise table.

    Attributes
    ----------
    registrations : Registrations
    roles, analyses, rois : frozenset of str
        Empty for all.
    """

    registrations: Registrations
    roles: frozenset[str] = frozenset()
    analyses: frozenset[str] = frozenset()
    rois: frozenset[str] = frozenset()


@dataclass(frozen=True)
class VoxelSummary:
    """What was written: visits, voxels, maps that were brought to a grid, and those that not.

    `whole` are the visits of which no map is missing.
    """

    visits: int = 0
    whole: int = 0
    voxels: int = 0
    joined: int = 0
    refused: int = 0

    def as_json(self) -> dict[str, int]:
        """Return it for scripts."""
        return asdict(self)


def figures_path(output: Path) -> Path:
    """Return the file of figures: ``voxels.maps.csv`` beside ``voxels.parquet``."""
    return output.with_name(f"{output.stem}.maps.csv")


def export_joint_voxels(
    folder: Path,
    output: Path,
    rules: VoxelRules,
    advance: Callable[[int, int], None] | None = None,
) -> tuple[VoxelSummary, list[tuple[str, BiomarkerError]]]:
    """Write the kept maps of a run voxel by voxel, those of a visit on one grid.

    Parameters
    ----------
    folder : Path
        Of a run that kept maps and masks.
    output : Path
        In a folder that exists; replaced where it is there.
    rules : VoxelRules
    advance : callable or None
        Told how many visits are done, and of how many.

    Returns
    -------
    summary : VoxelSummary
    faults : list of tuple
        Visit or case, and why something of it is not in the table.

    Raises
    ------
    TableError
        As `export_joint`; ``KEPT-NOT-FOUND`` where the run keeps no map that is asked for.
    InputNotFoundError
        ``NOTHING-FOUND`` where it has no such role.
    """
    from pyarrow import parquet

    cases = read_joint_cases(read_package(folder), sorted(rules.roles))
    registrations = rules.registrations.in_run(map(imaged, cases.values()))
    kept, indices, faults = _kept(folder, cases, rules)
    columns = sorted({one.column for some in kept.values() for one in some})
    if not columns:
        raise _nothing_kept(folder, faults)
    names = dict(zip(columns, _names(columns), strict=True))
    summary = VoxelSummary()
    visits = [(key, some) for key, some in cases_by_visit(cases) if _maps(kept, some)]
    of_maps = (head for one in names.items() for head in _heads(*one))
    require_heads([*_KEY, *_POINT, *of_maps], folder)
    schema = _schema(names)
    with (
        whole_file(figures_path(output)) as told,
        whole_file(output) as stream,
        parquet.ParquetWriter(stream, schema) as writer,
    ):
        told.write(csv_line(MAP_FIGURES).encode())
        told.writelines(csv_line(_fault_cells(*one)).encode() for one in faults)
        for done, (key, of_visit) in enumerate(visits, start=1):
            maps = _maps(kept, of_visit)
            visit = join_visit(folder, of_visit, maps, indices, registrations, rules.rois)
            told.writelines(csv_line(cells).encode() for cells in _figure_cells(visit, names))
            for region in visit.regions:
                _write(writer, schema, visit, region, names)
            faults += [(key.rstrip("/"), error) for error in visit.faults.values()]
            summary = _counted(summary, visit)
            if advance:
                advance(done, len(visits))
    return summary, faults


def _counted(summary: VoxelSummary, visit: JoinedVisit) -> VoxelSummary:
    grid = visit.grid.case.case_id if visit.grid else ""
    role = grid.rpartition("/")[2]
    return replace(
        summary,
        visits=summary.visits + bool(visit.regions),
        whole=summary.whole + bool(visit.regions and not visit.faults),
        voxels=summary.voxels + sum(len(one.points_mm) for one in visit.regions),
        joined=summary.joined + sum(column.role != role for column in visit.links),
        refused=summary.refused + len(visit.faults),
    )


def _maps(kept: Mapping[str, list[VisitMap]], cases: Sequence[JointCase]) -> list[VisitMap]:
    return [one for case in cases for one in kept.get(case.case_id, ())]


def _kept(
    folder: Path, cases: Mapping[str, JointCase], rules: VoxelRules
) -> tuple[dict[str, list[VisitMap]], dict[str, KeptIndex], list[tuple[str, BiomarkerError]]]:
    """Return the maps and the index of each case, and whose cannot be used."""
    kept: dict[str, list[VisitMap]] = {}
    indices: dict[str, KeptIndex] = {}
    faults: list[tuple[str, BiomarkerError]] = []
    for case_id, case in sorted(cases.items()):
        if not case_folder(folder, case_id).is_dir() and "ok" not in case.rois.values():
            continue
        try:
            indices[case_id] = read_index_of(folder, case_id, case.result_key)
            kept[case_id] = list(maps_of(case, indices[case_id], rules.analyses, case_id))
        except BiomarkerError as error:
            faults.append((case_id, error))
    return kept, indices, faults


def _nothing_kept(folder: Path, faults: Sequence[tuple[str, BiomarkerError]]) -> BiomarkerError:
    there = [error for case_id, error in faults if case_folder(folder, case_id).is_dir()]
    if there:
        return there[0]
    return TableError(
        "KEPT-NOT-FOUND",
        "the run keeps no map that is asked for",
        where=str(folder),
        hint="Write `keep: [masks, maps]` into the study and run it again: what is missing is "
        "made without measuring anew. A CT, or the signal of an MR, has no map.",
    )


def _names(columns: Sequence[MapColumn]) -> list[str]:
    """Return what columns are called: the map, then what tells it from others of that name."""
    roles = Counter(map_name for map_name, _ in {(c.map_name, c.role) for c in columns})
    analyses = Counter(map_name for map_name, _ in {(c.map_name, c.analysis_id) for c in columns})
    names = []
    for one in columns:
        role = f".{one.role}" if roles[one.map_name] > 1 else ""
        analysis = f".{one.analysis_id}" if analyses[one.map_name] > 1 else ""
        names.append(f"{one.map_name}{role}{analysis}")
    return names


def _heads(column: MapColumn, name: str) -> tuple[str, str, str]:
    """Return the names of the three columns of a map."""
    return f"{name} [{column.unit}]", f"{name}.status", f"{name}.registration_id"


def _schema(names: Mapping[MapColumn, str]) -> Any:
    import pyarrow as pa

    word = pa.dictionary(pa.int32(), pa.string())
    fields = [pa.field(name, word) for name in _KEY]
    fields += [pa.field(name, pa.float64()) for name in _POINT]
    for column, name in names.items():
        value, *said = _heads(column, name)
        about = {"unit": column.unit, "analysis_id": column.analysis_id, "role": column.role}
        about = {key: valid_unicode(text) for key, text in about.items()}
        fields += [
            pa.field(value, pa.float64(), metadata=about),
            *(pa.field(one, word) for one in said),
        ]
    return pa.schema(fields, metadata={"table": "joint_voxels"})


def _write(
    writer: Any,
    schema: Any,
    visit: JoinedVisit,
    region: JoinedRegion,
    names: Mapping[MapColumn, str],
) -> None:
    """Write the voxels of a region, some at a time."""
    import numpy as np
    import pyarrow as pa

    grid = visit.grid.case.case_id if visit.grid else ""
    key = (*grid.split("/")[:3], region.roi_id, grid)
    for part in parts_of(len(region.points_mm)):
        points = region.points_mm[part]
        n = len(points)
        arrays = [_same(word, n) for word in key]
        arrays += [pa.array(np.ascontiguousarray(points[:, axis])) for axis in range(3)]
        for column in names:
            sampled = region.values.get(column)
            if sampled is None:
                arrays += [pa.nulls(n, pa.float64()), _same("no_map", n), _same("", n)]
                continue
            link = visit.links.get(column)
            # NaN is no value: null, as in the other tables.
            values = pa.array(sampled.values[part], from_pandas=True)
            codes = pa.array(sampled.places[part].astype(np.int32))
            arrays += [
                values,
                pa.DictionaryArray.from_arrays(codes, pa.array(PLACE_WORDS)),
                _same(link.registration_id if link else "", n),
            ]
        writer.write_table(pa.Table.from_arrays(arrays, schema=schema))


def _same(word: str, n: int) -> Any:
    import numpy as np
    import pyarrow as pa

    codes = pa.array(np.zeros(n, dtype=np.int32))
    return pa.DictionaryArray.from_arrays(codes, pa.array([valid_unicode(word)]))


def _fault_cells(case_id: str, error: BiomarkerError) -> list[str]:
    """Return the row of a case of which nothing can be taken: its maps are not known."""
    said = {"error_code": error.code, "error_message": f"{case_id}: {error.message}"}
    return [*case_id.split("/")[:3], *(said.get(name, "") for name in MAP_FIGURES[3:])]


def _figure_cells(visit: JoinedVisit, names: Mapping[MapColumn, str]) -> Iterator[list[str]]:
    place = visit.cases[0].case_id.split("/")[:3]
    for row in figures(visit):
        error = row.pop("error", None)
        column = row.pop("column", None)
        said: dict[str, Any] = {
            **row,
            "column": names[column] if column else "",
            "error_code": error.code if error else "",
            "error_message": error.message if error else "",
        }
        yield [*place, *(format_value(said.get(name)) for name in MAP_FIGURES[3:])]
