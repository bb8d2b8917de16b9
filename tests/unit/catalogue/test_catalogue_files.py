"""Finding files: links, locked folders, junk and special files."""

import os

import pytest
from synthetic_series import axial, write_series

from biomarker_cli.catalogue.catalogue import scan
from biomarker_cli.catalogue.files import find_files
from biomarker_cli.catalogue.reading import read_frames
from biomarker_cli.dicom.errors import HeaderError
from biomarker_cli.model.errors import InputNotFoundError


def test_files_are_found_below_folders_each_once_and_sorted(tmp_path):
    for name in ("b/2", "a/1", "b/1", ".hidden", "c/.git/x"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    found = find_files([tmp_path, tmp_path / "b", tmp_path / "b" / "2"])
    names = [os.path.relpath(file.path, tmp_path) for file in found.files]
    assert names == ["a/1", "b/1", "b/2"]


def test_a_path_that_does_not_exist_is_named(tmp_path):
    with pytest.raises(InputNotFoundError) as caught:
        find_files([tmp_path / "nowhere"])
    assert caught.value.code == "PATH-NOT-FOUND"


def test_links_are_followed_once(tmp_path):
    write_series(tmp_path / "data", axial(0, 3, 6))
    (tmp_path / "data" / "again").symlink_to(tmp_path / "data", target_is_directory=True)
    (tmp_path / "data" / "z_link.dcm").symlink_to(tmp_path / "data" / "1_000.dcm")
    (candidate,) = scan([tmp_path / "data"]).volumes
    assert (candidate.status, candidate.n_files, candidate.flags) == ("ok", 3, frozenset())


def test_a_link_out_of_the_folder_is_followed(tmp_path):
    write_series(tmp_path / "elsewhere", axial(0, 3))
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "link").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    assert scan([tmp_path / "data"]).volumes[0].n_files == 2


def test_a_broken_link_is_a_row(tmp_path):
    write_series(tmp_path, axial(0, 3))
    (tmp_path / "broken.dcm").symlink_to(tmp_path / "nowhere.dcm")
    catalogue = scan([tmp_path])
    (row,) = [c for c in catalogue.candidates if not c.is_image]
    assert (row.status, row.error_code) == ("skipped", "FILE-BROKEN-LINK")
    assert "broken.dcm" in row.error_message
    assert catalogue.volumes[0].status == "ok"


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_locked_file_and_a_locked_folder_are_rows(tmp_path):
    write_series(tmp_path, axial(0, 3))
    (tmp_path / "1_001.dcm").chmod(0)
    (tmp_path / "locked").mkdir(mode=0)
    codes = [c.error_code for c in scan([tmp_path]).candidates if not c.is_image]
    (tmp_path / "locked").chmod(0o700)
    assert codes == ["FILE-UNREADABLE", "FILE-UNREADABLE"]


def test_a_file_that_the_system_refuses_is_a_row(tmp_path, monkeypatch):
    # What `locked` shows for users, also where the tests run as root.
    write_series(tmp_path, axial(0, 3, 6))
    original = os.open

    def refuse(path, *arguments, **options):
        if str(path).endswith("1_001.dcm"):
            raise PermissionError(13, "Permission denied")
        return original(path, *arguments, **options)

    monkeypatch.setattr(os, "open", refuse)
    catalogue = scan([tmp_path])
    (row,) = [c for c in catalogue.candidates if not c.is_image]
    assert row.error_code == "FILE-UNREADABLE"
    assert catalogue.volumes[0].n_files == 2


@pytest.mark.parametrize("as_root", [False, True])
def test_pipes_are_not_opened_but_told(tmp_path, as_root):
    write_series(tmp_path, axial(0, 3))
    os.mkfifo(tmp_path / "pipe")
    candidates = scan([tmp_path / "pipe" if as_root else tmp_path]).candidates
    told = {c.refs[0].path.name: c.error_code for c in candidates if not c.is_image}
    assert told == {"pipe": "FILE-NOT-REGULAR"}
    assert len(candidates) == (1 if as_root else 2)


def test_junk_between_images_is_told_and_passed_over(tmp_path):
    write_series(tmp_path, axial(0, 3))
    (tmp_path / "notes.txt").write_text("hello")
    (tmp_path / "empty.dcm").write_bytes(b"")
    (tmp_path / "packed.dcm.gz").write_bytes(b"\x1f\x8b" + bytes(200))
    catalogue = scan([tmp_path])
    codes = {c.refs[0].path.name: c.error_code for c in catalogue.candidates if not c.is_image}
    assert codes == {
        "notes.txt": "FILE-NOT-DICOM",
        "empty.dcm": "FILE-EMPTY",
        "packed.dcm.gz": "FILE-NOT-DICOM",
    }
    assert catalogue.volumes[0].status == "ok"


def test_names_that_are_no_utf8_are_read(tmp_path):
    (path,) = write_series(tmp_path, axial(0))
    path.rename(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.dcm"))
    assert scan([tmp_path]).volumes[0].status == "ok"
    assert scan([tmp_path]).volumes[0].status == "ok"


def test_whoever_asks_for_headers_alone_reads_no_pixels(tmp_path, monkeypatch):
    write_series(tmp_path, axial(0, 3, 6))
    (candidate,) = scan([tmp_path]).volumes

    def whole(*_arguments):
        raise AssertionError("a whole file was read")

    monkeypatch.setattr("biomarker_cli.dicom.files.DicomFiles.read", whole)
    assert [frame.get("Rows") for frame in read_frames(candidate)] == [candidate.rows] * 3


def test_a_file_that_is_gone_is_named_when_its_header_is_asked_for(tmp_path):
    write_series(tmp_path, axial(0, 3, 6))
    (candidate,) = scan([tmp_path]).volumes
    candidate.refs[0].path.unlink()
    with pytest.raises(HeaderError) as caught:
        read_frames(candidate)
    assert caught.value.code == "FILE-UNREADABLE"
