"""A deflated object is measured before it is inflated."""

from __future__ import annotations

import io
import zlib

import pytest
from pydicom import dcmread
from synthetic_patients import copied, pet

from biomarker_cli.dicom.deflated import inflates_beyond
from biomarker_cli.exchange.deidentifying import objects
from biomarker_cli.exchange.errors import ReportRefusedError
from biomarker_cli.exchange.importing import report_content

DEFLATED = "1.2.840.10008.1.2.1.99"
PADDING = 200_000


def deflated(path) -> bytes:
    """Write a deflated object that is small, and grows to more than its padding."""
    dataset = pet(path)
    dataset.add_new(0xFFFCFFFC, "OB", bytes(PADDING))
    dataset.file_meta.TransferSyntaxUID = DEFLATED
    dataset.save_as(path, enforce_file_format=True)
    return path.read_bytes()


def test_the_size_is_that_of_the_inflated_data_set(tmp_path):
    content = deflated(tmp_path / "a.dcm")
    length = int.from_bytes(content[140:144], "little")
    size = len(zlib.decompress(content[144 + length :], -15))
    assert len(content) < PADDING / 100 < size
    file = io.BytesIO(content)
    assert not inflates_beyond(file, size)
    assert inflates_beyond(file, size - 1)
    assert file.tell() == 0


@pytest.mark.parametrize("cut", [0, 10, 133, 142, 160, 400])
def test_a_cut_or_other_file_is_left_to_the_parser(tmp_path, cut):
    content = deflated(tmp_path / "a.dcm")
    assert not inflates_beyond(io.BytesIO(content[:cut]), 1_000_000)
    assert not inflates_beyond(io.BytesIO(content[:-20] + b"x" * 20), 1_000_000)
    plain = tmp_path / "b.dcm"
    pet(plain)
    assert not inflates_beyond(io.BytesIO(plain.read_bytes()), 0)


def test_one_without_the_length_of_its_meta_group_grows_beyond_measure(tmp_path):
    content = deflated(tmp_path / "a.dcm")
    assert inflates_beyond(io.BytesIO(content[:132] + content[144:]), 10**12)


def test_a_bomb_is_refused_where_objects_are_copied_and_reports_are_read(tmp_path, monkeypatch):
    deflated(tmp_path / "in" / "a.dcm")
    assert copied(tmp_path / "in", tmp_path / "1").written
    (copy,) = (tmp_path / "1").rglob("*.dcm")
    assert dcmread(copy).PixelData == b"\1\2\3\4"
    monkeypatch.setattr(objects, "MOST_INFLATED_BYTES", PADDING)
    assert copied(tmp_path / "in", tmp_path / "2").left == {"DEID-UNREADABLE": 1}
    monkeypatch.setattr(report_content, "MOST_BYTES", PADDING)
    with pytest.raises(ReportRefusedError) as raised:
        report_content.read_report(tmp_path / "in" / "a.dcm")
    assert raised.value.code == "SR-TOO-LARGE"
