"""Write DICOM Segmentations with highdicom: an independent writer to read back."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset
from pydicom.sr.coding import Code
from synthetic_series import slice_dataset, uid

from biomarker_cli.imaging.geometry import Geometry


@cache
def image_datasets(geometry: Geometry) -> tuple[Dataset, ...]:
    """Return the slices of an image on a grid."""
    n_slices, rows, columns = geometry.shape
    found = []
    for index in range(n_slices):
        position = geometry.index_to_physical([0, 0, index])
        dataset = slice_dataset(
            [round(float(v), 6) for v in position],
            np.zeros((rows, columns), dtype=np.int16),
            series=f"image {hash(geometry)}",
            number=index + 1,
        )
        axes = geometry.axes
        dataset.ImageOrientationPatient = [round(float(v), 9) for v in (*axes[:, 0], *axes[:, 1])]
        dataset.PixelSpacing = [geometry.spacing_mm[1], geometry.spacing_mm[0]]
        dataset.SliceThickness = geometry.spacing_mm[2]
        dataset.PatientName = ""
        dataset.PatientBirthDate = ""
        dataset.PatientSex = ""
        dataset.StudyID = ""
        dataset.StudyDate = "20260101"
        dataset.StudyTime = "120000"
        dataset.AccessionNumber = ""
        dataset.ReferringPhysicianName = ""
        dataset.PositionReferenceIndicator = ""
        found.append(dataset)
    return tuple(found)


def segment_description(number: int, *, label: str = "") -> Any:
    """Return the description of a segment."""
    import highdicom as hd

    return hd.seg.SegmentDescription(
        segment_number=number,
        segment_label=label or f"segment {number}",
        segmented_property_category=Code("91723000", "SCT", "Anatomical Structure"),
        segmented_property_type=Code("10200004", "SCT", "Liver"),
        algorithm_type=hd.seg.SegmentAlgorithmTypeValues.MANUAL,
        tracking_uid=uid("segment", number),
        tracking_id=f"segment {number}",
    )


def write_seg(
    path: Path,
    geometry: Geometry,
    masks: np.ndarray,
    *,
    segmentation_type: str = "BINARY",
    descriptions: Sequence[Any] = (),
    **options: Any,
) -> Path:
    """Write a Segmentation.

    Parameters
    ----------
    masks : ndarray
        Shape (segment, z, y, x) of bool; (z, y, x) of int for LABELMAP, of float
        in [0, 1] for one FRACTIONAL segment.
    """
    import highdicom as hd

    if segmentation_type == "BINARY":
        pixels = np.moveaxis(masks, 0, -1).astype(np.uint8)
        n_segments = masks.shape[0]
    elif segmentation_type == "FRACTIONAL":
        pixels = masks[..., np.newaxis].astype(np.float64)
        n_segments = 1
        options.setdefault("max_fractional_value", 255)
    else:
        pixels = masks
        n_segments = int(masks.max())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset = hd.seg.Segmentation(
            source_images=list(image_datasets(geometry)),
            pixel_array=pixels,
            segmentation_type=segmentation_type,
            segment_descriptions=list(descriptions)
            or [segment_description(n + 1) for n in range(n_segments)],
            series_instance_uid=uid("seg series"),
            series_number=2,
            sop_instance_uid=uid("seg", path.name),
            instance_number=1,
            manufacturer="biomarker tests",
            manufacturer_model_name="none",
            software_versions="0",
            device_serial_number="0",
            **options,
        )
        dataset.save_as(path)
    return path
