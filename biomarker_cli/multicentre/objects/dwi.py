"""Synthetic diffusion-weighted MR with a known ADC, in the dialects of the vendors.

Each volume has the signal S0 exp(-b ADC) of its b-value; what tells b and direction in
the header is the dialect's.

References
----------
DICOM PS3.3 C.8.13.5.9 (MR Diffusion); conformance statements for private elements.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items
from pydicom.uid import EnhancedMRImageStorage, MRImageStorage

from biomarker_cli.model.arrays import AnyArray, FloatArray
from biomarker_cli.multicentre.objects.instances import (
    Change,
    ObjectGrid,
    Subject,
    add_pixels,
    add_plane,
    decimal,
    new_dataset,
    save,
    unchanged,
)

TOP = 65000
"""Stored value of the brightest voxel of a series: rounding stays below 1e-5 of it."""

GE_BIAS = 1_000_000_000
"""Newer GE systems add it to b."""

Direction = tuple[float, float, float]


@dataclass(frozen=True)
class Weighting:
    """One volume of a series.

    Attributes
    ----------
    b : float
        s/mm2, as it was applied.
    signal : ndarray, shape (z, y, x)
    direction : tuple of float or None
        Unit vector; None for b = 0.
    console_b : float or None
        What was set, where it is another number (UIH).
    """

    b: float
    signal: AnyArray
    direction: Direction | None = None
    console_b: float | None = None


@dataclass(frozen=True)
class DwiObject:
    """A diffusion series that is to be written.

    Attributes
    ----------
    subject : Subject
    grid : ObjectGrid
    volumes : sequence of Weighting
    series : str
    """

    subject: Subject
    grid: ObjectGrid
    volumes: Sequence[Weighting]
    series: str = "dwi"

    @property
    def slope(self) -> float:
        """RescaleSlope of all images."""
        return max(float(np.max(one.signal)) for one in self.volumes) / TOP

    def stored(self, volume: Weighting) -> AnyArray:
        """Return the stored values of a volume."""
        found: AnyArray = np.rint(np.asarray(volume.signal, dtype=np.float64) / self.slope)
        return found


Dialect = Callable[[Dataset, Weighting, int], None]
"""Writes b-value and direction of a volume into the header of a slice; with its number."""


def signal_of(s0: float, adc_mm2_s: AnyArray, b: float) -> FloatArray:
    """Return S0 exp(-b ADC)."""
    found: FloatArray = s0 * np.exp(-b * np.asarray(adc_mm2_s, dtype=np.float64))
    return found


def _standard(dataset: Dataset, volume: Weighting, index: int) -> None:
    """Write the standard elements."""
    del index
    dataset.DiffusionBValue = float(volume.b)
    dataset.DiffusionDirectionality = "NONE" if volume.direction is None else "DIRECTIONAL"
    if volume.direction is not None:
        dataset.DiffusionGradientOrientation = list(volume.direction)


def _ge(dataset: Dataset, volume: Weighting, index: int) -> None:
    """Write (0043,1039) with the bias; the vector in (0019,10BB) to (0019,10BD)."""
    del index
    dataset.Manufacturer = "GE MEDICAL SYSTEMS"
    relation = dataset.private_block(0x0021, "GEMS_RELA_01", create=True)
    relation.add_new(0x5A, "SL", 16)
    parameters = dataset.private_block(0x0043, "GEMS_PARM_01", create=True)
    parameters.add_new(0x30, "SS", 14 if volume.direction is None else 16)
    parameters.add_new(0x39, "IS", [round(volume.b) + GE_BIAS, 8, 0, 0])
    vector = dataset.private_block(0x0019, "GEMS_ACQU_01", create=True)
    for offset, part in zip((0xBB, 0xBC, 0xBD), volume.direction or (0.0,) * 3, strict=True):
        vector.add_new(offset, "DS", decimal(part))


def _siemens(dataset: Dataset, volume: Weighting, index: int) -> None:
    """Write (0019,100C) and the direction in (0019,100E)."""
    del index
    dataset.Manufacturer = "SIEMENS"
    block = dataset.private_block(0x0019, "SIEMENS MR HEADER", create=True)
    block.add_new(0x0C, "IS", str(round(volume.b)))
    block.add_new(0x0D, "CS", "NONE" if volume.direction is None else "DIRECTIONAL")
    if volume.direction is not None:
        block.add_new(0x0E, "FD", list(volume.direction))


def _philips(dataset: Dataset, volume: Weighting, index: int) -> None:
    """Write (2001,1003) alone; each volume scaled by itself; a diagonal direction on b = 0."""
    dataset.Manufacturer = "Philips Medical Systems"
    block = dataset.private_block(0x2001, "Philips Imaging DD 001", create=True)
    # Repeats of b = 0 are told apart by thousandths.
    block.add_new(0x03, "FL", volume.b if volume.direction is not None else 0.001 * index)
    block.add_new(0x04, "CS", "S" if volume.direction is None else "O")
    diagonal = (math.sqrt(1.0 / 3.0),) * 3
    dataset.DiffusionGradientOrientation = list(volume.direction or diagonal)
    philips_scaling(dataset, scale_slope=(0.5, 0.25)[index % 2])


def philips_scaling(dataset: Dataset, scale_slope: float) -> None:
    """Write displayed values: what is stored is true x SS, with RS beside it."""
    true = float(dataset.RescaleSlope)
    stored = np.frombuffer(dataset.PixelData, "<u2").reshape(dataset.Rows, dataset.Columns)
    block = dataset.private_block(0x2005, "Philips MR Imaging DD 001", create=True)
    block.add_new(0x0E, "FL", scale_slope)
    # FP = stored / SS: displayed values are FP x RS x SS, for any RS.
    dataset.RescaleSlope = decimal(true * scale_slope * 2.0)
    add_pixels(dataset, np.rint(stored * scale_slope), signed=False)


def _uih(dataset: Dataset, volume: Weighting, index: int) -> None:
    """Write (0065,1009), which is applied, (0065,100A), which was set."""
    del index
    dataset.Manufacturer = "UIH"
    block = dataset.private_block(0x0065, "Image Private Header", create=True)
    block.add_new(0x09, "FD", float(volume.b))
    console = volume.b if volume.console_b is None else volume.console_b
    block.add_new(0x0A, "FD", float(console))
    if volume.direction is not None:
        block.add_new(0x37, "FD", list(volume.direction))


def _toshiba(dataset: Dataset, volume: Weighting, index: int) -> None:
    """Write the standard element, which is absent on b = 0."""
    del index
    dataset.Manufacturer = "TOSHIBA"
    if volume.direction is not None:
        dataset.DiffusionBValue = float(volume.b)
        dataset.DiffusionGradientOrientation = list(volume.direction)


def _canon_comment(dataset: Dataset, volume: Weighting, index: int) -> None:
    """Write ``b=800(x,y,z)`` in a comment alone; the direction in the standard element."""
    del index
    dataset.Manufacturer = "CANON_MEC"
    if volume.direction is not None:
        dataset.DiffusionGradientOrientation = list(volume.direction)
    direction = ",".join(f"{part:.4f}" for part in volume.direction or (0.0, 0.0, 0.0))
    dataset.ImageComments = f"b={volume.b:g}({direction})"


DIALECTS: Mapping[str, Dialect] = MappingProxyType(
    {
        "standard": _standard,
        "ge": _ge,
        "siemens": _siemens,
        "philips": _philips,
        "uih": _uih,
        "toshiba": _toshiba,
        "canon-comment": _canon_comment,
    }
)
"""Name -> what single slices carry. `enhanced` and the mosaics are whole files."""

FILES = ("enhanced", "siemens-mosaic", "uih-grid")
"""Dialects that hold a volume or a series in one file."""


def write_dwi(
    folder: Path, dwi: DwiObject, dialect: str = "standard", change: Change = unchanged
) -> list[Path]:
    """Write a diffusion series and return the paths, volume by volume.

    Parameters
    ----------
    folder : Path
    dwi : DwiObject
    dialect : str
        A key of `DIALECTS`, or one of `FILES`.
    change : callable
        Called with each data set and the index of its file before it is saved.
    """
    datasets = _files(dwi, dialect) if dialect in FILES else _slices(dwi, DIALECTS[dialect])
    paths = []
    for index, dataset in enumerate(datasets):
        change(dataset, index)
        paths.append(save(dataset, folder / f"{dwi.series}_{index + 1:04d}.dcm"))
    return paths


def _files(dwi: DwiObject, dialect: str) -> list[Dataset]:
    if dialect == "enhanced":
        return [_enhanced(dwi)]
    return [_mosaic(dwi, index, dialect) for index in range(len(dwi.volumes))]


def _slices(dwi: DwiObject, dialect: Dialect) -> list[Dataset]:
    datasets: list[Dataset] = []
    for index, volume in enumerate(dwi.volumes):
        for z, plane in enumerate(dwi.stored(volume)):
            dataset = _image(dwi, len(datasets) + 1)
            add_plane(dataset, dwi.grid, z)
            add_pixels(dataset, plane, signed=False)
            dialect(dataset, volume, index)
            datasets.append(dataset)
    return datasets


def _image(dwi: DwiObject, number: int, sop_class: str = MRImageStorage) -> Dataset:
    """Return the header of an image without its place and pixels."""
    dataset = new_dataset(dwi.subject, dwi.series, number, sop_class, "MR")
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "M"]
    dataset.ScanningSequence, dataset.SequenceVariant = "EP", "SK"
    dataset.ScanOptions, dataset.MRAcquisitionType = "FS", "2D"
    dataset.RepetitionTime, dataset.EchoTime = "4000", "70"
    dataset.EchoTrainLength = 64
    dataset.MagneticFieldStrength = "3"
    dataset.RescaleSlope, dataset.RescaleIntercept = decimal(dwi.slope), "0"
    dataset.RescaleType = "US"
    return dataset


def _mosaic(dwi: DwiObject, index: int, dialect: str) -> Dataset:
    """Return a volume as the tiles of one frame."""
    volume, grid = dwi.volumes[index], dwi.grid
    slices, rows, columns = grid.shape
    across = math.ceil(math.sqrt(slices))
    is_uih = dialect == "uih-grid"
    # Siemens keeps the grid square, UIH leaves out empty rows of tiles.
    down = math.ceil(slices / across) if is_uih else across
    picture = np.zeros((down * rows, across * columns))
    for z, plane in enumerate(dwi.stored(volume)):
        top, left = (z // across) * rows, (z % across) * columns
        picture[top : top + rows, left : left + columns] = plane
    dataset = _image(dwi, index + 1)
    add_plane(dataset, grid, 0)
    add_pixels(dataset, picture, signed=False)
    if is_uih:
        dataset.ImageType = ["ORIGINAL", "PRIMARY", "M", "VFRAME"]
        _uih(dataset, volume, index)
        places = Items(_tile(grid, z) for z in range(slices))
        dataset.private_block(0x0065, "Image Private Header").add_new(0x51, "SQ", places)
        return dataset
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "M", "MOSAIC"]
    dataset.SpacingBetweenSlices = decimal(grid.spacing_mm[2])
    # The position is that of a frame of full size around the centre of the slice.
    margin = ((across - 1) * columns / 2.0, (across - 1) * rows / 2.0)
    corner = grid.place(-margin[0], -margin[1], 0)
    dataset.ImagePositionPatient = [decimal(v) for v in corner]
    _siemens(dataset, volume, index)
    dataset.private_block(0x0019, "SIEMENS MR HEADER").add_new(0x0A, "US", slices)
    csa = dataset.private_block(0x0029, "SIEMENS CSA HEADER", create=True)
    csa.add_new(0x10, "OB", _csa_normal(grid.normal))
    return dataset


def _tile(grid: ObjectGrid, z: int) -> Dataset:
    item = Dataset()
    item.ImagePositionPatient = [decimal(v) for v in grid.place(0, 0, z)]
    return item


def _csa_normal(normal: Direction) -> bytes:
    """Return a CSA header (SV10) whose one tag is SliceNormalVector."""
    items = b""
    for part in normal:
        text = f"{part:.8f}".encode() + b"\0"
        padded = text + b"\0" * (-len(text) % 4)
        items += struct.pack("<4i", len(text), len(text), 77, len(text)) + padded
    name = b"SliceNormalVector".ljust(64, b"\0")
    tag = name + struct.pack("<i4s3i", 3, b"FD\0\0", 4, len(normal), 77) + items
    return b"SV10\x04\x03\x02\x01" + struct.pack("<2I", 1, 77) + tag


def _enhanced(dwi: DwiObject) -> Dataset:
    """Return the whole series as one multi-frame object, with what tells place and weighting.

    The macros of coils, averages and timing are left out.
    """
    dataset = _image(dwi, 1, EnhancedMRImageStorage)
    for keyword in ("RescaleSlope", "RescaleIntercept", "RescaleType", "EchoTime"):
        delattr(dataset, keyword)
    stored = np.concatenate([dwi.stored(volume) for volume in dwi.volumes])
    add_pixels(dataset, stored, signed=False)
    dataset.NumberOfFrames = len(stored)
    dataset.AcquisitionDateTime = "20250101090000"
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "DIFFUSION", "NONE"]
    dataset.SharedFunctionalGroupsSequence = Items([_shared(dwi)])
    dataset.PerFrameFunctionalGroupsSequence = Items(
        _frame(dwi.grid, z, volume, index)
        for index, volume in enumerate(dwi.volumes)
        for z in range(dwi.grid.shape[0])
    )
    return dataset


def _shared(dwi: DwiObject) -> Dataset:
    measures, orientation, transformation, echo = (Dataset() for _ in range(4))
    x_mm, y_mm, z_mm = dwi.grid.spacing_mm
    measures.PixelSpacing = [decimal(y_mm), decimal(x_mm)]
    measures.SliceThickness = measures.SpacingBetweenSlices = decimal(z_mm)
    orientation.ImageOrientationPatient = [decimal(v) for v in (*dwi.grid.row, *dwi.grid.column)]
    transformation.RescaleSlope, transformation.RescaleIntercept = decimal(dwi.slope), "0"
    transformation.RescaleType = "US"
    echo.EffectiveEchoTime = 70.0
    shared = Dataset()
    shared.PixelMeasuresSequence = Items([measures])
    shared.PlaneOrientationSequence = Items([orientation])
    shared.PixelValueTransformationSequence = Items([transformation])
    shared.MREchoSequence = Items([echo])
    return shared


def _frame(grid: ObjectGrid, z: int, volume: Weighting, index: int) -> Dataset:
    content, position, diffusion, kind = (Dataset() for _ in range(4))
    content.DimensionIndexValues = [index + 1, z + 1]
    content.StackID, content.InStackPositionNumber = "1", z + 1
    position.ImagePositionPatient = [decimal(v) for v in grid.place(0, 0, z)]
    diffusion.DiffusionBValue = float(volume.b)
    diffusion.DiffusionDirectionality = "NONE" if volume.direction is None else "DIRECTIONAL"
    if volume.direction is not None:
        gradient = Dataset()
        gradient.DiffusionGradientOrientation = list(volume.direction)
        diffusion.DiffusionGradientDirectionSequence = Items([gradient])
    kind.FrameType = ["ORIGINAL", "PRIMARY", "DIFFUSION", "NONE"]
    group = Dataset()
    group.FrameContentSequence = Items([content])
    group.PlanePositionSequence = Items([position])
    group.MRDiffusionSequence = Items([diffusion])
    group.MRImageFrameTypeSequence = Items([kind])
    return group
