"""``export seg`` and ``export sr`` as a user meets them, on the sample trial."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest

from biomarker_cli.catalogue.catalogue import Catalogue
from biomarker_cli.dicom.identity import UidMap
from biomarker_cli.exchange.errors import NotExportedError
from biomarker_cli.exchange.results.handing_out import Outgoing, regions_of_case
from biomarker_cli.exchange.results.outgoing_run import read_run
from biomarker_cli.exchange.results.reporting import ReportRules, export_reports
from biomarker_cli.exchange.results.source_images import SourceImages
from biomarker_cli.response.tables import RESPONSE
from biomarker_cli.tables.errors import TableError
from biomarker_cli.tables.kept import case_folder, read_index, read_map, read_mask, write_index
from biomarker_cli.tables.package import write_datapackage
from biomarker_cli.tables.writing import write_table

PET = "CENTRE_A/S0001/T1/pet"


@pytest.fixture(scope="module")
def trial(biomarker, sample_dir, tmp_path_factory):
    """Study of the sample trial that keeps masks, and beside it the folder of its run."""
    folder = tmp_path_factory.mktemp("outgoing")
    others = shutil.ignore_patterns("*.py", "__pycache__", "response")
    shutil.copytree(sample_dir, folder / "trial", ignore=others)
    study = folder / "trial" / "study.yaml"
    study.write_text(study.read_text() + "keep: [masks, maps]\n")
    cases = study.parent / "cases.csv"
    head, *lines = cases.read_text().splitlines(keepends=True)
    kept = ("CENTRE_A,S0001,T1,pet", "CENTRE_A,S0001,T1,dwi", "CENTRE_B,S0002,T1,pet")
    some = [line for line in lines if line.startswith(kept)]
    cases.write_text("".join([head, *some]))
    done = biomarker("run", study, "-o", folder / "run", "--jobs", 2)
    assert done.returncode == 0, done.stderr
    return study


@pytest.fixture(scope="module")
def run(trial):
    return trial.parent.parent / "run"


@pytest.fixture(scope="module")
def segs(biomarker, trial, run):
    folder = run.parent / "segs"
    done = biomarker("export", "seg", run, "--study", trial, "-o", folder)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "3 segmentations of 3 cases\n"
    return folder


def _rows(folder):
    with (folder / "objects.csv").open() as stream:
        return {row["case_id"]: row for row in csv.DictReader(stream)}


def errors_of_dciodvfy(path):
    """Return the errors that dicom3tools finds in an object, where it is installed."""
    if shutil.which("dciodvfy") is None:
        pytest.skip("dicom3tools is not installed")
    done = subprocess.run(["dciodvfy", path], capture_output=True, text=True, check=False)
    return [line for line in (done.stdout + done.stderr).splitlines() if "Error" in line]


def test_every_mask_comes_back_voxel_by_voxel(run, segs):
    import highdicom

    n_segments = 0
    for case_id, row in _rows(segs).items():
        written = highdicom.seg.segread(segs / row["file"])
        folder = case_folder(run, case_id)
        files = {one.roi_id: one for one in read_index(folder).of_kind("masks")}
        for number in written.segment_numbers:
            description = written.get_segment_description(number)
            region = read_mask(folder, files.pop(description.tracking_id)).region
            found = written.get_volume(segment_numbers=[number], rescale_fractional=False)
            first = np.linalg.inv(region.geometry.affine) @ np.append(found.position, 1.0)
            x, y, z = np.rint(first[:3]).astype(int)
            whole = np.zeros(region.geometry.shape, bool)
            array = np.asarray(found.array[..., 0], bool)
            step = int(np.sign(found.affine[2, 0]))
            for index, plane in enumerate(array):
                whole[z + step * index, y:, x:] = plane
            np.testing.assert_array_equal(whole, region.mask)
            n_segments += 1
        assert not files
    assert n_segments == 6


def test_the_segments_are_measured_as_the_masks_were(biomarker, trial, run, segs):
    """The importer of the tool itself finds the voxels, in an image under the same UIDs."""
    out = run.parent / "kept_identity"
    done = biomarker(
        "export",
        "seg",
        run,
        "--image",
        trial.parent,
        "--identity",
        "keep",
        "--case",
        PET,
        "-o",
        out,
    )
    assert done.returncode == 0, done.stderr
    assert "(--identity keep)" in done.stderr
    row = _rows(out)[PET]
    image = trial.parent / "centre_a" / "S0001" / "T1" / "pet" / "image"
    done = biomarker("regions", out / row["file"], "--image", image, "--format", "json")
    assert done.returncode == 0, done.stderr
    found = {one["roi_id"]: one["n_voxels"] for one in json.loads(done.stdout)}
    with (run / "rois.csv").open() as stream:
        rois = [one for one in csv.DictReader(stream) if one["case_id"] == PET]
    assert found == {one["roi_id"]: int(one["n_voxels"]) for one in rois}
    source = pydicom.dcmread(next(image.glob("*.dcm")), stop_before_pixels=True)
    written = pydicom.dcmread(out / row["file"])
    for keyword in ("PatientID", "PatientName", "StudyInstanceUID", "FrameOfReferenceUID"):
        assert written[keyword].value == source[keyword].value
    assert written.SOPInstanceUID != _rows(segs)[PET]["sop_instance_uid"]
    tracking = {item.TrackingUID for item in written.SegmentSequence}
    assert tracking >= {one["tracking_uid"] for one in rois if one["tracking_uid"]}


def test_objects_are_valid(segs):
    for path in segs.glob("*.dcm"):
        assert errors_of_dciodvfy(path) == []


def test_the_same_run_gives_the_same_bytes(biomarker, trial, run, segs):
    again = run.parent / "again"
    biomarker("export", "seg", run, "--study", trial, "-o", again)
    names = sorted(path.name for path in segs.iterdir())
    assert names == sorted(path.name for path in again.iterdir())
    for name in names:
        assert (segs / name).read_bytes() == (again / name).read_bytes()


def test_nothing_of_the_source_leaves_under_the_identity_of_the_study(trial, run, segs):
    image = trial.parent / "centre_a" / "S0001" / "T1" / "pet" / "image"
    source = pydicom.dcmread(next(image.glob("*.dcm")), stop_before_pixels=True)
    content = (segs / _rows(segs)[PET]["file"]).read_bytes()
    for element in source.iterall():
        text = str(element.value).encode()
        registered = text.startswith(b"1.2.840.10008.")
        if element.VR in {"UI", "PN", "LO", "SH", "DA"} and len(text) > 5 and not registered:
            assert text not in content, element.keyword
    written = pydicom.dcmread(segs / _rows(segs)[PET]["file"])
    assert written.PatientID == "S0001"
    assert written.StudyInstanceUID == _rows(segs)[PET]["study_uid"]


def test_what_cannot_leave_is_a_row_and_the_others_go_on(biomarker, trial, run, tmp_path):
    broken = tmp_path / "run"
    shutil.copytree(run, broken)
    next((case_folder(broken, PET) / "masks").iterdir()).write_bytes(b"{}")
    shutil.rmtree(case_folder(broken, "CENTRE_A/S0001/T1/dwi"))
    out = tmp_path / "out"
    done = biomarker("export", "seg", broken, "--study", trial, "-o", out)
    assert done.returncode == 5
    rows = _rows(out)
    assert rows[PET]["error_code"] == "KEPT-DAMAGED"
    assert rows["CENTRE_A/S0001/T1/dwi"]["error_code"] == "KEPT-NOT-FOUND"
    assert sum(row["status"] == "written" for row in rows.values()) == 1
    done = biomarker("export", "seg", broken, "--study", trial, "-o", out)
    assert done.returncode == 2
    assert "OUTPUT-EXISTS" in done.stderr


def test_images_that_are_not_there(biomarker, trial, run, tmp_path):
    only = trial.parent / "centre_b"
    done = biomarker("export", "seg", run, "--study", trial, "--image", only, "-o", tmp_path / "o")
    assert done.returncode == 5
    assert {row["error_code"] for row in _rows(tmp_path / "o").values()} == {"", "EXPORT-NO-IMAGE"}
    none = ("--case", PET, "--image", only, "-o", tmp_path / "p")
    assert biomarker("export", "seg", run, "--study", trial, *none).returncode == 6


@pytest.mark.parametrize(
    ("broken", "code"),
    [
        (lambda run, study: (study.parent / "study.key").write_text("ab" * 32), "EXPORT-OTHER-KEY"),
        (lambda run, study: (study.parent / "study.key").unlink(), "STUDY-NO-KEY"),
        (lambda run, study: (run / "manifest.json").write_text("{}"), "TABLE-MANIFEST"),
        (
            lambda run, study: (run / "manifest.json").write_text(
                re.sub(r'"created": "[^"]*"', '"created": 3', (run / "manifest.json").read_text())
            ),
            "TABLE-MANIFEST",
        ),
        (lambda run, study: (run / "cases.csv").write_text("case_id\n"), "TABLE-CHANGED"),
        (lambda run, study: (run / "datapackage.json").unlink(), "TABLE-NOT-FOUND"),
    ],
    ids=["another key", "no key", "no manifest", "no time", "edited table", "no run"],
)
def test_a_run_that_cannot_be_handed_out(broken, code, biomarker, trial, run, tmp_path):
    folder, study = tmp_path / "run", tmp_path / "trial" / "study.yaml"
    shutil.copytree(run, folder, ignore=shutil.ignore_patterns("kept", "results"))
    study.parent.mkdir()
    shutil.copy(trial, study)
    shutil.copy(trial.parent / "study.key", study.parent)
    broken(folder, study)
    done = biomarker("export", "seg", folder, "--study", study, "-o", tmp_path / "out")
    assert done.returncode in {2, 3}
    assert f"error {code}:" in done.stderr
    assert not (tmp_path / "out").exists()


def test_what_must_be_said(biomarker, run, tmp_path):
    for words in ((), ("--image", run), ("--identity", "keep")):
        done = biomarker("export", "seg", run, "-o", tmp_path / "out", *words)
        assert done.returncode == 2
        assert "say --" in done.stderr
    # Neither its key nor its place is asked for.
    words = ("--identity", "keep", "--image", run, "--study", run / "study.yaml")
    done = biomarker("export", "seg", run, "-o", tmp_path / "out", *words)
    assert done.returncode == 2
    assert "--study does nothing" in done.stderr
    done = biomarker(
        "export", "seg", run, "--case", "x\x1b[2J", "--identity", "keep", "-o", tmp_path / "out"
    )
    assert (done.returncode, "\x1b" in done.stderr) == (2, False)
    assert "EXPORT-NO-CASE" in done.stderr


@pytest.fixture(scope="module")
def reports(biomarker, trial, run):
    folder = run.parent / "reports"
    done = biomarker("export", "sr", run, "--study", trial, "--usable", "all", "-o", folder)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "6 objects of 3 cases\n"
    return folder


@pytest.fixture(scope="module")
def groups(reports):
    """Return the groups of the report of each case, as highdicom reads them."""
    import highdicom

    with (reports / "objects.csv").open() as stream:
        rows = [row for row in csv.DictReader(stream) if row["kind"] == "sr"]
    read = {row["case_id"]: highdicom.sr.srread(reports / row["file"]) for row in rows}
    return {
        case_id: report.content.get_volumetric_roi_measurement_groups()
        for case_id, report in read.items()
    }


def _parameters(measurement):
    texts = [
        item.value
        for item in measurement[0].ContentSequence
        if item.ValueType == "TEXT" and item.ConceptNameCodeSequence[0].CodeValue == "111002"
    ]
    return dict(text.split("=", 1) for text in texts)


def test_every_value_comes_back_with_all_its_digits(run, groups):
    with (run / "measurements.csv").open() as stream:
        expected = {
            (row["case_id"], row["roi_id"], row["feature_id"]): row
            for row in csv.DictReader(stream)
            if row["value"]
        }
    for case_id, of_case in groups.items():
        for group in of_case:
            for one in group.get_measurements():
                said = _parameters(one)
                if not said:
                    assert (one.name.meaning, one.unit.value) == ("Volume", "mm3")
                    continue
                row = expected.pop((case_id, group.tracking_identifier, said["feature_id"]))
                value = one[0].MeasuredValueSequence[0]
                assert value.FloatingPointValue == float(row["value"])
                assert float(value.NumericValue) == pytest.approx(float(row["value"]), rel=1e-13)
                assert one.unit.value == row["unit"]
                assert (said["usable"], said.get("flags", "")) == (row["usable"], row["flags"])
    assert not expected


def test_codes_that_other_readers_look_for(groups):
    found = {}
    for case_id in (PET, PET.replace("pet", "dwi")):
        for group in groups[case_id]:
            for one in group.get_measurements():
                derivation = one.derivation
                found[_parameters(one).get("feature_id")] = (
                    (one.name.value, one.name.scheme_designator),
                    derivation and (derivation.value, derivation.scheme_designator),
                    one.unit.value,
                )
    assert found[None] == (("118565006", "SCT"), None, "mm3")
    suv = (("126401", "DCM"), ("56851009", "SCT"), "g/ml{SUVbw}")
    assert found["suvbw.uptake.max"] == suv
    peak = found["suvbw.uptake.peak.1ml_voxel_centre_at_max"]
    assert peak == (("126401", "DCM"), ("126031", "DCM"), "g/ml{SUVbw}")
    assert found["suvbw.uptake.mtv.fixed_4"] == (("126032", "DCM"), None, "mL")
    assert found["suvbw.uptake.cov"][0] == ("suvbw.uptake.cov", "99BIOMARKER")
    assert found["adc.intensity.mean"] == (("113041", "DCM"), ("373098007", "SCT"), "mm2/s")
    assert found["adc.intensity.p10"][:2] == (("113041", "DCM"), ("QG58", "IBSI"))
    assert found["adc.intensity.skewness"][:2] == (("KE2A", "IBSI"), None)


def test_a_report_refers_to_the_segment_and_the_analysis(run, segs, reports, groups):
    written = pydicom.dcmread(segs / _rows(segs)[PET]["file"])
    segments = {item.SegmentLabel: item for item in written.SegmentSequence}
    with (run / "features.csv").open() as stream:
        digests = {row["analysis_id"]: row["analysis_sha256"] for row in csv.DictReader(stream)}
    assert len(groups[PET]) == 4
    for group in groups[PET]:
        segment = group.referenced_segment
        item = segments[group.tracking_identifier]
        assert segment.referenced_sop_instance_uid == written.SOPInstanceUID
        assert segment.referenced_segment_numbers == [item.SegmentNumber]
        assert group.tracking_uid == item.TrackingUID
        if len(group.get_measurements()) > 1:
            said = _parameters(group)
            assert said["analysis_sha256"] == digests[said["analysis_id"]]
    # The SEG beside the report is the one that `export seg` writes.
    name = _rows(segs)[PET]["file"]
    assert (reports / name).read_bytes() == (segs / name).read_bytes()


def test_reports_are_valid(reports):
    for path in reports.glob("*sr.dcm"):
        assert errors_of_dciodvfy(path) == []


def test_the_same_run_gives_the_same_reports(biomarker, trial, run, reports):
    again = run.parent / "reports_again"
    words = ("--usable", "all", "--case", PET, "-o", again)
    assert biomarker("export", "sr", run, "--study", trial, *words).returncode == 0
    name = next(path.name for path in again.glob("*sr.dcm"))
    assert (again / name).read_bytes() == (reports / name).read_bytes()


def test_what_may_not_be_pooled_stays(biomarker, trial, run, tmp_path):
    with (run / "measurements.csv").open() as stream:
        rows = [row for row in csv.DictReader(stream) if row["value"]]
    out = tmp_path / "out"
    done = biomarker("export", "sr", run, "--study", trial, "--format", "json", "-o", out)
    told = {
        one["case_id"]: one for one in json.loads(done.stdout)["objects"] if one["kind"] == "sr"
    }
    for case_id, one in told.items():
        of_case = [row for row in rows if row["case_id"] == case_id]
        n_left_out = sum(row["usable"] == "no" for row in of_case)
        if n_left_out == len(of_case):
            assert one["error_code"] == "EXPORT-NO-VALUE"
        else:
            assert one["n_left_out"] == n_left_out
            n_rois = len({row["roi_id"] for row in of_case if row["usable"] != "no"})
            assert one["n_items"] == len(of_case) - n_left_out + n_rois
    assert {one["status"] for one in told.values()} == {"written", "failed"}
    assert done.returncode == 5


def test_what_was_exported_comes_back_the_same(biomarker, run, reports, tmp_path):
    table = tmp_path / "back.csv"
    done = biomarker("import", "sr", *sorted(reports.glob("*sr.dcm")), "-o", table)
    assert done.returncode == 0, done.stderr
    with (run / "measurements.csv").open() as stream:
        expected = {
            tuple(row[name] for name in row) for row in csv.DictReader(stream) if row["value"]
        }
    with table.open() as stream:
        found = {
            tuple(row.values())[:9]
            for row in csv.DictReader(stream)
            if row["feature_id"] != "sr.sct.118565006"
        }
    assert found == expected
    done = biomarker("compare", run, table, "--allow-missing")
    assert done.returncode == 0, done.stdout
    done = biomarker("import", "sr", *reports.glob("*sr.dcm"), "-o", table)
    assert (done.returncode, "OUTPUT-EXISTS" in done.stderr) == (2, True)


def test_import_of_reports_some_of_which_are_none(biomarker, reports, tmp_path):
    good, bad = sorted(reports.glob("*sr.dcm"))[0], tmp_path / "bad.dcm"
    bad.write_text("nothing")
    words = ("-o", tmp_path / "rows.csv", "--format", "json")
    done = biomarker("import", "sr", bad, good, *words)
    told = json.loads(done.stdout)
    assert (done.returncode, told["reports"], len(told["refused"])) == (5, 1, 1)
    done = biomarker("import", "sr", bad, "-o", tmp_path / "none.csv")
    assert (done.returncode, (tmp_path / "none.csv").exists()) == (6, False)
    done = biomarker("import", "sr", good, "-o", tmp_path / "rows.txt")
    assert (done.returncode, "OUTPUT-FORMAT" in done.stderr) == (2, True)


def test_maps_leave_with_every_value_and_numbers_refer_to_them(biomarker, trial, run, tmp_path):
    import highdicom

    out = tmp_path / "out"
    words = ("--maps", "--usable", "all", "--case", PET, "-o", out)
    done = biomarker("export", "sr", run, "--study", trial, *words)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "3 objects of 1 case\n"
    objects = {path.stem.rpartition("__")[2]: path for path in out.glob("*.dcm")}
    for path in objects.values():
        assert errors_of_dciodvfy(path) == []
    read = {kind: pydicom.dcmread(path) for kind, path in objects.items()}
    assert len({str(one.StudyInstanceUID) for one in read.values()}) == 1
    folder = case_folder(run, PET)
    kept = read_map(folder, read_index(folder).of_kind("maps")[0])
    found = np.frombuffer(read["pm"].DoubleFloatPixelData, "<f8").reshape(kept.array.shape)
    to_index = np.linalg.inv(kept.geometry.affine)
    for plane, frame in zip(found, read["pm"].PerFrameFunctionalGroupsSequence, strict=True):
        position = np.asarray(frame.PlanePositionSequence[0].ImagePositionPatient, float)
        x, y, z = (to_index @ np.append(position, 1.0))[:3]
        np.testing.assert_allclose((x, y, z - round(z)), 0.0, atol=1e-6)
        np.testing.assert_array_equal(plane, kept.array[round(z)])
    report = highdicom.sr.srread(objects["sr"])
    n_referring = 0
    for group in report.content.get_volumetric_roi_measurement_groups():
        for one in group.get_measurements():
            uids = [image.referenced_sop_instance_uid for image in one.referenced_images]
            is_on_map = _parameters(one).get("feature_id", "").startswith("suvbw.")
            assert uids == ([read["pm"].SOPInstanceUID] if is_on_map else [])
            n_referring += is_on_map
    assert n_referring > 20


def _response(folder, **cells):
    folder.mkdir()
    rows = [
        {"criterion": "recist-1.1@1.0.0", "timepoint": timepoint, "overall": overall, **cells}
        for timepoint, overall in (("T0", ""), ("T1", "PR"), ("T2", "PD"))
    ]
    write_table(RESPONSE, rows, folder)
    write_datapackage([RESPONSE], folder, "response")
    return folder


def test_a_call_leaves_with_the_visit_that_it_is_of(biomarker, trial, run, tmp_path):
    folder = _response(tmp_path / "response", subject_id="S0001", reader="R1")
    out = tmp_path / "out"
    words = ("--usable", "all", "--case", PET, "-o", out)
    done = biomarker("export", "sr", run, "--study", trial, "--response", folder, *words)
    assert done.returncode == 0, done.stderr
    (path,) = out.glob("*sr.dcm")
    assert errors_of_dciodvfy(path) == []
    import highdicom

    (group,) = highdicom.sr.srread(path).content.get_image_measurement_groups()
    (call,) = group.get_qualitative_evaluations()
    assert (call.name.value, call.value.value) == ("112048", "PR")
    assert group.tracking_identifier == "response recist-1.1@1.0.0"
    assert _parameters(group) == {"criterion": "recist-1.1@1.0.0", "reader": "R1"}


def test_a_response_of_another_run_or_an_edited_one_does_not_leave(biomarker, trial, run, tmp_path):
    def told(folder):
        words = ("--response", folder, "-o", tmp_path / "out")
        done = biomarker("export", "sr", run, "--study", trial, *words)
        assert not (tmp_path / "out").exists()
        return done.returncode, done.stderr.split()[1]

    other = _response(tmp_path / "other", subject_id="S9")
    assert told(other) == (2, "EXPORT-OTHER-RESPONSE:")
    table = other / "response.csv"
    table.write_text(table.read_text().replace("S9", "S0001"))
    assert told(other)[1] == "TABLE-CHANGED:"
    assert told(run)[1] == "TABLE-NOT-FOUND:"


def _resealed(folder, name, old, new):
    """Edit a table, and the package that says what it holds: as nobody's run wrote it."""
    table, package = folder / f"{name}.csv", folder / "datapackage.json"
    before = hashlib.sha256(table.read_bytes()).hexdigest()
    table.write_text(re.sub(old, new, table.read_text(), count=1))
    after = hashlib.sha256(table.read_bytes()).hexdigest()
    assert before != after
    package.write_text(package.read_text().replace(before, after))


