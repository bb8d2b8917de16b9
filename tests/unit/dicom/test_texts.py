"""Names in the character set of the file, in another one, and with backslashes."""

from __future__ import annotations

import pytest
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag

from biomarker_cli.dicom.texts import read_text


def item(raw):
    dataset = Dataset()
    tag = Tag("ROIName")
    dataset[tag] = RawDataElement(tag, "LO", len(raw), raw, 0, False, True)
    return dataset


@pytest.mark.parametrize(
    ("raw", "declared", "text", "is_declared"),
    [
        (b"Liver ", None, "Liver", True),
        ("Läsion".encode(), None, "Läsion", False),
        ("Läsion".encode("latin-1"), "", "Läsion", False),
        ("Läsion".encode("latin-1"), "ISO_IR 100", "Läsion", True),
        ("Läsion".encode("latin-1"), "ISO_IR 192", "Läsion", False),
        ("腫瘍".encode(), "ISO_IR 192", "腫瘍", True),
        ("肿瘤".encode("gb18030"), "GB18030", "肿瘤", True),
        ("опухоль".encode("iso8859-5"), "ISO_IR 144", "опухоль", True),
        ("腫瘍".encode("iso2022_jp"), ["", "ISO 2022 IR 87"], "腫瘍", True),
        (b"L\xe4sion", "no such set", "Läsion", False),
        (b"a\\b", None, "a\\b", True),
        (b"x\0", "ISO_IR 100", "x", True),
        (b"", None, "", True),
        (b"n" * 5000, None, "n" * 5000, True),
    ],
)
def test_text(raw, declared, text, is_declared):
    assert read_text(item(raw), "ROIName", declared) == (text, is_declared)


def test_text_that_is_absent_or_was_read_before():
    dataset = Dataset()
    assert read_text(dataset, "ROIName", None) == ("", True)
    dataset.ROIName = "a\\b"
    assert read_text(dataset, "ROIName", None) == ("a\\b", True)
