"""Whom an object names, and that its source stays as it is."""

from pydicom.dataset import Dataset, FileMetaDataset

from biomarker_cli.dicom.identity import OutgoingIdentity, UidMap

UIDS = ("SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID", "FrameOfReferenceUID")


def test_the_second_object_of_a_source_names_what_the_first_does():
    header = Dataset()
    header.file_meta = FileMetaDataset()
    for number, keyword in enumerate(UIDS):
        setattr(header, keyword, f"1.2.{number}")
    before = header.to_json()
    uids = UidMap(b"k" * 32)
    identity = OutgoingIdentity("S0001", uids)
    first, second = identity.source(header), identity.source(header)
    assert header.to_json() == before
    for number, keyword in enumerate(UIDS):
        assert first[keyword].value == second[keyword].value == uids(f"1.2.{number}")
