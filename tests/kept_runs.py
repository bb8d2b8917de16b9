"""Run folders that keep masks and maps of balls, whose places are known, and registrations."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from biomarker_cli.imaging.geometry import Geometry
from biomarker_cli.imaging.kept_maps import write_kept_map
from biomarker_cli.imaging.kept_masks import mask_bytes
from biomarker_cli.imaging.region import Region
from biomarker_cli.imaging.volume import Volume
from biomarker_cli.model.quantity import QUANTITIES
from biomarker_cli.model.shifted_dates import FACT as DATES
from biomarker_cli.regions.result import ROIS_WITH_AUDIT
from biomarker_cli.registration.registering import rotation_deg
from biomarker_cli.registration.tables import REGISTRATION
from biomarker_cli.registration.transform_files import write_tfm
from biomarker_cli.tables.kept import KeptFile, KeptIndex, case_folder, write_index
from biomarker_cli.tables.package import write_datapackage
from biomarker_cli.tables.schema import CASES, FACTS, FEATURES, MEASUREMENTS
from biomarker_cli.tables.writing import write_table

TABLES = (CASES, ROIS_WITH_AUDIT, MEASUREMENTS, FEATURES, FACTS)


def points_of(grid: Geometry) -> np.ndarray:
    """Return the centres of all voxels, LPS mm, shape (z, y, x, 3)."""
    z, y, x = np.indices(grid.shape)
    return grid.index_to_physical(np.stack([x, y, z], axis=-1))


def ball(grid: Geometry, centre_mm: Iterable[float], radius_mm: float) -> np.ndarray:
    """Return a ball as a mask."""
    distance = np.linalg.norm(points_of(grid) - np.asarray(list(centre_mm)), axis=-1)
    return np.asarray(distance <= radius_mm)


@dataclass
class KeptCase:
    """A case as a test draws it: masks by ROI, and maps by name of their quantity."""

    case_id: str
    grid: Geometry
    masks: Mapping[str, np.ndarray] = field(default_factory=dict)
    maps: Mapping[str, np.ndarray] = field(default_factory=dict)
    frame: str = "1.2.1"
    modality: str = "CT"
    day: str = ""
    uids: Mapping[str, str] = field(default_factory=dict)
    keeps: bool = True
    result_key: str = "key"
    mask_grid: Geometry | None = None
    shifted: bool = False

    @property
    def series(self) -> str:
        """SeriesInstanceUID of its image."""
        return "1.2." + str(int(hashlib.sha256(self.case_id.encode()).hexdigest()[:12], 16))


def kept_run(folder: Path, cases: Iterable[KeptCase]) -> Path:
    """Write the tables of a run and what it keeps; return the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    cases = list(cases)
    rois = [
        {
            "case_id": one.case_id,
            "roi_id": roi,
            "status": "ok",
            "tracking_uid": one.uids.get(roi, ""),
        }
        for one in cases
        for roi in one.masks
    ]
    facts = [
        {"case_id": one.case_id, "series_uid": one.series, "fact": "study_date", "value": one.day}
        for one in cases
        if one.day
    ]
    facts += [
        {"case_id": one.case_id, "series_uid": one.series, "fact": DATES, "value": "MODIFIED"}
        for one in cases
        if one.shifted
    ]
    write_table(CASES, map(_case_row, cases), folder)
    write_table(ROIS_WITH_AUDIT, rois, folder)
    write_table(MEASUREMENTS, [], folder)
    write_table(FEATURES, [], folder)
    write_table(FACTS, facts, folder)
    write_datapackage(TABLES, folder, "kept")
    for one in cases:
        if one.keeps:
            _keep(folder, one)
    return folder


def _case_row(one: KeptCase) -> dict[str, str]:
    site, subject, timepoint, _ = one.case_id.split("/")
    return {
        "case_id": one.case_id,
        "site_id": site,
        "subject_id": subject,
        "timepoint": timepoint,
        "modality": one.modality,
        "series_uid": one.series,
        "frame_of_reference_uid": one.frame,
        "status": "measured",
        "result_key": one.result_key,
    }


def _keep(run: Path, one: KeptCase) -> None:
    folder = case_folder(run, one.case_id)
    image = one.case_id.rpartition("/")[2]
    files = []
    for kind in ("masks", "maps"):
        (folder / kind).mkdir(parents=True, exist_ok=True)
    for roi, mask in one.masks.items():
        path = f"masks/{roi}.mask"
        (folder / path).write_bytes(
            mask_bytes(Region(mask, one.mask_grid or one.grid, roi, roi), roi, image)
        )
        files.append(_file(folder, path, "masks", image, roi_id=roi))
    for name, array in one.maps.items():
        path = f"maps/{name}.nii.gz"
        write_kept_map(Volume(array, one.grid, QUANTITIES[name]), folder / path)
        grid = {
            "shape": list(one.grid.shape),
            "spacing_mm": list(one.grid.spacing_mm),
            "origin_mm": list(one.grid.origin_mm),
            "direction": list(one.grid.direction),
        }
        said = {"analysis_id": "a@1.0.0", "map_name": name, "quantity": name, "geometry": grid}
        files.append(_file(folder, path, "maps", image, **said))
    index = KeptIndex(one.case_id, one.result_key, ("maps", "masks"), tuple(files))
    write_index(index, folder)


def _file(folder: Path, path: str, kind: str, image: str, **more: object) -> KeptFile:
    content = (folder / path).read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    return KeptFile(kind, path, digest, len(content), image, **more)


def recorded(
    folder: Path, fixed: KeptCase, moving: KeptCase, matrix: np.ndarray, **more: object
) -> str:
    """Write a registration as `biomarker register` does; return the path of its table."""
    folder.mkdir(parents=True, exist_ok=True)
    write_tfm(matrix, np.array([1.0, 2.0, 3.0]), folder / "transform.tfm")
    row = {
        "registration_id": f"rigid@1.0.0:{folder.name}",
        "fixed_series_uid": fixed.series,
        "moving_series_uid": moving.series,
        "transform": "rigid",
        "transform_file": "transform.tfm",
        "rotation_deg": rotation_deg(matrix),
        "status": "ok",
        **more,
    }
    return str(write_table(REGISTRATION, [row], folder))
