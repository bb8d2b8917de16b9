"""Write maps: NIfTI for other programs, DICOM Parametric Map for the archive."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from biomarker_cli import __version__
from biomarker_cli.diffusion.adc import AdcResult
from biomarker_cli.diffusion.errors import AdcError
from biomarker_cli.imaging.files import write_nifti
from biomarker_cli.model.quantity import ADC

_PATIENT_AND_STUDY = (
    "PatientID",
    "PatientName",
    "PatientBirthDate",
    "PatientSex",
    "AccessionNumber",
    "StudyID",
    "StudyDate",
    "StudyTime",
)
"""Type 2 elements: empty where the source left them out."""

SERIES_NUMBER = 9000

_NARROWEST_WINDOW = 1e-9
"""A window must have a width, also where a map has one value."""


def write_map_nifti(result: AdcResult, path: Path) -> None:
    """Write a map as NIfTI, float64, in the unit of the map; NaN stays NaN.

    Parameters
    ----------
    result : AdcResult
    path : Path
        Ending in ``.nii`` or ``.nii.gz``.
    """
    write_nifti(result.volume.as_float64(), result.volume.geometry, path)


def write_parametric_map(result: AdcResult, path: Path) -> None:
    """Write a map as a DICOM Parametric Map with its UCUM unit.

    Values are stored as they are (float64) and mapped one to one, so that every
    reader sees the unit. UIDs follow from the source and the derivation: the
    same map has the same UIDs.

    Raises
    ------
    AdcError
        ``ADC-MAP-NO-SOURCE`` for a map that did not come from DICOM.

    References
    ----------
    DICOM PS3.3 A.75 (Parametric Map), C.7.6.16.2.11 (Real World Value Mapping).
    """
    from highdicom import PixelMeasuresSequence, PlaneOrientationSequence
    from highdicom.pm import ParametricMap
    from pydicom.uid import generate_uid

    volume = result.volume
    if not volume.frames:
        raise AdcError(
            "ADC-MAP-NO-SOURCE",
            "a map from an image file has no patient and study to refer to",
            where=volume.volume_id,
            hint="Write it as NIfTI.",
        )
    identity = [volume.volume_id, result.image, json.dumps(result.derivation, sort_keys=True)]
    geometry = volume.geometry
    axes = geometry.axes
    x_mm, y_mm, z_mm = geometry.spacing_mm
    with warnings.catch_warnings():
        # It warns about unusual names of patients, and would print them.
        warnings.simplefilter("ignore")
        written = ParametricMap(
            source_images=_sources(result),
            pixel_array=np.ascontiguousarray(volume.as_float64()),
            series_instance_uid=generate_uid(entropy_srcs=["series", *identity]),
            series_number=SERIES_NUMBER,
            sop_instance_uid=generate_uid(entropy_srcs=["instance", *identity]),
            instance_number=1,
            manufacturer="biomarker",
            manufacturer_model_name="biomarker",
            software_versions=__version__,
            device_serial_number="0",
            contains_recognizable_visual_features=False,
            real_world_value_mappings=[_real_world_mapping(result)],
            content_label=_label(result.image),
            content_description=volume.quantity.title[:64],
            pixel_measures=PixelMeasuresSequence(
                pixel_spacing=(y_mm, x_mm), slice_thickness=z_mm, spacing_between_slices=z_mm
            ),
            plane_orientation=PlaneOrientationSequence(
                "PATIENT", [*map(float, axes[:, 0]), *map(float, axes[:, 1])]
            ),
            plane_positions=_plane_positions(result),
            voi_lut_transformations=[_window(result)],
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    written.save_as(path)


def _label(image: str) -> str:
    return image.upper()[:16]


def _sources(result: AdcResult) -> list[Any]:
    """Return the distinct source headers, with the elements that must at least be empty."""
    from pydicom.dataset import Dataset

    found: dict[str, Dataset] = {}
    for frame in result.volume.frames:
        if frame.sop_instance_uid in found:
            continue
        dataset = Dataset(frame.dataset)
        for keyword in _PATIENT_AND_STUDY:
            if keyword not in dataset:
                setattr(dataset, keyword, None)
        dataset.file_meta = frame.dataset.file_meta
        found[frame.sop_instance_uid] = dataset
    return list(found.values())


def _plane_positions(result: AdcResult) -> list[Any]:
    from highdicom import PlanePositionSequence

    geometry = result.volume.geometry
    origins = geometry.index_to_physical([(0, 0, z) for z in range(geometry.shape[0])])
    return [PlanePositionSequence("PATIENT", [float(v) for v in origin]) for origin in origins]


def _window(result: AdcResult) -> Any:
    from highdicom import VOILUTTransformation

    low, high = _range(result)
    return VOILUTTransformation(
        window_center=(low + high) / 2.0, window_width=max(high - low, _NARROWEST_WINDOW)
    )


def _range(result: AdcResult) -> tuple[float, float]:
    values = result.volume.as_float64()
    finite = values[np.isfinite(values)]
    return (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)


def _real_world_mapping(result: AdcResult) -> Any:
    from highdicom.pm import RealWorldValueMapping
    from pydicom.sr.coding import Code

    quantity = result.volume.quantity
    definition = None
    if quantity == ADC:
        definition = Code(ADC.dicom_code, "DCM", "Apparent Diffusion Coefficient")
    return RealWorldValueMapping(
        lut_label=_label(result.image),
        lut_explanation=quantity.title[:64],
        unit=Code(quantity.unit, "UCUM", quantity.unit),
        value_range=_range(result),
        slope=1.0,
        intercept=0.0,
        quantity_definition=definition,
    )
