"""Header, pixels and digest of a file are of one read, and no cache decides a number."""

from __future__ import annotations

import csv
import hashlib
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread
from synthetic_dicom_seg import segment_description
from synthetic_series import axial, uid, write_series

from biomarker_cli.catalogue import catalogue as catalogue_module
from biomarker_cli.catalogue import pseudonyms
from biomarker_cli.catalogue.catalogue import scan
from biomarker_cli.catalogue.files import find_files
from biomarker_cli.catalogue.index import FileIndex
from biomarker_cli.imaging.files import write_nifti
from biomarker_cli.imaging.geometry import Geometry
from biomarker_cli.model import inputs
from biomarker_cli.study import executors, planned, planning
from biomarker_cli.study.planning import StudyPlanner
from biomarker_cli.study.runner import RunOptions, RunProgress, StudyRun, run_study
from biomarker_cli.study.study_file import load_study, with_key
from biomarker_cli.study.study_key import key_of_first_run

CHECKOUT = Path(__file__).resolve().parents[2]
TABLES = ("measurements", "rois", "cases", "facts", "checks", "features")
GRID = Geometry((6, 12, 12), (1.0, 2.0, 3.0), (-10.0, -20.0, 0.0))

STUDY = """
format: biomarker-study/1
id: doors
integrity: flag
roles:
  ct: {analyses: [radiomics-ct], acquisition: base-ct}
  nii: {analyses: [radiomics-ct]}
rois: {GTV: {names: [TUMOUR]}}
"""
CASES = """site_id,subject_id,timepoint,role,image,mask,quantity
S,1,T1,ct,ct,ct.nii.gz,
S,2,T1,nii,image.nii,nii.nii.gz,hu
"""


@pytest.fixture(autouse=True)
def _settled(monkeypatch):
    # What the tests have just made is trusted at once: they hold the index to account.
    monkeypatch.setattr(inputs, "FINE_SETTLING_NS", 0)


def _mask(first: int = 1) -> np.ndarray:
    mask = np.zeros(GRID.shape, dtype=np.uint8)
    mask[first:5, 3:9, 2:10] = 1
    return mask


@pytest.fixture
def trial(tmp_path):
    folder = tmp_path / "trial"
    write_series(folder / "ct", axial(*range(0, 18, 3)), rows=12, columns=12)
    image = np.arange(np.prod(GRID.shape), dtype=np.int16).reshape(GRID.shape) % 251
    write_nifti(image, GRID, folder / "image.nii")
    for name in ("ct", "nii"):
        write_nifti(_mask(), GRID, folder / f"{name}.nii.gz")
        (folder / f"{name}.labels.csv").write_text("value,name\n1,TUMOUR\n")
    (folder / "study.yaml").write_text(STUDY)
    (folder / "cases.csv").write_text(CASES)
    key_of_first_run(folder)
    return folder


def _study(trial: Path):
    return with_key(load_study(trial / "study.yaml"), writes=True)


def _run(trial: Path, out: Path, cache: Path, **options):
    """Run the study with an index and a folder; return what was done with each case."""
    fresh, verify = options.pop("fresh", False), options.pop("verify_inputs", False)
    index = FileIndex(cache, trusted=not fresh)
    between = options.pop("between", None)
    study = _study(trial)
    planner = StudyPlanner(study, index, verify_inputs=verify)
    due = StudyRun.of_study(study, planner)

    def planned(done: int, total: int) -> None:
        if between is not None and done == total:
            between()

    progress = RunProgress(planned=planned)
    return run_study(due, out, RunOptions(fresh=fresh, **options), progress)


def _actions(report):
    return {d.survey.role: d.action for d in report.decisions}


def _tables(folder: Path) -> dict[str, str]:
    return {t: hashlib.sha256((folder / f"{t}.csv").read_bytes()).hexdigest() for t in TABLES}


def _as_from_nothing(trial: Path, tmp_path: Path) -> dict[str, str]:
    _run(trial, tmp_path / "empty_out", tmp_path / "empty_cache")
    return _tables(tmp_path / "empty_out")


def _replace_keeping_times(path: Path, content: bytes) -> None:
    """Put other content of the same length in a file's place, as ``rsync -t`` and ``cp -p`` do."""
    status = path.stat()
    assert len(content) == status.st_size
    assert content != path.read_bytes()
    other = path.with_name("other")
    other.write_bytes(content)
    os.utime(other, ns=(status.st_atime_ns, status.st_mtime_ns))
    other.replace(path)
    assert path.stat().st_mtime_ns == status.st_mtime_ns


