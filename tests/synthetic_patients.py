"""Objects that name a patient, and their de-identified copies."""

from __future__ import annotations

from pathlib import Path

from pydicom import dcmread
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import PYDICOM_IMPLEMENTATION_UID, ExplicitVRLittleEndian, generate_uid

from biomarker_cli.exchange.deidentifying.copies import CopiedFiles, deidentify
from biomarker_cli.exchange.deidentifying.profile import load_profile
from biomarker_cli.exchange.deidentifying.subjects import Subjects

KEY = bytes(range(32))
PROFILE = load_profile("quantitative")
SUBJECTS = Subjects(KEY)
WORD = "Xanthippe"
PET = "1.2.840.10008.5.1.4.1.1.128"


def pet(path: Path, **more: object) -> Dataset:
    dataset = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID = PET, generate_uid()
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = generate_uid(), generate_uid()
    dataset.Manufacturer, dataset.PatientID, dataset.PatientName = "GE", "12345678", "Doe^Jane"
    dataset.PatientBirthDate, dataset.PatientAge, dataset.PatientWeight = "19500102", "070Y", 70.25
    dataset.SeriesDate, dataset.SeriesTime = "20200301", "101112.5"
    dataset.PixelData = b"\1\2\3\4"
    dataset.Rows = dataset.Columns = 2
    dataset.BitsAllocated = 8
    for keyword, value in more.items():
        setattr(dataset, keyword, value)
    save(dataset, path)
    return dataset


def save(dataset: Dataset, path: Path) -> None:
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID = PYDICOM_IMPLEMENTATION_UID
    meta.SourceApplicationEntityTitle = WORD
    dataset.file_meta, dataset.preamble = meta, WORD.encode().ljust(128)
    dataset["PixelData"].VR = "OW"
    path.parent.mkdir(parents=True, exist_ok=True)
    dataset.save_as(path, enforce_file_format=True)


def copied(source: Path, output: Path, subjects: Subjects = SUBJECTS) -> CopiedFiles:
    return deidentify(source, output, output.with_suffix(".link.csv"), PROFILE, subjects)


def copies(source: Path, output: Path, subjects: Subjects = SUBJECTS) -> list[Dataset]:
    outcome = copied(source, output, subjects)
    return [dcmread(output / name) for name in outcome.written]
