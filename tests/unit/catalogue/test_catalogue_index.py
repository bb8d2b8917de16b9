"""The index: unchanged files are not read again, and nothing depends on it."""

import json
import os
import sqlite3
import subprocess
import sys
import time

import pytest
from synthetic_series import axial, write_series

from biomarker_cli.catalogue import describing as module
from biomarker_cli.catalogue import scan
from biomarker_cli.catalogue.index import FileIndex


@pytest.fixture
def index(tmp_path):
    return FileIndex(tmp_path / "cache")


@pytest.fixture
def folder(tmp_path):
    paths = write_series(tmp_path / "data", axial(0, 3, 6))
    for path in paths:
        _age(path)
    return tmp_path / "data"


def _age(path, seconds=60.0):
    """Put the time of modification back: very fresh files are not trusted."""
    then = time.time() - seconds
    os.utime(path, (then, then))


@pytest.fixture
def read(monkeypatch):
    """Names of the files whose headers were read."""
    names = []
    original = module.describe_file

    def spy(path, size, reader):
        names.append(path.name)
        return original(path, size, reader)

    monkeypatch.setattr(module, "describe_file", spy)
    return names


def test_unchanged_files_are_not_read_again_and_give_the_same(folder, index, read):
    first = scan([folder], index=index)
    assert len(read) == 3
    second = scan([folder], index=index)
    assert len(read) == 3
    assert second == first


def test_a_changed_file_is_read_again(folder, index, read):
    scan([folder], index=index)
    paths = write_series(folder, axial(0, 3, 7))
    _age(paths[0])
    _age(paths[1])
    _age(paths[2], 30)
    candidate = scan([folder], index=index).volumes[0]
    assert read[3:].count("1_002.dcm") == 1
    assert candidate.error_code == "SERIES-GAP"


def test_a_file_of_another_size_is_read_again(folder, index, read):
    scan([folder], index=index)
    path = folder / "1_001.dcm"
    status = path.stat()
    path.write_bytes(path.read_bytes()[:-10])
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert scan([folder], index=index).volumes[0].error_code == "FILE-TRUNCATED"
    assert len(read) == 4


def test_a_file_that_was_just_written_is_not_trusted(folder, index, read):
    (folder / "1_001.dcm").touch()
    scan([folder], index=index)
    scan([folder], index=index)
    assert read[3:] == ["1_001.dcm"]


def test_files_that_are_gone_are_forgotten(folder, index):
    scan([folder], index=index)
    (folder / "1_002.dcm").unlink()
    write_series(folder, axial(9), series="2")
    scan([folder], index=index)
    with sqlite3.connect(index._path) as connection:
        names = [row[0] for row in connection.execute("SELECT path FROM files")]
    connection.close()
    assert os.fsencode(folder / "1_002.dcm") not in names
    assert len(names) == 2


def test_a_neighbour_with_a_longer_name_is_not_touched(tmp_path, index, read):
    for name in ("data", "data0", "data/sub"):
        for path in write_series(tmp_path / name, axial(0), series=name):
            _age(path)
    scan([tmp_path / "data", tmp_path / "data0"], index=index)
    assert len(read) == 3
    scan([tmp_path / "data"], index=index)
    scan([tmp_path / "data0"], index=index)
    scan([tmp_path / "data" / "sub" / "data" / "sub_000.dcm"], index=index)
    assert len(read) == 3


def test_the_index_may_be_deleted_between_scans(folder, index, read):
    first = scan([folder], index=index)
    index._path.unlink()
    assert scan([folder], index=index) == first
    assert len(read) == 6


@pytest.mark.parametrize(
    "content", [b"", b"this is no database", b"SQLite format 3\x00" + b"x" * 500]
)
def test_a_damaged_index_is_replaced(folder, index, content):
    expected = scan([folder], index=index)
    index._path.write_bytes(content)
    assert scan([folder], index=index) == expected
    assert scan([folder], index=index) == expected


def test_damaged_records_are_read_from_the_files(folder, index, read):
    expected = scan([folder], index=index)
    with sqlite3.connect(index._path) as connection:
        connection.execute("UPDATE files SET record = '[1, '")
    connection.close()
    assert scan([folder], index=index) == expected
    assert len(read) == 6


def test_without_a_folder_to_write_to_it_works_all_the_same(folder, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    assert len(scan([folder], index=FileIndex(blocked / "cache")).volumes) == 1
    assert len(scan([folder], index=FileIndex(None)).volumes) == 1


def test_an_index_that_another_process_has_locked_does_not_stop_a_scan(folder, index, monkeypatch):
    monkeypatch.setattr("biomarker_cli.catalogue.index.PATIENCE_SECONDS", 0.05)
    expected = scan([folder], index=index)
    lock = sqlite3.connect(index._path)
    lock.execute("BEGIN EXCLUSIVE")
    assert scan([folder], index=index) == expected
    lock.close()


def test_two_processes_at_once_do_no_harm(folder, tmp_path):
    code = (
        "import sys, json; from pathlib import Path; from biomarker_cli.catalogue import scan;"
        "print(json.dumps([[c.row() for c in scan([Path(sys.argv[1])]).candidates]"
        " for _ in range(5)]))"
    )
    environment = {**os.environ, "BIOMARKER_CACHE_DIR": str(tmp_path / "shared")}
    running = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(folder)],
            stdout=subprocess.PIPE,
            env=environment,
            text=True,
        )
        for _ in range(3)
    ]
    outputs = [process.communicate(timeout=120)[0] for process in running]
    assert [process.returncode for process in running] == [0, 0, 0]
    tables = [table for output in outputs for table in json.loads(output)]
    assert len(tables) == 15
    assert all(table == tables[0] for table in tables)


def test_the_index_holds_no_patient_id_and_is_private(folder, index):
    scan([folder], index=index)
    assert index._path.stat().st_mode & 0o077 == 0
    with sqlite3.connect(index._path) as connection:
        text = "".join(row[0] for row in connection.execute("SELECT record FROM files"))
    connection.close()
    assert '"P1"' not in text


def test_new_code_uses_a_new_index_and_removes_the_old(folder, tmp_path):
    old = tmp_path / "cache" / "files-000000000000.sqlite"
    old.parent.mkdir()
    old.write_bytes(b"")
    scan([folder], index=FileIndex(tmp_path / "cache"))
    assert not old.exists()