def _change_header(trial):
    path = trial / "ct" / "1_002.dcm"
    content = path.read_bytes()
    _replace_keeping_times(path, content.replace(b"-1000", b"-0900"))


def _change_slope(trial):
    for path in sorted((trial / "ct").iterdir()):
        dataset = dcmread(path)
        dataset.RescaleSlope = 2
        dataset.save_as(path.with_suffix(".new"))
        _replace_keeping_times(path, path.with_suffix(".new").read_bytes())
        path.with_suffix(".new").unlink()


def _change_pixels(trial):
    path = trial / "ct" / "1_003.dcm"
    content = bytearray(path.read_bytes())
    content[-60:] = bytes(60)
    _replace_keeping_times(path, bytes(content))


def _change_voxels(trial):
    path = trial / "image.nii"
    content = bytearray(path.read_bytes())
    content[-500:-200] = bytes(300)
    _replace_keeping_times(path, bytes(content))


def _change_mask(trial):
    path = trial / "ct.nii.gz"
    size = path.stat().st_size
    for first in (2, 3):
        write_nifti(_mask(first), GRID, path.with_name("new.nii.gz"))
        content = (trial / "new.nii.gz").read_bytes()
        if len(content) <= size:
            break
    (trial / "new.nii.gz").unlink()
    # A comment behind the stream would be refused; the size is that of the file before.
    status = path.stat()
    path.write_bytes(content)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def _rename_label(trial):
    path = trial / "nii.labels.csv"
    _replace_keeping_times(path, path.read_bytes().replace(b"TUMOUR", b"TUMOR2"))


def _rename_mask(trial):
    (trial / "ct.nii.gz").rename(trial / "renamed.nii.gz")
    (trial / "ct.labels.csv").rename(trial / "renamed.labels.csv")
    cases = trial / "cases.csv"
    cases.write_text(cases.read_text().replace("ct.nii.gz", "renamed.nii.gz"))


def _edit_quantity(trial):
    cases = trial / "cases.csv"
    cases.write_text(cases.read_text().replace(",hu", ",signal"))


def _edit_map(trial):
    study = trial / "study.yaml"
    study.write_text(study.read_text().replace("GTV:", "LESION:"))


