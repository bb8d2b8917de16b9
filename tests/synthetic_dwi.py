"""Write small diffusion series whose ADC is known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import MRImageStorage
from synthetic_series import slice_dataset, uid, write

from biomarker_cli.catalogue.candidate import VolumeCandidate
from biomarker_cli.catalogue.catalogue import scan

SHAPE = (3, 4, 5)
S0 = 8000.0
ADC_MM2_S = np.linspace(0.4e-3, 2.6e-3, int(np.prod(SHAPE))).reshape(SHAPE)

Change = Callable[[Dataset], Any]


def _unchanged(dataset: Dataset) -> None:
    """Leave the dataset as it is."""


@dataclass(frozen=True)
class Spec:
    """One volume of a series: its b-value, direction, signal and flaws."""

    b: float | None
    direction: Sequence[float] | None = None
    array: np.ndarray | None = None
    change: Change = _unchanged
    applied_b: float | None = None

    def signal(self) -> np.ndarray:
        """Return the noise-free signal, shape `SHAPE`."""
        if self.array is not None:
            return np.broadcast_to(self.array, SHAPE)
        b = self.applied_b if self.applied_b is not None else self.b or 0.0
        return S0 * np.exp(-(b if np.isfinite(b) else 0.0) * ADC_MM2_S)


def write_dwi(folder: Path, specs: Sequence[Spec], *, series: str = "dwi") -> None:
    """Write the volumes of one series, slice by slice."""
    number = 0
    for index, spec in enumerate(specs):
        for z, plane in enumerate(spec.signal()):
            number += 1
            dataset = slice_dataset((0.0, 0.0, 3.0 * z), plane, series=series, number=number)
            _make_mr(dataset, spec, plane)
            spec.change(dataset)
            write(dataset, folder / f"{series}_{index:02d}_{z:02d}.dcm")


def _make_mr(dataset: Dataset, spec: Spec, plane: np.ndarray) -> None:
    dataset.SOPClassUID = MRImageStorage
    dataset.file_meta.MediaStorageSOPClassUID = MRImageStorage
    dataset.Modality = "MR"
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "M"]
    dataset.EchoTime = 70.0
    dataset.RepetitionTime = 4000.0
    # The whole range of 16 bits is used, so that rounding stays below 1e-5 of the signal.
    top = float(np.iinfo(np.uint16).max)
    slope = (float(np.max(plane)) or 1.0) / top
    dataset.PixelRepresentation = 0
    dataset.RescaleSlope = f"{slope:.10g}"
    dataset.RescaleIntercept = "0"
    dataset.RescaleType = "US"
    stored = np.clip(np.round(plane / float(dataset.RescaleSlope)), 0, top)
    dataset.PixelData = stored.astype("<u2").tobytes()
    if spec.b is not None:
        dataset.DiffusionBValue = float(spec.b)
    if spec.direction is not None:
        dataset.DiffusionGradientOrientation = [float(v) for v in spec.direction]


def candidates(*folders: Path) -> tuple[VolumeCandidate, ...]:
    """Return the image volumes below some folders."""
    return scan(list(folders)).volumes


__all__ = ["ADC_MM2_S", "S0", "SHAPE", "Spec", "candidates", "uid", "write_dwi"]
