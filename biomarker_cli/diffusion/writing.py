"""Write maps: NIfTI for other programs, DICOM Parametric Map for the archive."""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from biomarker_cli.dicom.frames import FrameHeader
from biomarker_cli.dicom.identity import OWN_MANUFACTURER, OutgoingIdentity
from biomarker_cli.diffusion.adc import AdcResult
from biomarker_cli.diffusion.errors import AdcError
from biomarker_cli.imaging.files import write_nifti
from biomarker_cli.model.quantity import ADC
from biomarker_cli.model.version import __version__

if TYPE_CHECKING:
    from pydicom.dataset import Dataset


def _is_anything(_text: str) -> bool:
    return True


def _is_date(text: str) -> bool:
    return re.fullmatch(r"\d{8}", text) is not None


def _is_time(text: str) -> bool:
    return re.fullmatch(r"\d{2}(\d{2}(\d{2}(\.\d{1,6})?)?)?", text) is not None


_PATIENT_AND_STUDY = MappingProxyType(
    {
        "PatientID": _is_anything,
        "PatientName": _is_anything,
        "PatientBirthDate": _is_date,
        "PatientSex": _is_anything,
        "AccessionNumber": _is_anything,
        "StudyID": _is_anything,
        "StudyDate": _is_date,
        "StudyTime": _is_time,
    }
)
"""Elements of type 2: empty where the source has nothing valid."""

SERIES_NUMBER = 9000

_NARROWEST_WINDOW = 1e-9
"""A window must have a width, also where a map has one value."""


def write_maps(
    results: Sequence[AdcResult], folder: Path, identity: OutgoingIdentity, analysis: str
) -> list[Path]:
    """Write every map as ``<image>.nii.gz`` and, where it came from DICOM, ``<image>.dcm``.

    Parameters
    ----------
    results : sequence of AdcResult
    folder : Path
    identity : OutgoingIdentity
        Whom the DICOM objects name.
    analysis : str
        ``id@version`` of the analysis protocol.

    Returns
    -------
    list of Path
        What was written.
    """
    written = []
    folder.mkdir(parents=True, exist_ok=True)
    for result in results:
        nifti = folder / f"{result.image}.nii.gz"
        write_map_nifti(result, nifti)
        written.append(nifti)
        if result.volume.frames:
            dicom = folder / f"{result.image}.dcm"
            write_parametric_map(result, dicom, identity, analysis)
            written.append(dicom)
    return written


def write_map_nifti(result: AdcResult, path: Path) -> None:
    """Write a map as NIfTI, float64, in the unit of the map; NaN stays NaN.

    Parameters
    ----------
    result : AdcResult
    path : Path
        Ending in ``.nii`` or ``.nii.gz``.
    """
    write_nifti(result.volume.as_float64(), result.volume.geometry, path)


def write_parametric_map(
    result: AdcResult, path: Path, identity: OutgoingIdentity, analysis: str
) -> None:
    """Write a map as a DICOM Parametric Map with its UCUM unit.

    Values are stored as they are (float64) and mapped one to one, so that every
    reader sees the unit. UIDs follow from the source and the derivation: the
    same map under the same identity has the same UIDs.

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
    made_of = [volume.volume_id, result.image, json.dumps(result.derivation, sort_keys=True)]
    geometry = volume.geometry
    axes = geometry.axes
    x_mm, y_mm, z_mm = geometry.spacing_mm
    with warnings.catch_warnings():
        # It warns about unusual names of patients, and would print them.
        warnings.simplefilter("ignore")
        written = ParametricMap(
            source_images=_sources(result, identity),
            pixel_array=np.ascontiguousarray(volume.as_float64()),
            series_instance_uid=identity.uid(generate_uid(entropy_srcs=["series", *made_of])),
            series_number=SERIES_NUMBER,
            sop_instance_uid=identity.uid(generate_uid(entropy_srcs=["instance", *made_of])),
            instance_number=1,
            series_description=f"{result.image.upper()} {analysis}"[:64],
            manufacturer=OWN_MANUFACTURER,
            manufacturer_model_name=OWN_MANUFACTURER,
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
    identity.complete(written, volume.frames.first.dataset)
    # Required, empty where unknown, for objects that name no laterality of their frames.
    written.Laterality = ""
    path.parent.mkdir(parents=True, exist_ok=True)
    written.save_as(path)


def _label(image: str) -> str:
    return image.upper()[:16]


def _sources(result: AdcResult, identity: OutgoingIdentity) -> list[Dataset]:
    """Return the distinct source headers, made fit for reference."""
    found: dict[str, Dataset] = {}
    for frame in result.volume.frames:
        if frame.sop_instance_uid not in found:
            found[frame.sop_instance_uid] = identity.source(_referable(frame))
    return list(found.values())


def _referable(frame: FrameHeader) -> Dataset:
    """Copy a header with what a derived object takes over from its source.

    Elements that must at least be empty are so where the source lacks them, or
    has what is no date or time; macros that vary in no frame stand in the
    shared group, where readers look for them.
    """
    from pydicom.dataset import Dataset
    from pydicom.uid import generate_uid

    header = frame.dataset
    dataset = Dataset(header)
    dataset.file_meta = header.file_meta
    for keyword, is_valid in _PATIENT_AND_STUDY.items():
        if keyword not in dataset or not is_valid(str(dataset[keyword].value or "")):
            setattr(dataset, keyword, None)
    if not dataset.get("FrameOfReferenceUID"):
        # The object must have one; it then shares it with no other series.
        series = str(header.get("SeriesInstanceUID", ""))
        dataset.FrameOfReferenceUID = generate_uid(entropy_srcs=["frame of reference", series])
    shared = header.get("SharedFunctionalGroupsSequence")
    per_frame = header.get("PerFrameFunctionalGroupsSequence")
    if not shared:
        # The slices of a mosaic have their places in private elements.
        for keyword in ("ImagePositionPatient", "ImageOrientationPatient"):
            setattr(dataset, keyword, [float(v) for v in frame.get(keyword)])
    if shared and per_frame:
        group = Dataset(shared[0])
        for keyword in ("PixelMeasuresSequence", "PlaneOrientationSequence"):
            if keyword not in group and keyword in per_frame[0]:
                setattr(group, keyword, per_frame[0][keyword].value)
        dataset.SharedFunctionalGroupsSequence = [group]
    return dataset


def _plane_positions(result: AdcResult) -> list[Any]:
    from highdicom import PlanePositionSequence

    geometry = result.volume.geometry
    origins = geometry.index_to_physical([(0, 0, z) for z in range(geometry.shape[0])])
    return [PlanePositionSequence("PATIENT", [float(v) for v in origin]) for origin in origins]


def _window(result: AdcResult) -> Any:
    from highdicom import VOILUTTransformation

    low, high = _range(result)
    return VOILUTTransformation(
        window_center=(low + high) / 2.0,
        window_width=max(high - low, _NARROWEST_WINDOW),
        # The plain linear function wants a width of at least 1 (PS3.3 C.11.2.1.2).
        voi_lut_function="LINEAR_EXACT",
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