CHANGES = {
    "header": (_change_header, {"ct"}),
    "slope": (_change_slope, {"ct"}),
    "pixels": (_change_pixels, {"ct"}),
    "voxels of a NIfTI": (_change_voxels, {"nii"}),
    "mask": (_change_mask, {"ct"}),
    "name in a label table": (_rename_label, {"nii"}),
    "label file renamed": (_rename_mask, {"ct"}),
    "quantity": (_edit_quantity, {"nii"}),
    "ROI map": (_edit_map, {"ct", "nii"}),
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_change_with_size_and_time_kept_gives_what_an_empty_cache_gives(trial, tmp_path, what):
    change, concerned = CHANGES[what]
    _run(trial, tmp_path / "out", tmp_path / "cache")
    assert set(_actions(_run(trial, tmp_path / "out", tmp_path / "cache")).values()) == {"reuse"}
    before = _tables(tmp_path / "out")
    change(trial)
    report = _run(trial, tmp_path / "out", tmp_path / "cache")
    assert {role for role, action in _actions(report).items() if action == "run"} == concerned
    assert _tables(tmp_path / "out") == _as_from_nothing(trial, tmp_path)
    assert _tables(tmp_path / "out") != before


def _let_the_index_lie(cache: Path, *paths: Path) -> None:
    """Have what the index knows stand under the signatures that files have now."""
    (index,) = cache.glob("files-*.sqlite")
    with sqlite3.connect(index) as connection:
        for path in paths:
            for table in ("files", "digests"):
                connection.execute(
                    f"UPDATE {table} SET size = ?, mtime_ns = ?, ctime_ns = ?, inode = ? "
                    "WHERE path = ?",
                    (*inputs.FileSignature.of(path.stat()), os.fsencode(path)),
                )
    connection.close()


def _blank_pixels(trial):
    path = trial / "ct" / "1_003.dcm"
    content = bytearray(path.read_bytes())
    content[-60:] = bytes(60)
    path.write_bytes(bytes(content))
    return [path]


def _widen_pixels(trial):
    paths = sorted((trial / "ct").iterdir())
    for path in paths:
        dataset = dcmread(path)
        dataset.PixelSpacing = [2.0, 1.004]
        dataset.save_as(path)
    return paths


@pytest.mark.parametrize("change", [_blank_pixels, _widen_pixels])
def test_an_index_that_lies_is_not_asked_by_fresh_and_by_verify(trial, tmp_path, change):
    _run(trial, tmp_path / "out", tmp_path / "cache")
    right = _tables(tmp_path / "out")
    _let_the_index_lie(tmp_path / "cache", *change(trial))
    assert _actions(_run(trial, tmp_path / "out", tmp_path / "cache"))["ct"] == "reuse"
    verified = _run(trial, tmp_path / "out", tmp_path / "cache", verify_inputs=True)
    assert _actions(verified) == {"ct": "run", "nii": "reuse"}
    expected = _as_from_nothing(trial, tmp_path)
    assert _tables(tmp_path / "out") == expected != right
    _run(trial, tmp_path / "fresh", tmp_path / "cache", fresh=True)
    assert _tables(tmp_path / "fresh") == expected


def test_digests_of_patients_under_another_key_are_not_compared(trial, tmp_path, monkeypatch):
    monkeypatch.setenv("BIOMARKER_CACHE_DIR", str(tmp_path / "cache"))

    def forget_key():
        pseudonyms._secret.cache_clear()
        pseudonyms.person_key.cache_clear()

    forget_key()
    _run(trial, tmp_path / "out", tmp_path / "cache")
    (tmp_path / "cache" / "patient.key").unlink()
    forget_key()
    write_series(
        trial / "later",
        axial(*range(0, 18, 3)),
        series="2",
        rows=12,
        columns=12,
        change=lambda _, dataset: setattr(dataset, "PixelData", bytes(288)),
    )
    (trial / "cases.csv").write_text(CASES + "S,1,T2,ct,later,ct.nii.gz,\n")
    _run(trial, tmp_path / "out", tmp_path / "cache")
    assert "study_subject_mismatch" not in (tmp_path / "out" / "measurements.csv").read_text()
    assert _tables(tmp_path / "out") == _as_from_nothing(trial, tmp_path)
    forget_key()


def test_a_header_swapped_while_it_is_planned_is_not_measured_with_other_voxels(
    trial, tmp_path, monkeypatch
):
    header = trial / "image.mhd"
    image = (np.arange(np.prod(GRID.shape)) % 251).astype("<i2")
    (trial / "a.raw").write_bytes(image.tobytes())
    (trial / "b.raw").write_bytes(image[::-1].tobytes())
    text = (
        "ObjectType = Image\nNDims = 3\nDimSize = 12 12 6\nElementType = MET_SHORT\n"
        "TransformMatrix = 1 0 0 0 1 0 0 0 1\nElementSpacing = 1 2 3\n"
        "Offset = -10 -20 0\nBinaryDataByteOrderMSB = False\n"
        "ElementDataFile = a.raw\n"
    )
    header.write_text(text)
    (trial / "cases.csv").write_text(CASES.replace("image.nii", "image.mhd"))
    original = planned.image_paths

    def image_paths(plan):
        found = original(plan)
        if header in found:
            header.write_text(text.replace("a.raw", "b.raw"))
        return found

    with monkeypatch.context() as during:
        during.setattr(planned, "image_paths", image_paths)
        report = _run(trial, tmp_path / "out", tmp_path / "cache")
    assert {r.head.role: r.head.error_code for r in report.results}["nii"] == "INPUT-CHANGED"
    report = _run(trial, tmp_path / "out", tmp_path / "cache")
    assert {r.head.status for r in report.results} == {"measured"}
    assert _tables(tmp_path / "out") == _as_from_nothing(trial, tmp_path)


def test_what_an_index_said_of_a_changed_case_is_forgotten(trial, tmp_path):
    _run(trial, tmp_path / "out", tmp_path / "cache")
    _let_the_index_lie(tmp_path / "cache", *_blank_pixels(trial))
    _edit_map(trial)  # something has the case measured anew
    report = _run(trial, tmp_path / "out", tmp_path / "cache")
    assert [r.head.error_code for r in report.results] == ["INPUT-CHANGED", ""]
    report = _run(trial, tmp_path / "out", tmp_path / "cache")
    assert [r.head.error_code for r in report.results] == ["", ""]
    assert _tables(tmp_path / "out") == _as_from_nothing(trial, tmp_path)


@pytest.mark.parametrize("victim", ["ct/1_002.dcm", "ct.nii.gz", "ct.labels.csv"])
@pytest.mark.parametrize("put_back", [False, True])
@pytest.mark.parametrize("planned_again", [False, True])
def test_a_file_swapped_between_plan_and_measuring_is_named_and_measured_again(
    trial, tmp_path, monkeypatch, victim, put_back, planned_again
):
    # The index knows the headers: nothing is kept in memory.
    scan([trial / "ct"], index=FileIndex(tmp_path / "cache"))
    if planned_again:
        monkeypatch.setattr(planning, "_KEPT_SLICES", 0)
    path = trial / victim
    kept, right = path.with_name("kept"), path.read_bytes()

    def swap() -> None:
        path.rename(kept)
        path.write_bytes(right[:-1] + bytes([right[-1] ^ 1]))
        if put_back:
            kept.replace(path)

    report = _run(trial, tmp_path / "out", tmp_path / "cache", between=swap)
    result = {r.head.role: r for r in report.results}["ct"]
    assert result.head.error_code == "INPUT-CHANGED"
    assert path.name in result.head.error_message
    assert result.head.key == ""
    if not put_back:
        kept.replace(path)
    again = _run(trial, tmp_path / "out", tmp_path / "cache")
    assert _actions(again) == {"ct": "run", "nii": "reuse"}
    assert _tables(tmp_path / "out") == _as_from_nothing(trial, tmp_path)


@pytest.mark.parametrize("victim", ["1_000.dcm", "1_002.dcm", "1_005.dcm"])
@pytest.mark.parametrize("gone", [False, True])
@pytest.mark.parametrize("room", [0, inputs.KEPT_BYTES])
def test_a_slice_that_changes_while_the_run_is_planned_is_never_left_out(
    trial, tmp_path, monkeypatch, victim, gone, room
):
    path = trial / "ct" / victim
    content = path.read_bytes()
    original = catalogue_module.find_files

    def find_files(paths):
        found = original(paths)
        if any(file.path == str(path) for file in found.files):
            path.unlink() if gone else path.write_bytes(content + b"\0\0")
        return found

    monkeypatch.setattr(planning, "KEPT_BYTES", room)
    with monkeypatch.context() as during:
        during.setattr(catalogue_module, "find_files", find_files)
        report = _run(trial, tmp_path / "out", tmp_path / "cache")
    codes = [r.head.error_code for r in report.results]
    assert codes[0] in {"INPUT-CHANGED", "CASE-FILE-UNREADABLE"}
    assert codes[1] == ""
    path.write_bytes(content)
    report = _run(trial, tmp_path / "out", tmp_path / "cache")
    assert {r.head.status for r in report.results} == {"measured"}
    assert _tables(tmp_path / "out") == _as_from_nothing(trial, tmp_path)


def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "a.dcm"
    path.write_bytes(b"x" * 100)
    original = os.fstat
    calls = []

    def fstat(descriptor):
        calls.append(descriptor)
        if len(calls) == 2:
            with path.open("ab") as file:
                file.write(b"y")
        return original(descriptor)

    monkeypatch.setattr(inputs.os, "fstat", fstat)
    with pytest.raises(inputs.InputError) as caught:
        inputs.read_whole(path)
    assert caught.value.code == "INPUT-CHANGED"


def test_what_is_no_regular_file_is_refused_and_never_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.dcm")
    for path in (tmp_path / "pipe.dcm", Path("/dev/zero"), tmp_path):
        with pytest.raises((inputs.InputError, IsADirectoryError)) as caught:
            inputs.read_whole(path)
        assert getattr(caught.value, "code", "FILE-NOT-REGULAR") == "FILE-NOT-REGULAR"


def test_content_that_differs_under_one_signature_is_refused(tmp_path):
    path = tmp_path / "a.dcm"
    path.write_bytes(b"right")
    signature = inputs.FileSignature.of(path.stat())
    earlier = inputs.FileRead(signature, hashlib.sha256(b"other").hexdigest())
    files = inputs.InputFiles({path: inputs.KnownFile(signature, earlier)})
    with pytest.raises(inputs.InputError) as caught:
        files.content(path)
    assert caught.value.code == "INPUT-CHANGED"


AUDIT = """
import os, sys
descriptor = os.open(os.environ["AUDIT_LOG"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
def hook(event, arguments):
    if event == "open" and isinstance(arguments[0], (str, bytes, os.PathLike)):
        path = os.fsdecode(arguments[0])
        if path.startswith(os.environ["AUDIT_BELOW"]):
            os.write(descriptor, os.fsencode(path) + b"\\n")
sys.addaudithook(hook)
import pydicom.filereader as reader
original = reader.read_partial
def read_partial(*arguments, **options):
    os.write(descriptor, b"parse " + repr(arguments[0]).encode() + b"\\n")
    return original(*arguments, **options)
reader.read_partial = read_partial
"""


def _audited(trial, out, tmp_path, *more):
    (tmp_path / "audit").mkdir(exist_ok=True)
    (tmp_path / "audit" / "sitecustomize.py").write_text(AUDIT)
    log = tmp_path / "audit.log"
    log.unlink(missing_ok=True)
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(tmp_path / "audit"), str(CHECKOUT)]),
        "AUDIT_LOG": str(log),
        "AUDIT_BELOW": str(trial),
        "BIOMARKER_CACHE_DIR": str(tmp_path / "cache"),
    }
    command = [sys.executable, "-m", "biomarker_cli", "run", str(trial / "study.yaml")]
    done = subprocess.run(
        [*command, "-o", str(out), *more],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    lines = log.read_text().splitlines()
    opened = [line for line in lines if line.endswith(".dcm") and "/image/" in line]
    return opened, [line for line in lines if line.startswith("parse")]


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_first_run_opens_each_image_file_once_and_a_second_none(sample_dir, tmp_path, jobs):
    trial = tmp_path / "trial"
    others = shutil.ignore_patterns("*.py", "__pycache__", "response")
    shutil.copytree(sample_dir, trial, ignore=others)
    images = {str(p) for p in trial.rglob("*.dcm") if p.parent.name == "image"}
    assert len(images) > 100
    opened, parses = _audited(trial, tmp_path / "out", tmp_path, "--jobs", jobs)
    assert sorted(opened) == sorted(images)
    # RTSTRUCT and SEG are for pydicom; no image is.
    masks = [p for p in trial.rglob("*.dcm") if p.parent.name != "image"]
    assert len(parses) <= 2 * len(masks)
    opened, parses = _audited(trial, tmp_path / "out", tmp_path, "--jobs", jobs)
    assert opened == []
    assert parses == []


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content[:200],
        lambda content: content[:-1],
        lambda content: content.replace(b",ok,", b",OK,", 1),
        lambda content: content.replace(b'"study": "doors"', b'"study": "other"'),
        lambda content: content.replace(b"biomarker-result/7", b"biomarker-result/1"),
        lambda content: content.replace(b'"status": "measured"', b'"status": "excluded"', 1),
        lambda content: content.replace(b'"error_code": ""', b'"error_code": "ANY"', 1),
        lambda content: re.sub(rb'"pixels": "\w+"', b'"pixels": ""', content),
        lambda content: re.sub(rb'"rois": \[\{.*?\}\]', b'"rois": []', content),
        lambda content: re.sub(rb'"dictionaries": \{.*?\}', b'"dictionaries": {}', content),
        lambda content: re.sub(rb'"lengths": \[\d', b'"lengths": [9', content),
        lambda content: b"[" * 100_000,
        lambda content: b"",
        lambda content: b"{}\n",
        lambda content: b"\xff\x00" * 20,
    ],
)
def test_a_result_that_is_not_as_it_was_written_is_measured_again(trial, tmp_path, damage):
    _run(trial, tmp_path / "out", tmp_path / "cache")
    before = _tables(tmp_path / "out")
    path = tmp_path / "out" / "results" / "S__1__T1__ct.result"
    right = path.read_bytes()
    path.write_bytes(damage(right))
    assert path.read_bytes() != right
    report = _run(trial, tmp_path / "out", tmp_path / "cache")
    (decision,) = [d for d in report.decisions if d.action == "run"]
    assert decision.distrusted
    assert "stored result" in decision.reason
    assert _tables(tmp_path / "out") == before


