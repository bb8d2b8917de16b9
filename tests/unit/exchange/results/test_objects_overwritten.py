"""Objects of an earlier export go with their table; files of anybody else stay."""

from __future__ import annotations

import csv
from types import SimpleNamespace

import pytest
from synthetic_patients import pet

from biomarker_cli.exchange.results.handing_out import ObjectFolder, listed_objects


def written(folder, scratch, *case_ids):
    objects = ObjectFolder(folder)
    for case_id in case_ids:
        dataset = pet(scratch / f"{case_id.replace('/', '_')}.dcm")
        objects.take(dataset, SimpleNamespace(case_id=case_id), "seg", "ct", 1)
    objects.close()
    return {row.case_id: row.file for row in objects.rows}


def names(folder):
    return {path.name for path in folder.glob("*.dcm")}


def test_what_the_earlier_table_listed_goes_and_what_nobody_listed_stays(tmp_path):
    out = tmp_path / "out"
    first = written(out, tmp_path / "1", "A/S1/T1/ct", "A/S2/T1/ct", "A/S3/T1/ct")
    own, taken = out / "own.dcm", out / first["A/S3/T1/ct"]
    pet(own)
    pet(taken)  # another object lies under the name by now
    second = written(out, tmp_path / "2", "A/S1/T1/ct", "A/S4/T1/ct")
    assert names(out) == {*second.values(), own.name, taken.name}
    assert first["A/S2/T1/ct"] not in names(out)
    with (out / "objects.csv").open() as stream:
        assert [row["file"] for row in csv.DictReader(stream)] == list(second.values())
    # An export that makes nothing leaves nothing of the earlier one.
    written(out, tmp_path / "3")
    assert names(out) == {own.name, taken.name}


@pytest.mark.parametrize("name", ["../own.dcm", "sub/own.dcm", ".own.dcm", "own.txt", "C:own.dcm"])
def test_a_table_names_no_file_elsewhere(tmp_path, name):
    out = tmp_path / "out"
    (out / "sub").mkdir(parents=True)
    uid = pet(tmp_path / "own.dcm").SOPInstanceUID
    for place in ("sub/own.dcm", ".own.dcm", "own.txt", "C:own.dcm"):
        (out / place).write_bytes((tmp_path / "own.dcm").read_bytes())
    (out / "objects.csv").write_text(f"case_id,kind,file,sop_instance_uid\nx,seg,{name},{uid}\n")
    before = sorted(tmp_path.rglob("*own*"))
    assert listed_objects(out) == {}
    written(out, tmp_path / "1")
    assert sorted(tmp_path.rglob("*own*")) == before


def test_a_link_is_left_and_what_it_leads_to_as_well(tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    uid = pet(tmp_path / "own.dcm").SOPInstanceUID
    (out / "a.dcm").symlink_to(tmp_path / "own.dcm")
    (out / "objects.csv").write_text(f"file,sop_instance_uid\na.dcm,{uid}\n")
    written(out, tmp_path / "1")
    assert (out / "a.dcm").is_symlink()
    assert (tmp_path / "own.dcm").exists()


@pytest.mark.parametrize("content", [b"", b"a,b\n1,2\n", b"\xff\xfe\x00", b"file\na.dcm\n"])
def test_a_table_that_is_none_lists_nothing(tmp_path, content):
    (tmp_path / "objects.csv").write_bytes(content)
    pet(tmp_path / "a.dcm")
    assert listed_objects(tmp_path) == {}
    written(tmp_path, tmp_path / "1")
    assert (tmp_path / "a.dcm").exists()
