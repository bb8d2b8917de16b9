"""Measure synthetic dynamic series as a case does, without files of results."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from synthetic_dce import SHAPE

from biomarker_cli.catalogue.catalogue import scan
from biomarker_cli.dicom.files import DicomFiles
from biomarker_cli.imaging.geometry import Geometry
from biomarker_cli.imaging.region import Region
from biomarker_cli.perfusion import dce_measure, dsc_measure, t1_measure
from biomarker_cli.perfusion.dsc_rules import DscRules
from biomarker_cli.perfusion.rules import DceRules
from biomarker_cli.perfusion.t1_rules import T1Rules

GRID = Geometry(SHAPE, (1.0, 2.0, 3.0))

MODEL = {
    "name": "etofts",
    "aif": {"source": "population", "name": "parker_blood"},
    "haematocrit": 0.42,
    "delay": {"fit": True},
}

DCE = {
    "level": "region",
    "baseline": {"skip_frames": 1, "frames": 4},
    "t10": {"source": "fixed", "t1_ms": 1200.0},
    "agent": {"names": {"gadovist": "gadobutrol"}},
    "iaugc_s": [60, 90],
    "model": MODEL,
}


def dce_rules(**changes: Any) -> DceRules:
    """Return the rules of the tests, some of them changed; those of the model by ``model_``."""
    model = {name[6:]: v for name, v in changes.items() if name.startswith("model_")}
    others = {name: v for name, v in changes.items() if not name.startswith("model_")}
    data = {**DCE, **others}
    if model and data.get("model") is not None:
        data["model"] = {**MODEL, **model}
    return DceRules.model_validate(data)


@dataclass
class FolderImage:
    """A `CaseImage` of everything below a folder, or below several."""

    folder: Path | Sequence[Path]
    is_declared: bool = False
    dicom: DicomFiles = field(default_factory=DicomFiles)

    @cached_property
    def _found(self) -> Any:
        folders = [self.folder] if isinstance(self.folder, Path) else self.folder
        return scan(list(folders)).volumes

    def candidates(self) -> Any:
        return self._found


def region(name: str = "tumour", box: tuple[slice, ...] | None = None) -> Region:
    """Return a region of some voxels."""
    mask = np.zeros(SHAPE, dtype=np.bool_)
    mask[box or (slice(1, 2), slice(1, 4), slice(2, 6))] = True
    return Region(mask, GRID, name, name)


def measured_dce(folder: Path, rules: DceRules, *regions: Region) -> dict[str, Any]:
    """Return the measurements of each region by feature id, or its error."""
    prepared = dce_measure.prepare(FolderImage(folder), rules, None)
    return _by_feature(prepared.measure(regions or (region(),)))


def measured_dsc(folder: Path, rules: DscRules, *regions: Region) -> dict[str, Any]:
    """Return the measurements of each region by feature id, or its error."""
    prepared = dsc_measure.prepare(FolderImage(folder), rules, None)
    return _by_feature(prepared.measure(regions))


def measured_t1(folder: Path | Sequence[Path], rules: T1Rules, *regions: Region) -> dict[str, Any]:
    """Return the measurements of T1 of each region by feature id, or its error."""
    prepared = t1_measure.prepare(FolderImage(folder), rules, None)
    return _by_feature(prepared.measure(regions or (region(),)))


def _by_feature(found: Any) -> dict[str, Any]:
    return {
        name: {row.feature_id: row for row in rows} if isinstance(rows, list) else rows
        for name, rows in found.items()
    }