def test_a_result_of_another_case_under_its_name_is_measured_again(trial, tmp_path):
    _run(trial, tmp_path / "out", tmp_path / "cache")
    before = _tables(tmp_path / "out")
    results = tmp_path / "out" / "results"
    shutil.copy(results / "S__2__T1__nii.result", results / "S__1__T1__ct.result")
    report = _run(trial, tmp_path / "out", tmp_path / "cache")
    assert _actions(report) == {"ct": "run", "nii": "reuse"}
    assert _tables(tmp_path / "out") == before


@pytest.mark.parametrize("content", [None, b"", b"{", b"[]", b"[" * 100_000])
def test_a_damaged_study_file_of_the_results_is_made_anew(trial, tmp_path, content):
    _run(trial, tmp_path / "out", tmp_path / "cache")
    marker = tmp_path / "out" / "results" / "study.json"
    marker.unlink()
    if content is not None:
        marker.write_bytes(content)
    report = _run(trial, tmp_path / "out", tmp_path / "cache")
    assert set(_actions(report).values()) == {"reuse"}
    assert any("study.json" in remark for remark in report.remarks)


def test_a_damaged_dictionary_costs_the_cases_that_name_it(trial, tmp_path):
    _run(trial, tmp_path / "out", tmp_path / "cache")
    before = _tables(tmp_path / "out")
    for path in (tmp_path / "out" / "results" / "features").iterdir():
        path.write_text(path.read_text().replace("original", "modified", 1))
    report = _run(trial, tmp_path / "out", tmp_path / "cache")
    assert set(_actions(report).values()) == {"run"}
    assert _tables(tmp_path / "out") == before