@pytest.mark.parametrize(
    ("name", "old", "new", "code"),
    [
        ("features", r"suvbw\.uptake\.max", "suvbw.uptake.most", "TABLE-VALUE"),
        ("measurements", r",[0-9.]+,g/ml", ",1e999,g/ml", "TABLE-VALUE"),
        ("measurements", r",[0-9.]+,g/ml", ",=1+1,g/ml", "TABLE-VALUE"),
        ("rois", r",\d+,(\d+\.\d+),", ",7,nan,", "TABLE-VALUE"),
    ],
    ids=["unknown feature", "infinite", "a formula", "a volume that is none"],
)
def test_tables_that_no_run_wrote_do_not_leave(name, old, new, code, trial, run, tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(run, folder, ignore=shutil.ignore_patterns("results"))
    _resealed(folder, name, old, new)
    opened = read_run(folder)
    outgoing = Outgoing(opened, SourceImages(Catalogue(())), UidMap(b"k" * 32))
    with pytest.raises(TableError) as error:
        export_reports(outgoing, tmp_path / "out", opened.cases, ReportRules("all"))
    assert error.value.code == code


def test_masks_of_another_result_and_none_at_all(run, tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(run, folder, ignore=shutil.ignore_patterns("results"))
    opened = read_run(folder)
    case = next(one for one in opened.cases if one.case_id == PET)
    with pytest.raises(NotExportedError) as error:
        opened.kept(replace(case, result_key="another"))
    assert error.value.code == "EXPORT-KEPT-OLD"
    kept = case_folder(folder, PET)
    write_index(replace(read_index(kept), files=()), kept)
    outgoing = Outgoing(opened, SourceImages(Catalogue(())), None)
    with pytest.raises(NotExportedError) as error:
        regions_of_case(outgoing, case, {})
    assert error.value.code == "EXPORT-NO-MASK"


def _seen_by_dcmqi(path, scratch):
    """Return what another program (dcmqi) makes of a report, where it is installed."""
    program = shutil.which(
        "tid1500reader", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    )
    if program is None:
        pytest.skip("dcmqi is not installed")
    out = scratch / f"{path.stem}.json"
    command = [program, "--inputDICOM", path, "--outputMetadata", out]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(out.read_text())


@pytest.mark.oracle
def test_another_program_sees_every_group_and_value(run, reports, tmp_path):
    with (run / "measurements.csv").open() as stream:
        rows = [row for row in csv.DictReader(stream) if row["value"]]
    seen, segments = {}, set()
    for case_id, row in _rows(reports).items():
        path = reports / row["file"]
        said = _seen_by_dcmqi(path, tmp_path)
        assert (said["CompletionFlag"], said["VerificationFlag"]) == ("COMPLETE", "UNVERIFIED")
        seg = pydicom.dcmread(path.with_name(path.name.replace("__sr", f"__{case_id[-3:]}__seg")))
        names = {
            one.SegmentNumber: (one.TrackingID, one.TrackingUID) for one in seg.SegmentSequence
        }
        for group in said["Measurements"]:
            assert group["timePoint"] == case_id.split("/")[2]
            assert group["segmentationSOPInstanceUID"] == seg.SOPInstanceUID
            tracked = group["TrackingIdentifier"], group["TrackingUniqueIdentifier"]
            assert tracked == names[group["ReferencedSegment"]]
            segments.add((case_id, *tracked))
            for item in group["measurementItems"]:
                unit = item["units"]["CodeValue"], item["units"]["CodingSchemeDesignator"]
                told = item["measurementAlgorithmIdentification"].get("AlgorithmParameters", [""])
                feature = told[0].removeprefix("feature_id=")
                seen[case_id, tracked[0], feature] = float(item["value"]), *unit
    assert len(segments) == 6
    expected = {
        (row["case_id"], row["roi_id"], row["feature_id"]): (float(row["value"]), row["unit"])
        for row in rows
    }
    assert len(expected) > 100
    volumes = {key for key in seen if not key[2]}
    assert len(volumes) == 6
    assert seen.keys() - volumes == expected.keys()
    for key, (value, unit) in expected.items():
        assert seen[key][0] == pytest.approx(value, rel=1e-13), key
        assert seen[key][1:] == (unit, "UCUM"), key
