"""Synthetic spoiled gradient echoes of several flip angles with a known T1.

References
----------
DICOM PS3.3 C.8.3.1 (MR Image); Frahm, Haase, Matthaei 1986, Magn Reson Med 3:321.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import MRImageStorage

from biomarker_cli.model.arrays import AnyArray, FloatArray
from biomarker_cli.multicentre.objects.dwi import TOP, philips_scaling
from biomarker_cli.multicentre.objects.instances import (
    ObjectGrid,
    Subject,
    add_pixels,
    add_plane,
    decimal,
    new_dataset,
    save,
)

ECHO_MS = 1.5


@dataclass(frozen=True)
class EchoObject:
    """Series of several flip angles that are to be written.

    Attributes
    ----------
    subject : Subject
    grid : ObjectGrid
    t1_ms, m0 : ndarray, shape (z, y, x)
    tr_ms : float
    flips_deg : sequence of float
    """

    subject: Subject
    grid: ObjectGrid
    t1_ms: AnyArray
    m0: AnyArray
    tr_ms: float
    flips_deg: Sequence[float]

    def signal(self, flip_deg: float) -> FloatArray:
        """Return the steady-state signal of a flip angle."""
        e1 = np.exp(-self.tr_ms / np.asarray(self.t1_ms, dtype=np.float64))
        flip = np.radians(flip_deg)
        found: FloatArray = self.m0 * np.sin(flip) * (1.0 - e1) / (1.0 - e1 * np.cos(flip))
        return found


Dialect = Callable[[Dataset, int], None]
"""Writes what a vendor does into the header of a slice; with the number of its flip angle."""


def _standard(dataset: Dataset, index: int) -> None:
    """Leave the standard elements alone."""
    del dataset, index


def _philips(dataset: Dataset, index: int) -> None:
    """Scale each flip angle by itself."""
    dataset.Manufacturer = "Philips Medical Systems"
    philips_scaling(dataset, scale_slope=(0.5, 0.25)[index % 2])


def _ge(dataset: Dataset, index: int) -> None:
    """Write the receiver gains of the prescan, and the field in gauss."""
    del index
    dataset.Manufacturer = "GE MEDICAL SYSTEMS"
    dataset.MagneticFieldStrength = "15000"
    block = dataset.private_block(0x0019, "GEMS_ACQU_01", create=True)
    block.add_new(0x95, "SS", 13)
    block.add_new(0x96, "SS", 29)


DIALECTS: Mapping[str, Dialect] = MappingProxyType(
    {"standard": _standard, "ge": _ge, "philips": _philips}
)


def write_echoes(folder: Path, echoes: EchoObject, dialect: str = "standard") -> list[Path]:
    """Write one series for each flip angle and return the paths.

    Parameters
    ----------
    folder : Path
    echoes : EchoObject
    dialect : str
        A key of `DIALECTS`.
    """
    signals = [echoes.signal(flip_deg) for flip_deg in echoes.flips_deg]
    slope = max(float(signal.max()) for signal in signals) / TOP
    paths = []
    for index, (flip_deg, signal) in enumerate(zip(echoes.flips_deg, signals, strict=True)):
        series = f"flip{flip_deg:g}"
        for z, plane in enumerate(signal):
            dataset = new_dataset(echoes.subject, series, z + 1, MRImageStorage, "MR")
            dataset.SeriesNumber = index + 1
            dataset.ImageType = ["ORIGINAL", "PRIMARY", "M"]
            dataset.ScanningSequence, dataset.SequenceVariant = "GR", "SP"
            dataset.ScanOptions, dataset.MRAcquisitionType = "", "3D"
            dataset.RepetitionTime, dataset.EchoTime = decimal(echoes.tr_ms), decimal(ECHO_MS)
            dataset.FlipAngle, dataset.EchoTrainLength = decimal(flip_deg), 1
            dataset.MagneticFieldStrength = "1.5"
            dataset.RescaleSlope, dataset.RescaleIntercept = decimal(slope), "0"
            dataset.RescaleType = "US"
            add_plane(dataset, echoes.grid, z)
            add_pixels(dataset, np.rint(plane / slope), signed=False)
            DIALECTS[dialect](dataset, index)
            paths.append(save(dataset, folder / f"{series}_{z + 1:04d}.dcm"))
    return paths
