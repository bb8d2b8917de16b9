"""Whose a segmentation is, by what it says itself."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from biomarker_cli.catalogue.catalogue import scan
from biomarker_cli.catalogue.pseudonyms import Person
from biomarker_cli.imaging.files import is_image_file

if TYPE_CHECKING:
    from biomarker_cli.catalogue.index import FileIndex
    from biomarker_cli.dicom.files import PlannedFiles


def mask_patients(mask: Path | None, index: FileIndex, reader: PlannedFiles) -> set[str]:
    """Return the digests of the PatientIDs that a segmentation names."""
    if mask is None or is_image_file(mask):
        return set()  # only DICOM names a patient
    if mask.is_dir():
        return set()  # its case refuses it, however much lies below (the root of a disk)
    objects = scan([mask], index=index, reader=reader).candidates
    keys = {key for c in objects if c.kind in {"rtstruct", "seg"} for key in c.patient_keys}
    return {Person.of_key(key).patient_id for key in keys} - {""}