def test_the_dictionary_of_features_stands_once_for_cases_alike(trial, tmp_path):
    cases = trial / "cases.csv"
    cases.write_text(cases.read_text() + "S,3,T1,nii,image.nii,nii.nii.gz,hu\n")
    _run(trial, tmp_path / "out", tmp_path / "cache")
    results = tmp_path / "out" / "results"
    assert len(list(results.glob("*.result"))) == 3
    assert len(list((results / "features").iterdir())) <= 2


def _duplicate(trial):
    """Give the second subject a copy of the first one's series, with UIDs of its own."""
    shutil.copytree(trial / "ct", trial / "copy")
    for number, path in enumerate(sorted((trial / "copy").iterdir())):
        dataset = dcmread(path)
        dataset.StudyInstanceUID = dataset.StudyInstanceUID + ".9"
        dataset.SeriesInstanceUID = dataset.SeriesInstanceUID[:-2] + ".9"
        uid = dataset.SOPInstanceUID[:-3] + f".{number + 1}"
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = uid
        dataset.PatientID = "P2"
        dataset.save_as(path)
    cases = trial / "cases.csv"
    cases.write_text(cases.read_text() + "S,9,T1,ct,copy,ct.nii.gz,\n")


@pytest.mark.parametrize("integrity", ["flag", "refuse"])
@pytest.mark.parametrize("order", [1, -1])
def test_copied_pixels_are_found_whatever_the_order_and_nothing_stored_says_so(
    trial, tmp_path, integrity, order
):
    _run(trial, tmp_path / "out", tmp_path / "cache")
    stored = (tmp_path / "out" / "results" / "S__1__T1__ct.result").read_bytes()
    _duplicate(trial)
    study, cases = trial / "study.yaml", trial / "cases.csv"
    study.write_text(study.read_text().replace("integrity: flag", f"integrity: {integrity}"))
    head, *lines = cases.read_text().splitlines()
    cases.write_text("\n".join([head, *lines[::order]]) + "\n")
    report = _run(trial, tmp_path / "out", tmp_path / "cache")
    twins = {"S/1/T1/ct", "S/9/T1/ct"}
    with (tmp_path / "out" / "measurements.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    if integrity == "flag":
        flagged = {r["case_id"] for r in rows if "study_duplicate_data" in r["flags"]}
        assert flagged == twins
        assert all("study_duplicate_data" in r["flags"] for r in rows if r["case_id"] in twins)
    else:
        assert {r.case_id for r in report.results if r.head.error_code} == twins
        assert {r.head.error_code for r in report.results} == {"", "STUDY-DUPLICATE-DATA"}
        assert not [r for r in rows if r["case_id"] in twins and r["status"] == "ok"]
    assert (tmp_path / "out" / "results" / "S__1__T1__ct.result").read_bytes() == stored
    # Once the copy is gone, what was stored stands again, and nothing is measured.
    cases.write_text(CASES)
    report = _run(trial, tmp_path / "out", tmp_path / "cache")
    assert set(_actions(report).values()) == {"reuse"}
    assert _tables(tmp_path / "out") == _as_from_nothing(trial, tmp_path)


WIDE = """
format: biomarker-acquisition/1
id: wide
version: 0.1.0
status: draft
title: Over several cases
source: [{doc: none, section: "-", confirmed: {by: recall}}]
changelog: [{version: 0.1.0, date: 2026-11-20, change: first}]
applies_to: {when: {Modality: CT}}
rules:
  - {id: T, title: Thickness, fact: SliceThickness, check: {constant: true}, unit: mm, over: cohort}
tests:
  - {facts: {SliceThickness: 3}, expect: {T: not_evaluable}}
"""


@pytest.mark.parametrize("turn", [1, 3, -1])
def test_the_order_of_the_cases_changes_no_byte(trial, tmp_path, turn):
    """One feature in two units, a mask that is not there, and a rule over the cohort."""
    write_series(
        trial / "thin",
        axial(*range(0, 18, 3)),
        series="2",
        rows=12,
        columns=12,
        change=lambda _, dataset: setattr(dataset, "SliceThickness", 2.0),
    )
    (trial / "wide.yaml").write_text(WIDE)
    study = trial / "study.yaml"
    text = study.read_text().replace("base-ct", "wide.yaml")
    study.write_text(text.replace("nii: {analyses: [radiomics-ct]", "nii: {analyses: [two]"))
    study.write_text(study.read_text().replace("[two]", "[pyradiomics-default], rois: [GTV]"))
    head, *rows = CASES.splitlines()
    rows += [
        "S,3,T1,nii,image.nii,nii.nii.gz,signal",
        "S,4,T1,nii,image.nii,absent.nii,hu",
        "S,5,T1,ct,thin,ct.nii.gz,",
    ]
    found = []
    for order in (rows, rows[turn:] + rows[:turn] if turn > 0 else rows[::-1]):
        (trial / "cases.csv").write_text("\n".join([head, *order]) + "\n")
        _run(trial, tmp_path / "out", tmp_path / "cache")
        found.append(_tables(tmp_path / "out"))
    assert found[0] == found[1]
    with (tmp_path / "out" / "measurements.csv").open(newline="") as stream:
        failed = [r for r in csv.DictReader(stream) if r["case_id"] == "S/4/T1/nii"]
    units = {r["feature_id"]: r["unit"] for r in failed}
    assert units["original.intensity.mean"] == ""
    assert units["original.morphology.volume"] == "mm3"
    checks = (tmp_path / "out" / "checks.csv").read_text()
    assert "cohort" in checks
    assert "fail" in checks


def _pixels(report):
    return {result.case_id: result.head.pixels for result in report.results}


def _segment(image: Path, path: Path, first_column: int) -> None:
    """Write a DICOM SEG over the slices of a folder."""
    import highdicom as hd

    slices = [dcmread(one) for one in sorted(image.iterdir())]
    blank = ("PatientName", "PatientBirthDate", "PatientSex", "StudyID", "AccessionNumber")
    for one in slices:
        for keyword in (*blank, "ReferringPhysicianName", "PositionReferenceIndicator"):
            setattr(one, keyword, "")
        one.StudyDate, one.StudyTime = "20260101", "120000"
    mask = np.zeros(GRID.shape, dtype=np.uint8)
    mask[1:5, 3:9, first_column:10] = 1
    hd.seg.Segmentation(
        source_images=slices,
        pixel_array=mask,
        segmentation_type="BINARY",
        segment_descriptions=[segment_description(1)],
        series_instance_uid=uid("seg", path.name),
        series_number=2,
        sop_instance_uid=uid("instance", path.name),
        instance_number=1,
        manufacturer="m",
        manufacturer_model_name="m",
        software_versions="1",
        device_serial_number="1",
    ).save_as(path)


def test_copied_pixels_are_found_whatever_their_segmentations_hold(trial, tmp_path):
    _duplicate(trial)
    _segment(trial / "ct", trial / "one.dcm", 2)
    _segment(trial / "copy", trial / "two.dcm", 4)
    (trial / "cases.csv").write_text(
        "site_id,subject_id,timepoint,role,image,mask\n"
        "S,1,T1,ct,ct,one.dcm\nS,9,T1,ct,copy,two.dcm\n"
    )
    for _ in range(2):  # read by the plan, and known to the index
        report = _run(trial, tmp_path / "out", tmp_path / "cache")
        assert {r.head.status for r in report.results} == {"measured"}
        assert len(set(_pixels(report).values())) == 1
        with (tmp_path / "out" / "measurements.csv").open(newline="") as stream:
            assert all("study_duplicate_data" in r["flags"] for r in csv.DictReader(stream))


def test_copied_pixels_are_found_where_their_uids_put_the_series_in_another_order(trial, tmp_path):
    for folder, names in (("one", ("a", "b")), ("two", ("d", "c"))):
        for number, series in enumerate(names, start=1):
            write_series(
                trial / folder,
                axial(*range(0, 18, 3)),
                series=series,
                rows=12,
                columns=12,
                change=lambda _, dataset, n=number: setattr(
                    dataset, "PixelData", bytes([n, 0]) * 144
                ),
            )
    (trial / "cases.csv").write_text(
        "site_id,subject_id,timepoint,role,image,mask\n"
        "S,1,T1,ct,one,ct.nii.gz\nS,9,T1,ct,two,ct.nii.gz\n"
    )
    report = _run(trial, tmp_path / "out", tmp_path / "cache")
    uids = [[c.series_uid for c in scan([trial / name]).volumes] for name in ("one", "two")]
    positions = [[uid("series", s) for s in names] for names in (("a", "b"), ("d", "c"))]
    assert {u.index(p[0]) for u, p in zip(uids, positions, strict=True)} == {0, 1}
    first, second = _pixels(report).values()
    assert first == second != ""


def test_copied_pixels_are_found_where_one_of_the_cases_died(trial, tmp_path, monkeypatch):
    _duplicate(trial)
    study = trial / "study.yaml"
    study.write_text(study.read_text().replace("integrity: flag", "integrity: refuse"))
    original = executors.run_case

    def run_case(plan):
        if plan.subject_id == "1":
            raise ArithmeticError
        return original(plan)

    monkeypatch.setattr(executors, "run_case", run_case)
    report = _run(trial, tmp_path / "out", tmp_path / "cache")
    codes = {r.case_id: r.head.error_code for r in report.results}
    assert codes["S/9/T1/ct"] == "STUDY-DUPLICATE-DATA"


def test_a_pet_that_two_analyses_measure_is_read_once(sample_dir, tmp_path, monkeypatch):
    from biomarker_cli.catalogue import reading

    study = tmp_path / "study.yaml"
    image = sample_dir / "centre_a/S0001/T1/pet"
    study.write_text(
        textwrap.dedent(
            """
            format: biomarker-study/1
            id: two
            roles:
              pet: {analyses: [fdg-suv, radiomics-pet]}
            """
        )
    )
    (tmp_path / "cases.csv").write_text(
        "site_id,subject_id,timepoint,role,image,mask,weight_kg\n"
        f"S,1,T1,pet,{image / 'image'},{image / 'seg.dcm'},70\n"
    )
    key_of_first_run(tmp_path)
    read = []
    original = reading._read_arrays
    monkeypatch.setattr(
        reading, "_read_arrays", lambda c, *rest: read.append(c.volume_id) or original(c, *rest)
    )
    report = _run(tmp_path, tmp_path / "out", tmp_path / "cache")
    assert {r.head.status for r in report.results} == {"measured"}
    assert len(read) == 1


@pytest.mark.parametrize("damage", ["cut", "empty", "link", "notes"])
def test_a_slice_that_is_cut_inside_its_header_is_never_left_out_silently(trial, tmp_path, damage):
    path = trial / "ct" / "1_005.dcm"
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:300])
    elif damage == "empty":
        path.write_bytes(b"")
    elif damage == "link":
        path.unlink()
        path.symlink_to(tmp_path / "nowhere.dcm")
    else:
        (trial / "ct" / "notes.txt").write_text("no slice")
    _run(trial, tmp_path / "out", tmp_path / "cache")
    with (tmp_path / "out" / "measurements.csv").open(newline="") as stream:
        flags = {r["flags"] for r in csv.DictReader(stream) if r["case_id"] == "S/1/T1/ct"}
    assert all(("files_unusable" in text) is (damage != "notes") for text in flags)
    assert flags


def test_what_was_not_settled_when_it_was_read_is_not_kept_though_it_settles_later(
    trial, tmp_path, monkeypatch
):
    index = FileIndex(tmp_path / "cache")
    monkeypatch.setattr(inputs, "FINE_SETTLING_NS", 10**12)
    original = FileIndex.remember

    def remember(self, new):
        # The clock has gone on when the index is written.
        monkeypatch.setattr(inputs, "FINE_SETTLING_NS", 0)
        original(self, new)

    monkeypatch.setattr(FileIndex, "remember", remember)
    scan([trial / "ct"], index=index)
    files = find_files([trial / "ct"])
    assert index.known(files.roots, files.files) == {}
