"""Instances and planes: what grouping needs to know of a DICOM file.

Both are tuples of plain values, so that the index can keep them as they are.
"""

from __future__ import annotations

from typing import NamedTuple

Vector = tuple[float, ...]

SEGMENTATION_KINDS = {
    "1.2.840.10008.5.1.4.1.1.481.3": "rtstruct",
    "1.2.840.10008.5.1.4.1.1.66.4": "seg",
    "1.2.840.10008.5.1.4.1.1.66.7": "seg",
}
"""SOP classes that are imported as regions: RT Structure Set, Segmentation, Label Map."""

DICOMDIR_CLASS = "1.2.840.10008.1.3.10"


class Defect(NamedTuple):
    """Why a file cannot be used: an error in plain words."""

    code: str
    message: str
    hint: str = ""


class Visit(NamedTuple):
    """What a header says of an examination and of the body that was examined.

    Attributes
    ----------
    date : str
        StudyDate, empty where absent.
    dates_modified : str
        What de-identification did to it; see `model.shifted_dates`.
    height_m, weight_kg : float or None
    """

    date: str = ""
    dates_modified: str = ""
    height_m: float | None = None
    weight_kg: float | None = None


NO_VISIT = Visit()
"""Of what is no DICOM image."""


class Instance(NamedTuple):
    """One DICOM file.

    Attributes
    ----------
    rows, columns : int
        Of one slice: of a tile where the file is a mosaic. Zero where the
        object is no image.
    patient_key : str
        Digests of PatientID, name, birth date and sex (`pseudonyms.Person`); what
        they are made from is not kept.
    study_date, dates_modified : str
    height_m, weight_kg : float or None
        Of the patient; None where the header tells none that can be.
    references : tuple of str
        SeriesInstanceUIDs of the images that a segmentation is of, as it names them.
    defect : Defect or None
        Why the slices of the file cannot be used, where they cannot.
    """

    path: str
    sop_class_uid: str
    sop_instance_uid: str
    study_uid: str
    series_uid: str
    frame_of_reference_uid: str
    patient_key: str
    modality: str
    description: str
    rows: int
    columns: int
    samples: int
    study_date: str = ""
    dates_modified: str = ""
    height_m: float | None = None
    weight_kg: float | None = None
    references: tuple[str, ...] = ()
    defect: Defect | None = None

    @property
    def visit(self) -> Visit:
        """What tells one visit of a patient from another."""
        return Visit(self.study_date, self.dates_modified, self.height_m, self.weight_kg)

    @property
    def segmentation_kind(self) -> str:
        """``rtstruct`` or ``seg`` where the object is a segmentation, else empty."""
        return SEGMENTATION_KINDS.get(self.sop_class_uid, "")


class Plane(NamedTuple):
    """One slice: its place, and what may tell it from another at the same place."""

    instance: Instance
    frame: int
    position_mm: Vector | None = None
    orientation: Vector | None = None
    pixel_spacing_mm: Vector | None = None
    thickness_mm: float | None = None
    b_value: float | None = None
    gradient: Vector | None = None
    echo: float | None = None
    temporal_position: int | None = None
    stack_id: str = ""
    acquisition: int | None = None
    trigger_time: float | None = None
    reference_time: float | None = None
    content_time: str = ""
    acquisition_time: str = ""
    image_type: tuple[str, ...] = ()
    units: str = ""
