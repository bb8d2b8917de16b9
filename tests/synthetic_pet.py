"""PET series in memory, with one value per slice, for the tests of the PET room.

The default is the default reference object of IBSI-SUV: F-18, 368.08 MBq at
10:00, 70 kg, 175 cm, decay corrected to the start at 11:00. Its three slices
hold SUVbw 0.2, 1 and 4.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import PositronEmissionTomographyImageStorage
from synthetic_series import slice_dataset, write

from biomarker_cli.dicom.frames import FrameHeader, Frames
from biomarker_cli.imaging.geometry import Geometry
from biomarker_cli.imaging.volume import Volume
from biomarker_cli.model.quantity import STORED_PET

HALF_LIFE_S = 6586.2
DOSE_BQ = 368.08e6
WEIGHT_KG = 70.0
TRUE_SUV = (0.2, 1.0, 4.0)

Change = Callable[[Dataset, int], Any]


def code(value: str, meaning: str, scheme: str = "SRT") -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return item


def radiopharmaceutical(**elements: Any) -> Dataset:
    """One administration; an element given as None is left out."""
    values = {
        "Radiopharmaceutical": "FDG",
        "RadiopharmaceuticalStartTime": "100000.000000",
        "RadiopharmaceuticalStartDateTime": "20250101100000.000000",
        "RadionuclideTotalDose": str(DOSE_BQ),
        "RadionuclideHalfLife": str(HALF_LIFE_S),
        "RadionuclideCodeSequence": Sequence([code("C-111A1", "^18^Fluorine")]),
        **elements,
    }
    return _dataset(values)


def _dataset(values: dict[str, Any]) -> Dataset:
    """Set the elements; values that the standard forbids are what some tests are about."""
    dataset = Dataset()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for keyword, value in values.items():
            if value is not None:
                setattr(dataset, keyword, value)
    return dataset


def pet_header(**elements: Any) -> Dataset:
    """Header of one slice; an element given as None is left out."""
    values = {
        "SOPClassUID": PositronEmissionTomographyImageStorage,
        "StudyInstanceUID": "1.2.3",
        "SeriesInstanceUID": "1.2.3.4",
        "Modality": "PT",
        "Manufacturer": "Synthetic",
        "PatientSex": "O",
        "PatientWeight": str(WEIGHT_KG),
        "PatientSize": "1.75",
        "SeriesDate": "20250101",
        "SeriesTime": "110000.000000",
        "AcquisitionDate": "20250101",
        "AcquisitionTime": "110000.000000",
        "FrameReferenceTime": "150000.0",
        "ActualFrameDuration": "300000",
        "DecayFactor": "1.0",
        "Units": "BQML",
        "DecayCorrection": "START",
        "CorrectedImage": ["NORM", "DTIM", "ATTN", "SCAT", "DECY", "RAN"],
        "SeriesType": ["STATIC", "IMAGE"],
        "RescaleSlope": "1.0",
        "RescaleIntercept": "0.0",
        **elements,
    }
    dataset = _dataset(values)
    dataset.RadiopharmaceuticalInformationSequence = Sequence([radiopharmaceutical()])
    return dataset


def bqml(
    suv: float, *, uptake_s: float = 3600.0, half_life_s: float = HALF_LIFE_S, bq: float = DOSE_BQ
) -> float:
    """Activity concentration of an SUVbw when the activity has decayed for `uptake_s`."""
    return suv * bq * math.pow(2.0, -uptake_s / half_life_s) / (1000.0 * WEIGHT_KG)


def pet_volume(
    values: tuple[float, ...] | None = None,
    change: Change = lambda dataset, index: None,
    **elements: Any,
) -> Volume:
    """A volume of 3 slices.

    Parameters
    ----------
    values : tuple of float, optional
        Voxel value of each slice; by default Bq/ml of `TRUE_SUV` at 11:00.
    change : callable
        Called with each header and its index.
    **elements
        Header elements; None leaves one out.
    """
    if values is None:
        values = tuple(bqml(suv) for suv in TRUE_SUV)
    headers = []
    for index in range(len(values)):
        dataset = pet_header(**elements)
        change(dataset, index)
        headers.append(FrameHeader(dataset, 0, Path(f"slice_{index}.dcm")))
    array = np.stack([np.full((4, 5), value, dtype=np.float64) for value in values])
    geometry = Geometry(shape=array.shape, spacing_mm=(4.0, 4.0, 4.0))
    return Volume(array, geometry, STORED_PET, Frames(headers), "1.2.3.4")


def write_pet(
    folder: Path, change: Change = lambda dataset, index: None, name: str = "{}", **elements: Any
) -> list[Path]:
    """Write the series of `pet_volume` as files, one per slice.

    Parameters
    ----------
    change : callable
        Called with each dataset and its index before it is saved.
    name : str
        Of a file; ``{}`` stands for the number of the slice.
    **elements
        Header elements; None leaves one out.
    """
    paths = []
    for index, suv in enumerate(TRUE_SUV):
        array = np.full((4, 5), 1000)
        dataset = slice_dataset((0.0, 0.0, 4.0 * index), array, series="pet", number=index + 1)
        study, series = dataset.StudyInstanceUID, dataset.SeriesInstanceUID
        dataset.update(pet_header(RescaleSlope=f"{bqml(suv) / 1000:.10g}"))
        dataset.update(
            _dataset({"RescaleType": "BQML", "PixelSpacing": ["4.0", "4.0"], **elements})
        )
        dataset.StudyInstanceUID, dataset.SeriesInstanceUID = study, series
        dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
        dataset.SliceThickness = 4.0
        change(dataset, index)
        paths.append(write(dataset, folder / f"{name.format(index)}.dcm"))
    return paths


def with_item(**elements: Any) -> Change:
    """Replace elements of the administration in every header."""

    def change(dataset: Dataset, _index: int) -> None:
        dataset.RadiopharmaceuticalInformationSequence = Sequence([radiopharmaceutical(**elements)])

    return change


def both(*changes: Change) -> Change:
    def change(dataset: Dataset, index: int) -> None:
        for one in changes:
            one(dataset, index)

    return change


def private(
    group: int, creator: str, offset: int, vr: str, value: Any, block: int = 0x10
) -> Change:
    """Add a private element, with its creator in a chosen block."""

    def change(dataset: Dataset, _index: int) -> None:
        dataset.add_new((group, block), "LO", creator)
        dataset.add_new((group, (block << 8) + offset), vr, value)

    return change


def enhanced_header(suv_slopes: tuple[float, ...], **elements: Any) -> Dataset:
    """Header of an enhanced PET object; dose in MBq, unit in the real world value mapping.

    Parameters
    ----------
    suv_slopes : tuple of float
        RescaleSlope of each frame.
    **elements
        Top-level elements; ``unit`` is the UCUM code, ``frame_reference`` the
        FrameReferenceDateTime of each frame.
    """
    unit = elements.pop("unit", "Bq/ml")
    references = elements.pop("frame_reference", ())
    values = {
        "SOPClassUID": "1.2.840.10008.5.1.4.1.1.130",
        "StudyInstanceUID": "1.2.3",
        "SeriesInstanceUID": "1.2.3.5",
        "Modality": "PT",
        "Manufacturer": "Synthetic",
        "PatientSex": "O",
        "PatientWeight": str(WEIGHT_KG),
        "PatientSize": "1.75",
        "SeriesDate": "20250101",
        "SeriesTime": "110000",
        "AcquisitionDateTime": "20250101110000",
        "DecayCorrected": "YES",
        "DecayCorrectionDateTime": "20250101110000",
        "AttenuationCorrected": "YES",
        "ScatterCorrected": "YES",
        **elements,
    }
    dataset = Dataset()
    for keyword, value in values.items():
        if value is not None:
            setattr(dataset, keyword, value)
    dataset.NumberOfFrames = len(suv_slopes)
    dataset.RadiopharmaceuticalInformationSequence = Sequence(
        [
            radiopharmaceutical(
                RadionuclideTotalDose=str(DOSE_BQ / 1e6), RadiopharmaceuticalStartTime=None
            )
        ]
    )
    mapping = Dataset()
    mapping.MeasurementUnitsCodeSequence = Sequence([code(unit, unit, "UCUM")])
    shared = Dataset()
    shared.RealWorldValueMappingSequence = Sequence([mapping])
    dataset.SharedFunctionalGroupsSequence = Sequence([shared])
    dataset.PerFrameFunctionalGroupsSequence = Sequence(
        _frame_group(index, slope, references) for index, slope in enumerate(suv_slopes)
    )
    return dataset


def _frame_group(index: int, slope: float, references: tuple[str, ...]) -> Dataset:
    transformation = Dataset()
    transformation.RescaleSlope, transformation.RescaleIntercept = f"{slope:.10g}", "0"
    content = Dataset()
    content.FrameAcquisitionDateTime = "20250101110000"
    content.FrameAcquisitionDuration = 300000.0
    if references:
        content.FrameReferenceDateTime = references[index]
    position = Dataset()
    position.ImagePositionPatient = [0.0, 0.0, 4.0 * index]
    group = Dataset()
    group.PixelValueTransformationSequence = Sequence([transformation])
    group.FrameContentSequence = Sequence([content])
    group.PlanePositionSequence = Sequence([position])
    return group


def enhanced_volume(values: tuple[float, ...] | None = None, **elements: Any) -> Volume:
    """A volume of the three frames of one enhanced object."""
    if values is None:
        values = tuple(bqml(suv) for suv in TRUE_SUV)
    header = enhanced_header((1.0,) * len(values), **elements)
    frames = Frames(
        FrameHeader(header, index, Path("enhanced.dcm")) for index in range(len(values))
    )
    array = np.stack([np.full((4, 5), value, dtype=np.float64) for value in values])
    return Volume(array, Geometry(array.shape, (4.0, 4.0, 4.0)), STORED_PET, frames, "1.2.3.5")
