"""Files of ours are the old ones or the new ones, never half of one."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from biomarker_cli.model.outputs import PRIVATE_MODE, part_of, replace_file, whole_file, write_part


def names_in(folder):
    return [path.name for path in folder.iterdir()]


def test_a_file_is_there_when_it_is_whole(tmp_path):
    path = tmp_path / "a.csv"
    with whole_file(path) as stream:
        stream.write(b"first,")
        stream.flush()
        assert not path.exists()
        stream.write(b"second")
    assert path.read_bytes() == b"first,second"
    assert names_in(tmp_path) == ["a.csv"]


@pytest.mark.parametrize("before", [None, b"old"])
@pytest.mark.parametrize("why", [ValueError, KeyboardInterrupt])
def test_what_fails_half_way_leaves_all_as_it_was(tmp_path, before, why):
    path = tmp_path / "a.csv"
    if before is not None:
        path.write_bytes(before)

    def half():
        with whole_file(path) as stream:
            stream.write(b"half of it")
            raise why

    with pytest.raises(why):
        half()
    assert names_in(tmp_path) == ([] if before is None else ["a.csv"])
    assert before is None or path.read_bytes() == before


def test_an_older_file_is_replaced_and_those_who_read_it_keep_it(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b"old")
    with path.open("rb") as reader:
        replace_file(path, b"new")
        assert reader.read() == b"old"
    assert path.read_bytes() == b"new"


@pytest.mark.parametrize("is_there", [True, False])
def test_a_link_stays_and_what_it_leads_to_is_replaced(tmp_path, is_there):
    (tmp_path / "elsewhere").mkdir()
    target, link = tmp_path / "elsewhere" / "a.csv", tmp_path / "link.csv"
    link.symlink_to(target)
    if is_there:
        target.write_bytes(b"old")
    replace_file(link, b"new")
    assert link.is_symlink()
    assert target.read_bytes() == b"new"
    assert names_in(target.parent) == ["a.csv"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_a_device_stays_what_it_is(tmp_path):
    replace_file(Path("/dev/null"), b"gone")
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)
    (tmp_path / "link").symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space left"):
        replace_file(tmp_path / "link", b"content")
    assert (tmp_path / "link").is_symlink()


def test_a_folder_is_not_replaced(tmp_path):
    with pytest.raises(IsADirectoryError):
        replace_file(tmp_path, b"content")


def test_content_is_on_the_disk_before_it_gets_its_name(tmp_path, monkeypatch):
    calls = []
    fsync, replace = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda d: (calls.append("fsync"), fsync(d))[1])
    monkeypatch.setattr(os, "replace", lambda *a, **k: (calls.append("name"), replace(*a, **k))[1])
    replace_file(tmp_path / "a", b"content")
    assert calls == ["fsync", "name"]


def test_two_writers_never_share_a_part(tmp_path):
    path = tmp_path / "a"
    with whole_file(path) as one, whole_file(path) as two:
        one.write(b"1" * 10)
        two.write(b"2" * 20)
    assert path.read_bytes() in {b"1" * 10, b"2" * 20}
    assert part_of(path) != part_of(path)


def test_a_part_is_new_and_may_be_private(tmp_path):
    part = part_of(tmp_path / "key")
    write_part(part, b"secret", PRIVATE_MODE)
    assert stat.S_IMODE(part.stat().st_mode) == 0o600
    with pytest.raises(FileExistsError):
        write_part(part, b"another")


def test_modes_of_files_follow_the_umask(tmp_path):
    before = os.umask(0o027)
    try:
        replace_file(tmp_path / "a", b"")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o640
