"""Synthetic DICOM Segmentations, written by highdicom: not by our own importer's authors.

References
----------
DICOM PS3.3 C.8.20 (Segmentation).
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from biomarker_cli.model.arrays import AnyArray
from biomarker_cli.multicentre.objects.instances import MANUFACTURER, uid_of

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

SegmentationKind = Literal["BINARY", "FRACTIONAL", "LABELMAP"]

FIXED_DATE, FIXED_TIME = "20250101", "090000"


def write_seg(
    path: Path,
    images: Sequence[Path],
    masks: AnyArray,
    labels: Sequence[str],
    *,
    kind: SegmentationKind = "BINARY",
) -> Path:
    """Write a Segmentation of the slices of an image and return its path.

    Parameters
    ----------
    path : Path
    images : sequence of Path
        Slices of the image, in the order of the masks.
    masks : ndarray
        BINARY: shape (segment, z, y, x) of bool, which may overlap. FRACTIONAL: one
        segment, (z, y, x) in 0 to 1. LABELMAP: (z, y, x) of numbers from 1.
    labels : sequence of str
        Of the segments.
    kind : str
    """
    with warnings.catch_warnings():
        # It tells of elements that the image need not have.
        warnings.simplefilter("ignore")
        import highdicom as hd
        from pydicom import dcmread

        dataset = hd.seg.Segmentation(
            source_images=[dcmread(image) for image in images],
            pixel_array=_pixels(masks, kind),
            segmentation_type=kind,
            segment_descriptions=[_description(n, label) for n, label in enumerate(labels, 1)],
            series_instance_uid=uid_of("seg series", path.stem),
            series_number=2,
            sop_instance_uid=uid_of("seg", path.stem),
            instance_number=1,
            manufacturer=MANUFACTURER,
            manufacturer_model_name="none",
            software_versions="0",
            device_serial_number="0",
            max_fractional_value=255,
        )
        _freeze(dataset, path.stem)
        path.parent.mkdir(parents=True, exist_ok=True)
        dataset.save_as(path)
    return path


def _pixels(masks: AnyArray, kind: SegmentationKind) -> AnyArray:
    if kind == "BINARY":
        found: AnyArray = np.moveaxis(masks, 0, -1).astype(np.uint8)
        return found
    if kind == "FRACTIONAL":
        return masks[..., np.newaxis].astype(np.float64)
    return masks.astype(np.uint8)


def _description(number: int, label: str) -> Any:
    import highdicom as hd
    from pydicom.sr.coding import Code

    return hd.seg.SegmentDescription(
        segment_number=number,
        segment_label=label,
        segmented_property_category=Code("91723000", "SCT", "Anatomical Structure"),
        segmented_property_type=Code("10200004", "SCT", "Liver"),
        algorithm_type=hd.seg.SegmentAlgorithmTypeValues.MANUAL,
        tracking_uid=uid_of("segment", number, label),
        tracking_id=label,
    )


def _freeze(dataset: Dataset, name: str) -> None:
    """Replace what highdicom takes from the clock or at random."""
    for keyword in ("InstanceCreationDate", "ContentDate", "SeriesDate"):
        setattr(dataset, keyword, FIXED_DATE)
    for keyword in ("InstanceCreationTime", "ContentTime", "SeriesTime"):
        setattr(dataset, keyword, FIXED_TIME)
    if "ContributingEquipmentSequence" in dataset:
        del dataset.ContributingEquipmentSequence
    organisation = uid_of("dimension", name)
    for keyword in ("DimensionOrganizationSequence", "DimensionIndexSequence"):
        for item in dataset.get(keyword, ()):
            item.DimensionOrganizationUID = organisation
