"""Write small dynamic series whose parameters are known, in the dialects of the vendors."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items
from pydicom.uid import EnhancedMRImageStorage, MRImageStorage
from synthetic_series import slice_dataset, uid, write

from biomarker_cli.imaging.files import write_nifti
from biomarker_cli.imaging.geometry import Geometry
from biomarker_cli.perfusion.exchange_models import tissue_curve
from biomarker_cli.perfusion.input_curve import population_curve
from biomarker_cli.perfusion.population_inputs import POPULATION_INPUTS
from biomarker_cli.perfusion.spoiled_echo import spoiled_signal

SHAPE = (2, 6, 8)
TR_MS, TE_MS, FLIP_DEG = 5.0, 1.7, 15.0
R1 = 5.2
"""Gadobutrol at 1.5 T."""

M0 = 20000.0
T10_S = 1.2
HAEMATOCRIT = 0.42
TOP = 5200.0
"""Above every signal of this flip angle: the whole range of 16 bits is used."""

Change = Callable[[Dataset, int], Any]


def unchanged(dataset: Dataset, phase: int) -> None:
    """Leave the dataset as it is."""


@dataclass(frozen=True)
class Truth:
    """What the tissue is made of."""

    ktrans: float = 0.2
    ve: float = 0.3
    vp: float = 0.02
    onset_s: float = 30.0
    interval_s: float = 3.0
    n: int = 80
    t10_s: float = T10_S
    relaxivity: float = R1
    haematocrit: float = HAEMATOCRIT
    flip_scale: float = 1.0

    @property
    def seconds(self) -> np.ndarray:
        return self.interval_s * np.arange(self.n)

    def concentration(self) -> np.ndarray:
        """Return that of the tissue at the frames, mmol/L."""
        minutes = self.seconds / 60.0
        curve = population_curve(
            POPULATION_INPUTS["parker_blood"],
            onset_min=self.onset_s / 60.0,
            end_min=float(minutes[-1]),
            haematocrit=self.haematocrit,
        ).on_frames(minutes)
        return tissue_curve(curve, self.ktrans, self.ve, self.vp)

    def signal(self) -> np.ndarray:
        """Return the signal of the dynamic series, shape (frames,)."""
        r1 = 1.0 / self.t10_s + self.relaxivity * self.concentration()
        flip = math.radians(FLIP_DEG) * self.flip_scale
        return spoiled_signal(r1, M0, TR_MS / 1000.0, flip)

    def vfa_signal(self, flip_deg: float) -> float:
        """Return the signal of a T1 image."""
        flip = math.radians(flip_deg) * self.flip_scale
        return float(spoiled_signal(1.0 / self.t10_s, M0, TR_MS / 1000.0, flip))


@dataclass(frozen=True)
class Written:
    """How a series is written."""

    manufacturer: str = "SIEMENS"
    series: str = "dce"
    change: Change = unchanged
    flip_deg: float = FLIP_DEG
    agent: str | None = "Gadovist 1.0"
    field_t: float = 1.5
    one_series_each: bool = False
    slope: float | None = None
    order: Sequence[int] = field(default_factory=tuple)


def make_mr(dataset: Dataset, plane: np.ndarray, how: Written) -> Dataset:
    """Turn a slice into an MR image of a spoiled gradient echo."""
    dataset.SOPClassUID = MRImageStorage
    dataset.file_meta.MediaStorageSOPClassUID = MRImageStorage
    dataset.Modality = "MR"
    dataset.Manufacturer = how.manufacturer
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "M"]
    dataset.ScanningSequence = "GR"
    dataset.MRAcquisitionType = "3D"
    dataset.EchoTime, dataset.RepetitionTime, dataset.FlipAngle = TE_MS, TR_MS, how.flip_deg
    dataset.MagneticFieldStrength = how.field_t
    if how.agent is not None:
        dataset.ContrastBolusAgent = how.agent
    dataset.PixelRepresentation = 0
    slope = how.slope or float(f"{TOP / np.iinfo(np.uint16).max:.10g}")
    dataset.RescaleSlope, dataset.RescaleIntercept = f"{slope:.10g}", "0"
    dataset.RescaleType = "US"
    stored = np.round(plane / slope)
    dataset.PixelData = np.clip(stored, 0, np.iinfo(np.uint16).max).astype("<u2").tobytes()
    return dataset


def clock(seconds: float, start: str = "101500") -> str:
    """Return a TM value some seconds after a start of HHMMSS."""
    total = int(start[:2]) * 3600 + int(start[2:4]) * 60 + int(start[4:]) + seconds
    total %= 86400.0
    return f"{int(total // 3600):02d}{int(total % 3600 // 60):02d}{total % 60:09.6f}"


def siemens(truth: Truth, start: str = "101500") -> Change:
    """AcquisitionTime, nothing else."""

    def change(dataset: Dataset, phase: int) -> None:
        dataset.AcquisitionTime = clock(float(truth.seconds[phase]), start)
        dataset.ContentTime = clock(float(truth.seconds[phase]) + 100.0, start)
        dataset.AcquisitionNumber = phase + 1

    return change


def ge(truth: Truth) -> Change:
    """TriggerTime in ms of each phase, one AcquisitionTime for all, field in gauss."""

    def change(dataset: Dataset, phase: int) -> None:
        dataset.Manufacturer = "GE MEDICAL SYSTEMS"
        dataset.TriggerTime = 1000.0 * float(truth.seconds[phase])
        dataset.TemporalPositionIdentifier = phase + 1
        dataset.NumberOfTemporalPositions = truth.n
        dataset.MagneticFieldStrength = 15000
        dataset.AcquisitionTime = clock(0.0)

    return change


def philips(truth: Truth) -> Change:
    """TPI, dynamic scan begin time and scale slope in private elements; TriggerTime is cardiac."""

    def change(dataset: Dataset, phase: int) -> None:
        dataset.Manufacturer = "Philips Medical Systems"
        dataset.TemporalPositionIdentifier = phase + 1
        dataset.TriggerTime = 450.0
        block = dataset.private_block(0x2005, "Philips MR Imaging DD 001", create=True)
        block.add_new(0xA0, "FL", float(truth.seconds[phase]))
        # Displayed values are rescaled anew in each phase: stored / SS is on one scale.
        displayed = 1.0 + 0.1 * (phase % 5)
        slope = float(dataset.RescaleSlope)
        dataset.RescaleSlope = f"{slope * displayed:.10g}"
        block.add_new(0x0E, "FL", 0.0125)

    return change


def canon(truth: Truth) -> Change:
    """TPI and AcquisitionTime, date beside it."""

    def change(dataset: Dataset, phase: int) -> None:
        dataset.Manufacturer = "CANON_MEC"
        dataset.TemporalPositionIdentifier = phase + 1
        dataset.AcquisitionDate = "20250301"
        dataset.AcquisitionTime = clock(float(truth.seconds[phase]))

    return change


def uih(truth: Truth) -> Change:
    """AcquisitionDateTime in one element."""

    def change(dataset: Dataset, phase: int) -> None:
        dataset.Manufacturer = "UIH"
        dataset.TemporalPositionIdentifier = phase + 1
        dataset.AcquisitionDateTime = "20250301" + clock(float(truth.seconds[phase]))

    return change


DIALECTS = {"siemens": siemens, "ge": ge, "philips": philips, "canon": canon, "uih": uih}


def write_dynamic(
    folder: Path, truth: Truth, how: Written, signal: np.ndarray | None = None
) -> None:
    """Write a dynamic series as classic files, one per slice.

    Every voxel is the tissue, or `signal` has the shape (frames, z, y, x).
    """
    volumes = _volumes(truth.signal() if signal is None else signal)
    number = 0
    for phase in how.order or range(truth.n):
        for z, plane in enumerate(volumes[phase]):
            number += 1
            series = f"{how.series}{phase}" if how.one_series_each else how.series
            dataset = slice_dataset((0.0, 0.0, 3.0 * z), plane, series=series, number=number)
            make_mr(dataset, plane, how)
            how.change(dataset, phase)
            write(dataset, folder / f"{how.series}_{phase:03d}_{z:02d}.dcm")


def _volumes(signal: np.ndarray) -> np.ndarray:
    """Return the signal of every voxel, shape (frames, z, y, x)."""
    if signal.ndim == 4:
        return signal
    return np.broadcast_to(signal[:, None, None, None], (len(signal), *SHAPE))


def write_vfa(
    folder: Path, truth: Truth, flips_deg: Sequence[float], how: Written | None = None
) -> None:
    """Write one series for each flip angle."""
    for flip in flips_deg:
        own = Written(
            manufacturer=how.manufacturer if how else "SIEMENS",
            series=f"vfa{flip:g}",
            flip_deg=flip,
            agent=None,
            change=how.change if how else unchanged,
            field_t=how.field_t if how else 1.5,
        )
        value = np.full(SHAPE, truth.vfa_signal(flip))
        for z in range(SHAPE[0]):
            dataset = slice_dataset((0.0, 0.0, 3.0 * z), value[z], series=own.series, number=z + 1)
            make_mr(dataset, value[z], own)
            dataset.AcquisitionTime = clock(-300.0 + flip)
            own.change(dataset, 0)
            write(dataset, folder / f"{own.series}_{z:02d}.dcm")


def _date_time(truth: Truth, phase: int) -> str:
    return "20250301" + clock(float(truth.seconds[phase]))


def _offset(frame: Dataset, seconds: float) -> None:
    item = Dataset()
    item.TemporalPositionTimeOffset = seconds
    frame.TemporalPositionSequence = Items([item])


def _of_offset(truth: Truth, frame: Dataset, phase: int) -> None:
    """Offset and one time for all frames."""
    _offset(frame, float(truth.seconds[phase]))
    frame.FrameContentSequence[0].FrameAcquisitionDateTime = _date_time(truth, 0)


def _of_date_time(truth: Truth, frame: Dataset, phase: int) -> None:
    """The time of each frame, no offset."""
    frame.FrameContentSequence[0].FrameAcquisitionDateTime = _date_time(truth, phase)


def _of_both(truth: Truth, frame: Dataset, phase: int) -> None:
    _offset(frame, float(truth.seconds[phase]))
    _of_date_time(truth, frame, phase)


def _of_philips(truth: Truth, frame: Dataset, phase: int) -> None:
    """Begin of the dynamic scan and scale slope in a private macro of the frame."""
    frame.FrameContentSequence[0].FrameAcquisitionDateTime = _date_time(truth, 0)
    own = Dataset()
    block = own.private_block(0x2005, "Philips MR Imaging DD 001", create=True)
    block.add_new(0xA0, "FL", float(truth.seconds[phase]))
    block.add_new(0x0E, "FL", 0.0125)
    outer = frame.private_block(0x2005, "Philips MR Imaging DD 005", create=True)
    outer.add_new(0x0F, "SQ", Items([own]))
    values = frame.PixelValueTransformationSequence[0]
    values.RescaleSlope = f"{float(values.RescaleSlope) * (1.0 + 0.1 * (phase % 5)):.10g}"


ENHANCED = {
    "siemens": ("SIEMENS", _of_date_time),
    "ge": ("GE MEDICAL SYSTEMS", _of_offset),
    "philips": ("Philips Medical Systems", _of_philips),
    "canon": ("CANON_MEC", _of_both),
    "uih": ("UIH", _of_both),
}
"""Dialect -> Manufacturer, and what tells the times of the frames beside their index."""


def write_enhanced(
    path: Path,
    truth: Truth,
    dialect: str = "canon",
    signal: np.ndarray | None = None,
    slope: float | None = None,
) -> None:
    """Write the dynamic series as one enhanced multi-frame object."""
    maker, tell = ENHANCED[dialect]
    volumes = _volumes(truth.signal() if signal is None else signal)
    planes = volumes.shape[2:]
    first = slice_dataset((0.0, 0.0, 0.0), np.zeros(planes), series="dce")
    make_mr(first, np.zeros(planes), Written(manufacturer=maker, slope=slope))
    first.SOPClassUID = EnhancedMRImageStorage
    first.file_meta.MediaStorageSOPClassUID = EnhancedMRImageStorage
    step = float(first.RescaleSlope)
    shared, frames, pixels = Dataset(), [], []

    def group(item_of: Dataset, keyword: str, **values: object) -> None:
        item = Dataset()
        for name, value in values.items():
            setattr(item, name, value)
        setattr(item_of, keyword, Items([item]))

    group(shared, "MRTimingAndRelatedParametersSequence", RepetitionTime=TR_MS, FlipAngle=FLIP_DEG)
    group(shared, "MREchoSequence", EffectiveEchoTime=TE_MS)
    group(shared, "PixelMeasuresSequence", PixelSpacing=first.PixelSpacing, SliceThickness=3.0)
    group(
        shared,
        "PlaneOrientationSequence",
        ImageOrientationPatient=first.ImageOrientationPatient,
    )
    for phase, volume in enumerate(volumes):
        for z, plane in enumerate(volume):
            frame = Dataset()
            group(
                frame,
                "FrameContentSequence",
                TemporalPositionIndex=phase + 1,
                DimensionIndexValues=[z + 1, phase + 1],
                StackID="1",
                InStackPositionNumber=z + 1,
            )
            group(frame, "PlanePositionSequence", ImagePositionPatient=[0.0, 0.0, 3.0 * z])
            group(
                frame,
                "PixelValueTransformationSequence",
                RescaleSlope=f"{step:.10g}",
                RescaleIntercept="0",
                RescaleType="US",
            )
            tell(truth, frame, phase)
            frames.append(frame)
            pixels.append(np.round(plane / step).astype("<u2").tobytes())
    for keyword in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"):
        delattr(first, keyword)
    for keyword in ("RepetitionTime", "FlipAngle", "EchoTime", "RescaleSlope", "RescaleIntercept"):
        delattr(first, keyword)
    first.SharedFunctionalGroupsSequence = Items([shared])
    first.PerFrameFunctionalGroupsSequence = Items(frames)
    first.NumberOfFrames = len(frames)
    first.PixelData = b"".join(pixels)
    write(first, path)


def write_mask(path: Path) -> Path:
    """Write a label image of some voxels on the grid of the series."""
    mask = np.zeros(SHAPE, dtype=np.uint8)
    mask[1, 1:4, 2:6] = 1
    geometry = Geometry(SHAPE, (1.0, 2.0, 3.0))
    path.parent.mkdir(parents=True, exist_ok=True)
    write_nifti(mask, geometry, path)
    return path


__all__ = [
    "DIALECTS",
    "ENHANCED",
    "SHAPE",
    "Truth",
    "Written",
    "uid",
    "write_dynamic",
    "write_enhanced",
    "write_mask",
    "write_vfa",
]
