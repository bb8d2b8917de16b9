"""Structured reports in the manner of dcmqi and pyradiomics-dcm, made with pydicom alone."""

from __future__ import annotations

from pathlib import Path

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

UM = "g/ml{SUVbw}"
COMPREHENSIVE_SR = "1.2.840.10008.5.1.4.1.1.88.33"


def code(value: str, scheme: str, meaning: str) -> Dataset:
    """Return a coded entry; a long value stands where long values do."""
    item = Dataset()
    setattr(item, "CodeValue" if len(value) <= 16 else "LongCodeValue", value)
    item.CodingSchemeDesignator, item.CodeMeaning = scheme, meaning
    return item


def content(kind: str, name: tuple[str, str, str], relation: str = "CONTAINS") -> Dataset:
    """Return a content item without value."""
    item = Dataset()
    item.RelationshipType, item.ValueType = relation, kind
    item.ConceptNameCodeSequence = [code(*name)]
    return item


def text(name: tuple[str, str, str], value: str) -> Dataset:
    """Return a TEXT item."""
    item = content("TEXT", name, "HAS OBS CONTEXT")
    item.TextValue = value
    return item


def uidref(name: tuple[str, str, str], value: str) -> Dataset:
    """Return a UIDREF item."""
    item = content("UIDREF", name, "HAS OBS CONTEXT")
    item.UID = value
    return item


def coded(name: tuple[str, str, str], value: tuple[str, str, str]) -> Dataset:
    """Return a CODE item."""
    item = content("CODE", name, "HAS CONCEPT MOD")
    item.ConceptCodeSequence = [code(*value)]
    return item


def number(
    name: tuple[str, str, str],
    value: str,
    unit: str = UM,
    *below: Dataset,
    floating: float | None = None,
) -> Dataset:
    """Return a NUM item; without text it has no value."""
    item = content("NUM", name)
    item.MeasuredValueSequence = []
    if value:
        measured = Dataset()
        measured.MeasurementUnitsCodeSequence = [code(unit, "UCUM", unit)]
        measured.NumericValue = value
        if floating is not None:
            measured.FloatingPointValue = floating
        item.MeasuredValueSequence = [measured]
    if below:
        item.ContentSequence = list(below)
    return item


TRACKING_ID = ("112039", "DCM", "Tracking Identifier")
TRACKING_UID = ("112040", "DCM", "Tracking Unique Identifier")
FINDING = ("121071", "DCM", "Finding")
DERIVATION = ("121401", "DCM", "Derivation")
PARAMETERS = ("111002", "DCM", "Algorithm Parameters")
SUV = ("126401", "DCM", "SUVbw")


def group(*below: Dataset, roi: str = "lesion 1", uid: str = "1.2.3.4") -> Dataset:
    """Return a measurement group; without a name or UID it has none."""
    item = content("CONTAINER", ("125007", "DCM", "Measurement Group"))
    item.ContinuityOfContent = "SEPARATE"
    named = [text(TRACKING_ID, roi)] if roi else []
    item.ContentSequence = [*named, *([uidref(TRACKING_UID, uid)] if uid else []), *below]
    return item


def report(*groups: Dataset) -> Dataset:
    """Return a report with some groups."""
    found = Dataset()
    found.SOPClassUID, found.SOPInstanceUID = COMPREHENSIVE_SR, "1.2.9"
    found.StudyInstanceUID, found.SeriesInstanceUID = "1.2.7", "1.2.8"
    found.SpecificCharacterSet = "ISO_IR 192"
    found.Modality, found.PatientID, found.PatientName = "SR", "SECRET-ID", "Secret^Name"
    found.ValueType = "CONTAINER"
    found.ConceptNameCodeSequence = [code("126000", "DCM", "Imaging Measurement Report")]
    inner = content("CONTAINER", ("126010", "DCM", "Imaging Measurements"))
    inner.ContentSequence = list(groups)
    found.ContentSequence = [inner]
    return found


def small_report() -> Dataset:
    """Return a report of two findings, in the manner of dcmqi and in ours."""
    theirs = number(SUV, "4.25", "{SUVbw}g/ml", coded(DERIVATION, ("R-00317", "SRT", "Mean")))
    below = (text(PARAMETERS, "feature_id=suvbw.uptake.max"), text(PARAMETERS, "usable=yes"))
    ours = number(SUV, "0.33333333333333", UM, *below, floating=1 / 3)
    named = text(PARAMETERS, "analysis_id=fdg-suv@1.0.0")
    return report(group(theirs), group(named, ours, number(SUV, ""), roi="GTV", uid="1.2.5"))


def write_report(found: Dataset, path: Path) -> Path:
    """Write a report, and return its file."""
    found.file_meta = FileMetaDataset()
    found.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    found.file_meta.MediaStorageSOPClassUID = found.SOPClassUID
    found.file_meta.MediaStorageSOPInstanceUID = found.SOPInstanceUID
    found.save_as(path, enforce_file_format=True)
    return path
