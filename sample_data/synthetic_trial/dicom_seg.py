"""Binary DICOM SEG of PET and CT, written by highdicom and made deterministic."""

from __future__ import annotations

from pathlib import Path

import highdicom as hd
import numpy as np
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code

from synthetic_trial import headers, phantom
from synthetic_trial.trial import Ball, Visit

_ABNORMAL = codes.SCT.MorphologicallyAbnormalStructure
# Categories, types and anatomic regions of CID 7150, 7151 and the organ lists.
_CODES: dict[str, tuple[Code, Code, Code | None]] = {
    "GTV": (_ABNORMAL, codes.SCT.Neoplasm, None),
    "LIVER": (codes.SCT.SpatialAndRelationalConcept, codes.NCIt.ReferenceRegion, codes.SCT.Liver),
    "LIVER_1": (_ABNORMAL, codes.SCT.NeoplasmSecondary, codes.SCT.Liver),
    "NODE_1": (_ABNORMAL, codes.SCT.NeoplasmSecondary, codes.SCT.LymphNode),
    "LUNG_1": (_ABNORMAL, codes.SCT.NeoplasmSecondary, codes.SCT.Lung),
}
_TITLES = {"pet": "Spheres of the FDG-PET phantom", "ct": "Spheres of the CT phantom"}


def _description(visit: Visit, ball: Ball, number: int) -> hd.seg.SegmentDescription:
    category, kind, region = _CODES[ball.roi_id]
    return hd.seg.SegmentDescription(
        segment_number=number,
        segment_label=ball.label,
        segmented_property_category=category,
        segmented_property_type=kind,
        algorithm_type=hd.seg.SegmentAlgorithmTypeValues.MANUAL,
        tracking_uid=headers.uid(visit.patient.patient_id, "tracking", ball.roi_id),
        tracking_id=f"{visit.patient.patient_id} {ball.roi_id}",
        anatomic_regions=None if region is None else [region],
    )


def _freeze(seg: Dataset, visit: Visit, key: tuple[str, ...]) -> None:
    """Replace what highdicom takes from the clock, at random or from its version."""
    for keyword in ("InstanceCreationDate", "ContentDate", "SeriesDate"):
        setattr(seg, keyword, visit.study_date)
    for keyword in ("InstanceCreationTime", "ContentTime", "SeriesTime"):
        setattr(seg, keyword, headers.FIXED_TIME)
    if "ContributingEquipmentSequence" in seg:
        del seg.ContributingEquipmentSequence
    dimension = headers.uid(*key, "dimension")
    for item in (*seg.DimensionOrganizationSequence, *seg.DimensionIndexSequence):
        item.DimensionOrganizationUID = dimension


def write_seg(visit: Visit, images: list[Dataset], path: Path, role: str = "pet") -> None:
    """Write the segments of the spheres of a series, by voxel-centre inclusion.

    Empty frames are left out, as most writers do: the object has fewer frames
    per segment than the series has slices.
    """
    grid, balls = {
        "pet": (visit.pet_grid, visit.pet_balls),
        "ct": (visit.ct_grid, visit.ct_balls),
    }[role]
    key = (visit.key, "seg") if role == "pet" else (visit.key, role, "seg")
    masks = [phantom.inside(grid, ball) for ball in balls]
    seg = hd.seg.Segmentation(
        source_images=images,
        pixel_array=np.stack(masks, axis=-1).astype(np.uint8),
        segmentation_type=hd.seg.SegmentationTypeValues.BINARY,
        segment_descriptions=[_description(visit, ball, n) for n, ball in enumerate(balls, 1)],
        series_instance_uid=headers.uid(*key),
        series_number=13 if role == "pet" else 12,
        sop_instance_uid=headers.uid(*key, "1"),
        instance_number=1,
        manufacturer=headers.MANUFACTURER,
        manufacturer_model_name="SYN-SEG 1",
        software_versions="1.0",
        device_serial_number="SYNSEG-001",
        content_label="SYNTHETIC",
        content_description=_TITLES[role],
        content_creator_name="SYNTHETIC^READER",
        series_description=f"SEG of the {role.upper()}",
    )
    _freeze(seg, visit, key)
    headers.write(seg, path)
