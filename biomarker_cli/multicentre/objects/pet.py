"""Synthetic PET with a known SUV, in the dialects in which vendors write it.

The truth is the SUV by body weight. What is stored is the activity concentration that
belongs to it by the definition: SUV x activity / weight, decayed from the injection to the
moment that the object says its numbers are corrected to.

References
----------
DICOM PS3.3 C.8.9.1 (PET series), C.8.9.2 (PET isotope), C.8.9.4 (PET image).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from types import MappingProxyType

import numpy as np
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import PositronEmissionTomographyImageStorage

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

F18_HALF_LIFE_S = 6586.2
GA68_HALF_LIFE_S = 4063.0
ZR89_HALF_LIFE_S = 282240.0

TOP = 32000
"""Stored value of the hottest voxel of a slice."""

PHILIPS_GROUP = "Philips PET Private Group"

NUCLIDES: Mapping[str, tuple[str, str, float]] = MappingProxyType(
    {
        "F-18": ("C-111A1", "^18^Fluorine", F18_HALF_LIFE_S),
        "Ga-68": ("C-131A3", "^68^Gallium", GA68_HALF_LIFE_S),
        "Zr-89": ("C-168A4", "^89^Zirconium", ZR89_HALF_LIFE_S),
    }
)
"""Nuclide -> code value (SRT), code meaning, half-life in s."""


@dataclass(frozen=True)
class Administration:
    """Who was given what, and when; the defaults are those of the IBSI-SUV object.

    Attributes
    ----------
    nuclide : str
        A key of `NUCLIDES`.
    activity_bq : float
    injected : datetime
    """

    nuclide: str = "F-18"
    activity_bq: float = 368.08e6
    injected: datetime = datetime(2025, 1, 1, 10, 0, 0)

    @property
    def half_life_s(self) -> float:
        """Of the nuclide."""
        return NUCLIDES[self.nuclide][2]

    def remaining_bq(self, moment: datetime) -> float:
        """Return the activity that is left at a moment."""
        elapsed = (moment - self.injected).total_seconds()
        return self.activity_bq * math.pow(2.0, -elapsed / self.half_life_s)


@dataclass(frozen=True)
class Scan:
    """When the slices were acquired, and what their numbers were corrected to.

    Attributes
    ----------
    start : datetime
        Of the first frame.
    frame_s : float
        Duration of a frame.
    bed_slices : int
        Slices of one bed; 0 where all are of one.
    bed_s : float
        From the start of one bed to that of the next.
    """

    start: datetime = datetime(2025, 1, 1, 11, 0, 0)
    frame_s: float = 300.0
    bed_slices: int = 0
    bed_s: float = 300.0

    def bed_start(self, z: int) -> datetime:
        """Return when the frame of a slice began."""
        bed = z // self.bed_slices if self.bed_slices else 0
        return self.start + timedelta(seconds=bed * self.bed_s)


@dataclass(frozen=True)
class PetObject:
    """A PET series that is to be written.

    Attributes
    ----------
    subject : Subject
        With weight and, where the dialect needs it, height and sex.
    grid : ObjectGrid
    suv : ndarray, shape (z, y, x)
        SUV by body weight, g/ml.
    given : Administration
    scan : Scan
    series : str
    """

    subject: Subject
    grid: ObjectGrid
    suv: AnyArray
    given: Administration = field(default_factory=Administration)
    scan: Scan = field(default_factory=Scan)
    series: str = "pet"

    @property
    def weight_g(self) -> float:
        """Weight of the subject."""
        if self.subject.weight_kg is None:
            raise ValueError("an SUV needs a weight")
        return 1000.0 * self.subject.weight_kg

    def concentration(self, z: int, moment: datetime) -> FloatArray:
        """Return Bq/ml of a slice when the activity has decayed until a moment."""
        plane = np.asarray(self.suv[z], dtype=np.float64)
        return plane * (self.given.remaining_bq(moment) / self.weight_g)


def mean_activity_s(duration_s: float, half_life_s: float) -> float:
    """Return the time in a frame at which the activity is the mean over it."""
    decay = math.log(2.0) / half_life_s
    mean = (1.0 - math.exp(-decay * duration_s)) / (decay * duration_s)
    return -math.log(mean) / decay


Dialect = Callable[[PetObject, Dataset, int], FloatArray]
"""Makes a slice what a vendor writes, and returns the numbers that it holds."""


def _generic(pet: PetObject, dataset: Dataset, z: int) -> FloatArray:
    """Write Bq/ml corrected to the start of the series, as most do."""
    del dataset
    return pet.concentration(z, pet.scan.start)


def _siemens(pet: PetObject, dataset: Dataset, z: int) -> FloatArray:
    """Write the moment of the correction into a private element, and a later SeriesTime."""
    dataset.Manufacturer = "SIEMENS"
    block = dataset.private_block(0x0071, "SIEMENS MED PT", create=True)
    block.add_new(0x22, "DT", _moment(pet.scan.start))
    dataset.SeriesTime = f"{pet.scan.start + timedelta(minutes=30):%H%M%S}"
    return pet.concentration(z, pet.scan.start)


def _ge(pet: PetObject, dataset: Dataset, z: int) -> FloatArray:
    """Write the moment of the correction into a private element of GE."""
    dataset.Manufacturer = "GE MEDICAL SYSTEMS"
    block = dataset.private_block(0x0009, "GEMS_PETD_01", create=True)
    block.add_new(0x0D, "DT", _moment(pet.scan.start))
    offset = (pet.scan.bed_start(z) - pet.scan.start).total_seconds()
    dataset.FrameReferenceTime = decimal(1000.0 * offset)
    return pet.concentration(z, pet.scan.start)


def _philips(pet: PetObject, dataset: Dataset, z: int) -> FloatArray:
    """Write Bq/ml and both private factors, whose ratio is that of SUV to activity."""
    dataset.Manufacturer = "Philips Medical Systems"
    per_bqml = pet.weight_g / pet.given.remaining_bq(pet.scan.start)
    _philips_factors(dataset, suv=per_bqml, activity=1.0)
    return pet.concentration(z, pet.scan.start)


def _philips_counts(pet: PetObject, dataset: Dataset, z: int) -> FloatArray:
    """Write counts, which a private factor makes SUV."""
    dataset.Manufacturer = "Philips Medical Systems"
    dataset.Units = "CNTS"
    factor = 0.25
    _philips_factors(dataset, suv=factor)
    return np.asarray(pet.suv[z], dtype=np.float64) / factor


def _philips_activity(pet: PetObject, dataset: Dataset, z: int) -> FloatArray:
    """Write counts, which a private factor makes Bq/ml."""
    dataset.Manufacturer = "Philips Medical Systems"
    dataset.Units = "CNTS"
    factor = 0.5
    _philips_factors(dataset, activity=factor)
    return pet.concentration(z, pet.scan.start) / factor


def _gml(pet: PetObject, dataset: Dataset, z: int) -> FloatArray:
    """Write SUV by body weight as it is."""
    dataset.Units, dataset.SUVType = "GML", "BW"
    return np.asarray(pet.suv[z], dtype=np.float64)


def _admin(pet: PetObject, dataset: Dataset, z: int) -> FloatArray:
    """Write Bq/ml corrected to the injection."""
    dataset.DecayCorrection = "ADMIN"
    return pet.concentration(z, pet.given.injected)


def _uncorrected(pet: PetObject, dataset: Dataset, z: int) -> FloatArray:
    """Write Bq/ml as they were on the mean over the frame, bed by bed."""
    dataset.DecayCorrection = "NONE"
    dataset.CorrectedImage = [word for word in dataset.CorrectedImage if word != "DECY"]
    del dataset.DecayFactor
    inside = mean_activity_s(pet.scan.frame_s, pet.given.half_life_s)
    return pet.concentration(z, pet.scan.bed_start(z) + timedelta(seconds=inside))


DIALECTS: Mapping[str, Dialect] = MappingProxyType(
    {
        "generic": _generic,
        "siemens": _siemens,
        "ge": _ge,
        "philips": _philips,
        "philips-counts": _philips_counts,
        "philips-activity": _philips_activity,
        "gml": _gml,
        "admin": _admin,
        "uncorrected": _uncorrected,
    }
)
"""Name -> how a slice is written."""


def write_pet(
    folder: Path, pet: PetObject, dialect: str = "generic", change: Change = unchanged
) -> list[Path]:
    """Write a PET series, one file per slice, and return the paths in the order of the slices.

    Parameters
    ----------
    folder : Path
    pet : PetObject
    dialect : str
        A key of `DIALECTS`.
    change : callable
        Called with each data set and the index of its slice before it is saved.
    """
    paths = []
    for z in range(pet.grid.shape[0]):
        dataset = _slice(pet, z)
        values = DIALECTS[dialect](pet, dataset, z)
        _store(dataset, values)
        change(dataset, z)
        paths.append(save(dataset, folder / f"{pet.series}_{z + 1:03d}.dcm"))
    return paths


def _slice(pet: PetObject, z: int) -> Dataset:
    sop_class = PositronEmissionTomographyImageStorage
    dataset = new_dataset(pet.subject, pet.series, z + 1, sop_class, "PT")
    add_plane(dataset, pet.grid, z)
    start, bed = pet.scan.start, pet.scan.bed_start(z)
    half_life = pet.given.half_life_s
    inside = mean_activity_s(pet.scan.frame_s, half_life)
    offset = (bed - start).total_seconds()
    dataset.ImageType = ["ORIGINAL", "PRIMARY"]
    dataset.SeriesDate, dataset.SeriesTime = f"{start:%Y%m%d}", f"{start:%H%M%S}"
    dataset.AcquisitionDate = dataset.ContentDate = f"{bed:%Y%m%d}"
    dataset.AcquisitionTime = dataset.ContentTime = f"{bed:%H%M%S.%f}"
    dataset.FrameReferenceTime = decimal(1000.0 * (offset + inside))
    dataset.ActualFrameDuration = str(round(1000.0 * pet.scan.frame_s))
    decay = math.log(2.0) / half_life
    within = decay * pet.scan.frame_s
    dataset.DecayFactor = decimal(within / (1.0 - math.exp(-within)) * math.exp(decay * offset))
    dataset.Units = "BQML"
    dataset.CountsSource = "EMISSION"
    dataset.SeriesType = ["STATIC" if not pet.scan.bed_slices else "WHOLE BODY", "IMAGE"]
    dataset.NumberOfSlices = pet.grid.shape[0]
    dataset.ImageIndex = z + 1
    dataset.CorrectedImage = ["NORM", "DTIM", "ATTN", "SCAT", "DECY", "RAN"]
    dataset.RandomsCorrectionMethod = "DLYD"
    dataset.DecayCorrection = "START"
    dataset.CollimatorType = "NONE"
    # The code sequences of PET stand in place of it.
    del dataset.PatientPosition
    dataset.PatientOrientationCodeSequence = Sequence()
    dataset.PatientGantryRelationshipCodeSequence = Sequence()
    dataset.DoseCalibrationFactor = "1"
    dataset.RadiopharmaceuticalInformationSequence = Sequence([administration_item(pet.given)])
    return dataset


def administration_item(given: Administration, **elements: str | None) -> Dataset:
    """Return the item of the Radiopharmaceutical Information Sequence.

    Parameters
    ----------
    given : Administration
    **elements
        Replace what follows from `given`; one that is None is left out.
    """
    value, meaning, half_life = NUCLIDES[given.nuclide]
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = value, "SRT", meaning
    written: dict[str, str | Sequence | None] = {
        "Radiopharmaceutical": "FDG" if given.nuclide == "F-18" else given.nuclide,
        "RadiopharmaceuticalStartTime": f"{given.injected:%H%M%S}",
        "RadiopharmaceuticalStartDateTime": _moment(given.injected),
        "RadionuclideTotalDose": decimal(given.activity_bq),
        "RadionuclideHalfLife": decimal(half_life),
        "RadionuclideCodeSequence": Sequence([code]),
        **elements,
    }
    item = Dataset()
    for keyword, content in written.items():
        if content is not None:
            setattr(item, keyword, content)
    return item


def with_administration(given: Administration, **elements: str | None) -> Change:
    """Return a change that writes an administration with some elements replaced."""

    def change(dataset: Dataset, index: int) -> None:
        del index
        item = administration_item(given, **elements)
        dataset.RadiopharmaceuticalInformationSequence = Sequence([item])

    return change


def shifted(scan: Scan, seconds: float) -> Scan:
    """Return a scan that began later."""
    return replace(scan, start=scan.start + timedelta(seconds=seconds))


def _philips_factors(
    dataset: Dataset, suv: float | None = None, activity: float | None = None
) -> None:
    block = dataset.private_block(0x7053, PHILIPS_GROUP, create=True)
    for offset, factor in ((0x00, suv), (0x09, activity)):
        if factor is not None:
            block.add_new(offset, "DS", decimal(factor))


def _moment(moment: datetime) -> str:
    return f"{moment:%Y%m%d%H%M%S}.000000"


def _store(dataset: Dataset, values: FloatArray) -> None:
    """Store a slice with a slope of its own, as PET does."""
    top = float(np.max(np.abs(values))) or 1.0
    dataset.RescaleSlope = decimal(top / TOP)
    dataset.RescaleIntercept = "0"
    dataset.RescaleType = dataset.Units if dataset.Units != "CNTS" else "US"
    add_pixels(dataset, np.rint(values / float(dataset.RescaleSlope)), signed=True)
