"""The index: unchanged files are not read again, and nothing depends on it."""

import json
import os
import random
import re
import shutil
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from synthetic_series import axial, write_series

from biomarker_cli.catalogue import series_made
from biomarker_cli.catalogue.alike import Alike
from biomarker_cli.catalogue.catalogue import scan
from biomarker_cli.catalogue.index import FileIndex
from biomarker_cli.model import inputs
from biomarker_cli.model.inputs import FileRead, FileSignature


@pytest.fixture
def index(tmp_path, settled):
    return FileIndex(tmp_path / "cache")


@pytest.fixture
def settled(monkeypatch):
    """Trust the time of change of files that the tests have just made."""
    monkeypatch.setattr(inputs, "FINE_SETTLING_NS", 0)


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
    original = Alike.record

    def spy(self, path, signature):
        names.append(Path(path).name)
        return original(self, path, signature)

    monkeypatch.setattr(Alike, "record", spy)
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


@pytest.mark.parametrize(("fine", "changed_ago_ns"), [(True, 10**8 - 10**6), (False, 5 * 10**8)])
def test_a_file_that_was_just_changed_is_not_trusted(
    folder, tmp_path, read, monkeypatch, fine, changed_ago_ns
):
    now = time.time_ns()
    changed = (folder / "1_001.dcm").stat().st_ino
    monkeypatch.setattr(inputs.time, "time_ns", lambda: now)
    original = FileSignature.of

    def signature(status):
        found = original(status)
        ctime_ns = now - (changed_ago_ns if found.inode == changed else 10**10)
        return found._replace(ctime_ns=ctime_ns | 1 if fine else ctime_ns // 10**9 * 10**9)

    monkeypatch.setattr(FileSignature, "of", signature)
    for _ in range(2):
        scan([folder], index=FileIndex(tmp_path / "cache"))
    assert read[3:] == ["1_001.dcm"]


def test_a_change_that_keeps_size_and_time_of_modification_is_seen(folder, index, read):
    first = scan([folder], index=index).volumes[0]
    path = folder / "1_001.dcm"
    status = path.stat()
    other = folder.parent / "other.dcm"
    other.write_bytes(path.read_bytes().replace(b"Test Series", b"Best Series"))
    os.utime(other, ns=(status.st_atime_ns, status.st_mtime_ns))
    other.replace(path)
    assert path.stat().st_size == status.st_size
    assert path.stat().st_mtime_ns == status.st_mtime_ns
    scan([folder], index=index)
    assert read[3:] == ["1_001.dcm"]
    assert first.status == "ok"


def test_an_index_that_is_not_trusted_is_written_but_not_asked(folder, index, read, tmp_path):
    scan([folder], index=index)
    scan([folder], index=FileIndex(tmp_path / "cache", trusted=False))
    assert len(read) == 6
    scan([folder], index=index)
    assert len(read) == 6


def test_digests_are_told_for_the_same_signature_alone(tmp_path, index):
    path = tmp_path / "a.nii"
    read = FileRead(FileSignature(1, 2, 3, 4), "digest", "pixels")
    index.remember_digests({path: read})
    assert index.digests({path: read.signature}) == {path: read}
    for name in FileSignature._fields:
        other = read.signature._replace(**{name: 9})
        assert index.digests({path: other}) == {}
    assert FileIndex(tmp_path / "cache", trusted=False).digests({path: read.signature}) == {}


def test_all_files_are_gone_over_only_where_one_is_gone(folder, index, monkeypatch):
    """Once a case, over the files of all cases: planning grew with their square."""
    said = []
    opened = FileIndex._open

    def traced(self, path):
        connection = opened(self, path)
        connection.set_trace_callback(said.append)
        return connection

    monkeypatch.setattr(FileIndex, "_open", traced)
    scan([folder], index=index)
    shutil.copytree(folder, folder / "more")
    scan([folder], index=index)
    assert not [one for one in said if "NOT IN" in one]
    shutil.rmtree(folder / "more")
    next(folder.iterdir()).unlink()
    write_series(folder / "new", axial(0, 3, 6))
    scan([folder], index=index)
    assert [one for one in said if "NOT IN" in one]


def test_files_that_are_gone_are_forgotten(folder, index):
    scan([folder], index=index)
    (folder / "1_002.dcm").unlink()
    write_series(folder, axial(9), series="2")
    scan([folder], index=index)
    with sqlite3.connect(index._path) as connection:
        names = [row[0] for row in connection.execute("SELECT path FROM files")]
    connection.close()
    assert os.fsencode(folder / "1_002.dcm") not in names
    assert len(names) == 3


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


def _change(index, *statements):
    with sqlite3.connect(index._path) as connection:
        for statement in statements:
            connection.execute(statement)
    connection.close()


def _kept(index):
    """Return the series whose volumes are in the index."""
    with sqlite3.connect(index._path) as connection:
        rows = [row[0] for row in connection.execute("SELECT series FROM volumes")]
    connection.close()
    return rows


@pytest.mark.parametrize("damage", ["'[1, '", "'7'", "NULL"])
def test_damaged_records_are_read_from_the_files(folder, index, read, damage):
    (folder / "notes.txt").write_text("no DICOM")
    _age(folder / "notes.txt")
    expected = scan([folder], index=index)
    _change(index, f"UPDATE files SET record = {damage}", "DELETE FROM volumes")
    assert scan([folder], index=index) == expected
    assert len(read) == 8
    assert scan([folder], index=index) == expected
    assert len(read) == 8


@pytest.mark.parametrize("damage", ["'[1, '", "'[7]'", "'[{}]'", "NULL"])
def test_damaged_volumes_are_made_again(folder, index, damage):
    expected = scan([folder], index=index)
    _change(index, f"UPDATE volumes SET candidates = {damage}")
    assert scan([folder], index=index) == expected
    assert scan([folder], index=index) == expected


@pytest.mark.parametrize(
    ("table", "column", "word"),
    [
        ("volumes", "candidates", r"3\.0(?=\])"),
        ("files", "record", r"3\.0(?=\])"),
        ("files", "series", r"\d(?=\"\]$)"),
    ],
)
def test_a_word_of_the_index_that_was_changed_is_not_believed(folder, index, table, column, word):
    """What it says is still of its form: a wrong number would come of it."""
    expected = scan([folder], index=index)
    if table == "files":
        _change(index, "DELETE FROM volumes")
    with sqlite3.connect(index._path) as connection:
        rows = connection.execute(f"SELECT {_KEYS[table]}, {column} FROM {table}").fetchall()
    connection.close()
    said = [(re.sub(word, _next_digit, text), key) for key, text in rows]
    assert {text for text, _ in said} != {text for _, text in rows}
    with sqlite3.connect(index._path) as connection:
        connection.executemany(f"UPDATE {table} SET {column} = ? WHERE {_KEYS[table]} = ?", said)
    connection.close()
    assert scan([folder], index=index) == expected
    assert scan([folder], index=index) == expected


def test_digests_that_were_changed_are_not_believed(folder, index):
    path = folder / "1_000.dcm"
    read = FileRead(FileSignature.of(path.stat()), "0" * 64, "1" * 64)
    for column in ("sha256", "pixels"):
        index.remember_digests({path: read})
        assert index.digests({path: read.signature}) == {path: read}
        _change(index, f"UPDATE digests SET {column} = '2' || SUBSTR({column}, 2)")
        assert index.digests({path: read.signature}) == {}


@pytest.mark.parametrize("seed", range(3))
def test_bits_that_turn_in_the_index_decide_nothing(folder, index, seed):
    chance = random.Random(seed)
    write_series(folder, axial(0, 3, 6, 9), series="2")
    (folder / "notes.txt").write_text("no DICOM")
    for path in folder.iterdir():
        _age(path)
    expected = scan([folder], index=index)
    whole = index._path.read_bytes()
    for _ in range(100):
        content = bytearray(whole)
        for _ in range(chance.choice((1, 1, 3, 10))):
            content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
        index._path.write_bytes(content)
        assert scan([folder], index=FileIndex(index.folder)) == expected


_KEYS = {"files": "path", "volumes": "series"}


def _next_digit(found):
    """Return a text whose last digit is the next one."""
    return found[0][:-1] + str((int(found[0][-1]) + 1) % 10)


def test_volumes_of_unchanged_series_are_not_made_again(folder, index, monkeypatch):
    for path in write_series(folder, axial(0, 3), series="2"):
        _age(path)
    expected = scan([folder], index=index)
    assert len(_kept(index)) == 2

    made = []
    original = series_made.series_candidates
    monkeypatch.setattr(
        series_made, "series_candidates", lambda files: made.append(len(files)) or original(files)
    )
    assert scan([folder], index=index) == expected
    assert made == []
    (added,) = write_series(folder, axial(6), series="2_more")
    added.rename(folder / "3.dcm")
    _age(folder / "3.dcm")
    assert len(scan([folder], index=index).volumes) == 3
    assert made == [1]


@pytest.mark.parametrize("change", ["add", "remove", "touch", "rename", "part"])
def test_any_change_of_its_files_makes_a_series_anew(folder, index, change):
    scan([folder], index=index)
    paths = [folder]
    if change == "add":
        for number, path in enumerate(write_series(folder, axial(0, 3, 6, 9))):
            _age(path, 60 + number)
    elif change == "remove":
        (folder / "1_001.dcm").unlink()
    elif change == "touch":
        _age(folder / "1_001.dcm", 30)
    elif change == "rename":
        (folder / "1_002.dcm").rename(folder / "0.dcm")
    else:
        paths = [folder / "1_000.dcm", folder / "1_001.dcm"]
    for _ in range(2):
        assert scan(paths, index=index) == scan(paths, index=FileIndex(None))


def test_volumes_that_rest_on_a_look_into_copies_are_not_kept(folder, index):
    shutil.copy(folder / "1_000.dcm", folder / "copy.dcm")
    _age(folder / "copy.dcm")
    (volume,) = scan([folder], index=index).volumes
    assert volume.flags == {"series_duplicates_dropped"}
    assert _kept(index) == []


def test_volumes_of_files_just_written_are_not_kept(folder, index, monkeypatch):
    monkeypatch.setattr(inputs, "FINE_SETTLING_NS", 10**12)
    scan([folder], index=index)
    assert _kept(index) == []


def test_an_index_deleted_in_the_midst_of_a_scan_does_no_harm(folder, index, monkeypatch):
    expected = scan([folder], index=index)
    _change(index, "DELETE FROM volumes")
    original = FileIndex.records

    def records(self, files):
        self._path.unlink()
        return original(self, files)

    monkeypatch.setattr(FileIndex, "records", records)
    assert scan([folder], index=index) == expected


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
        "import sys, json; from pathlib import Path;"
        "from biomarker_cli.catalogue.catalogue import scan;"
        "from biomarker_cli.catalogue.rows import volume_columns;"
        "print(json.dumps([[volume_columns(c) for c in scan([Path(sys.argv[1])]).candidates]"
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


def test_a_scan_of_plain_files_does_without_pydicom(folder, tmp_path):
    code = (
        "import sys; from pathlib import Path; from biomarker_cli.catalogue.catalogue import scan;"
        "print(len(scan([Path(sys.argv[1])]).volumes), 'pydicom' in sys.modules)"
    )
    environment = {**os.environ, "BIOMARKER_CACHE_DIR": str(tmp_path / "shared")}
    told = [
        subprocess.run(
            [sys.executable, "-c", code, str(folder)],
            capture_output=True,
            check=True,
            env=environment,
            text=True,
        ).stdout.split()
        for _ in range(2)
    ]
    assert told == [["1", "False"], ["1", "False"]]


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


def test_an_index_that_is_held_open_is_opened_once(folder, index, read, monkeypatch):
    opened = []
    original = FileIndex._open
    monkeypatch.setattr(
        FileIndex, "_open", lambda self, path: opened.append(path) or original(self, path)
    )
    with index.held_open():
        first = scan([folder], index=index)
        assert scan([folder], index=FileIndex(index.folder)) == first
        n_others = len(opened)
        assert scan([folder], index=index) == first
        assert len(opened) == n_others
    assert len(read) == 3
    assert scan([folder], index=index) == first
    assert len(opened) > n_others


def test_an_index_that_is_held_open_may_be_deleted(folder, index, read):
    with index.held_open():
        first = scan([folder], index=index)
        (index.folder / index.name).unlink()
        assert scan([folder], index=index) == first
    assert len(read) == 6
    assert scan([folder], index=FileIndex(index.folder)) == first
    assert len(read) == 6


def test_a_damaged_index_that_is_held_open_is_made_anew(folder, index, read):
    scan([folder], index=index)
    with index.held_open():
        path = index.folder / index.name
        with path.open("r+b") as stream:
            stream.write(b"\0" * path.stat().st_size)
        first = scan([folder], index=index)
        assert scan([folder], index=index) == first
    assert scan([folder], index=FileIndex(index.folder)) == first
    assert len(read) <= 9
