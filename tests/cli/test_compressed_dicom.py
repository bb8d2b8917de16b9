"""DICOM files within gzip are named as what they are; other files of gzip are not."""

from __future__ import annotations

import gzip
import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from biomarker_cli.cli.main import cli
from biomarker_cli.dicom.errors import HeaderError
from biomarker_cli.dicom.headers import read_header


@pytest.fixture
def packed(sample_dir, tmp_path) -> Path:
    """A CT of which one slice is packed by gzip, under the name that it had."""
    folder = tmp_path / "ct"
    shutil.copytree(sample_dir / "centre_a" / "S0001" / "T1" / "ct" / "image", folder)
    whole = sorted(folder.iterdir())[3]
    (folder / f"{whole.name}.gz").write_bytes(gzip.compress(whole.read_bytes()))
    whole.unlink()
    return folder


def said(*words: object) -> Result:
    return CliRunner().invoke(cli, [str(word) for word in words])


def test_scan_names_a_packed_slice_beside_the_gap_that_it_leaves(packed):
    rows = json.loads(said("scan", packed, "--fresh", "--format", "json").stdout)
    codes = {row["error_code"]: row for row in rows}
    assert codes["FILE-COMPRESSED"]["error_message"].startswith(
        "the file is a DICOM file within gzip"
    )
    assert "SERIES-GAP" in codes


def test_check_says_that_no_rule_has_seen_it(packed):
    done = said("check", packed, "--protocol", "base-ct@1.0.0", "--strict")
    assert "not read: FILE-COMPRESSED" in done.stderr
    assert done.exit_code == 4


@pytest.mark.parametrize(
    "content",
    [
        gzip.compress(b"n+1\0" * 200),
        gzip.compress(b"\0" * 128 + b"DICX"),
        gzip.compress(b"\0" * 128 + b"DICM")[:12],
        b"\x1f\x8b" + b"\xff" * 300,
        b"\x1f\x8b",
    ],
    ids=["NIfTI", "no mark", "cut short", "no gzip behind its mark", "the mark alone"],
)
def test_what_is_no_dicom_within_gzip_is_no_dicom(content, tmp_path):
    path = tmp_path / "file.gz"
    path.write_bytes(content)
    with pytest.raises(HeaderError) as caught:
        read_header(path)
    assert caught.value.code == "FILE-NOT-DICOM"


def test_a_bomb_is_not_unfolded(tmp_path):
    import tracemalloc

    path = tmp_path / "bomb.dcm.gz"
    path.write_bytes(gzip.compress(b"\0" * 128 + b"DICM" + b"\0" * 50_000_000))
    tracemalloc.start()
    with pytest.raises(HeaderError) as caught:
        read_header(path)
    assert caught.value.code == "FILE-COMPRESSED"
    assert tracemalloc.get_traced_memory()[1] < 2_000_000
    tracemalloc.stop()
