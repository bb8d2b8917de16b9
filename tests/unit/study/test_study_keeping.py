"""What a run keeps: beside the results, which stay as they are; what is missing is made later."""

from __future__ import annotations

import csv
import errno
import itertools
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from kept_study import ALL, ANALYSIS, GRID, adc_map, contents, run, write_keep, write_study
from synthetic_protocols import protocol_head

from biomarker_cli.case import keeping, running
from biomarker_cli.case.plan import CasePlan
from biomarker_cli.catalogue.index import FileIndex
from biomarker_cli.imaging.files import write_nifti
from biomarker_cli.model.errors import BiomarkerError
from biomarker_cli.model.exit_codes import ExitCode
from biomarker_cli.study.keeping import Keeping
from biomarker_cli.study.merging import StudyPart, merge_shards, run_shard
from biomarker_cli.study.planning import StudyPlanner
from biomarker_cli.study.runner import RunOptions, StudyRun
from biomarker_cli.study.shards import Shard
from biomarker_cli.study.study_file import load_study, with_key
from biomarker_cli.tables.kept import (
    case_folder,
    missing_kinds,
    read_index,
    read_kept,
    read_map,
    read_mask,
)

CASE = "A/S0/T1/dwi"
STEM = "A__S0__T1__dwi"


@pytest.fixture
def study(tmp_path):
    return write_study(tmp_path / "study")


@pytest.fixture
def out(study, tmp_path):
    run(study, tmp_path / "out")
    return tmp_path / "out"


def _actions(report):
    return [(d.action, d.reason) for d in report.decisions]


def _measured(out):
    """Return what says the numbers: the tables, and the files of the results."""
    tables = {path.name: path.read_bytes() for path in out.glob("*.csv")}
    # The marker names the manifest, which has the time of its run.
    results = contents(out / "results")
    return tables | {name: said for name, said in results.items() if name != "study.json"}


def test_a_case_keeps_its_masks_its_map_and_pictures(out):
    folder = case_folder(out, CASE)
    index = read_index(folder)
    assert [(f.path, f.image, f.roi_id) for f in index.files] == [
        ("maps/adc__one_1.0.0.nii.gz", "dwi", ""),
        ("masks/GTV.mask", "dwi", "GTV"),
        ("masks/MUSCLE.mask", "dwi", "MUSCLE"),
        ("pictures/GTV.svg", "dwi", "GTV"),
        ("pictures/MUSCLE.svg", "dwi", "MUSCLE"),
    ]
    assert index.case_id == CASE
    with (out / "cases.csv").open() as stream:
        keys = {row["case_id"]: row["result_key"] for row in csv.DictReader(stream)}
    assert index.result_key == keys[CASE]
    (one,) = index.of_kind("maps")
    assert (one.analysis_id, one.map_name, one.quantity) == ("one@1.0.0", "adc", "adc")
    for picture in index.of_kind("pictures"):
        assert read_kept(folder, picture).startswith(b"<svg")


def test_the_numbers_of_the_tables_are_those_of_the_kept_map_under_the_kept_mask(out):
    folder = case_folder(out, CASE)
    index = read_index(folder)
    (file,) = index.of_kind("maps")
    volume = read_map(folder, file)
    assert volume.array.tobytes() == adc_map(0).tobytes()
    with (out / "measurements.csv").open() as stream:
        rows = {
            (row["roi_id"], row["feature_id"]): row["value"]
            for row in csv.DictReader(stream)
            if row["case_id"] == CASE
        }
    for mask_file in index.of_kind("masks"):
        mask = read_mask(folder, mask_file)
        assert mask.region.geometry == volume.geometry
        values = volume.array[mask.region.mask]
        assert float(rows[mask_file.roi_id, "adc.intensity.median"]) == np.median(values)


def test_what_is_kept_changes_no_number_and_no_result(study, out, tmp_path):
    write_keep(study.parent, ())
    run(study, tmp_path / "plain")
    assert not (tmp_path / "plain" / "kept").exists()
    assert _measured(tmp_path / "plain") == _measured(out)


def test_two_workers_keep_the_same_bytes(study, out, tmp_path):
    run(study, tmp_path / "two", jobs=2)
    assert contents(tmp_path / "two" / "kept") == contents(out / "kept")


@pytest.mark.parametrize("steps", list(itertools.permutations(ALL)))
def test_what_a_study_asks_for_later_is_made_without_measuring(
    study, out, tmp_path, steps, monkeypatch
):
    later = tmp_path / "later"
    write_keep(study.parent, ())
    run(study, later)
    before = _measured(later)
    monkeypatch.setattr(running, "_measured", None)  # whoever measures calls it
    for n in (1, 2, 3):
        report = run(write_keep(study.parent, steps[:n]), later)
        assert _actions(report) == [("keep", f"kept {steps[n - 1]} are missing")] * 3
        assert report.exit_code is ExitCode.DONE
        assert _measured(later) == before
    assert contents(later / "kept") == contents(out / "kept")
    assert {action for action, _ in _actions(run(study, later))} == {"reuse"}


def test_all_that_is_missing_is_named(study, out):
    shutil.rmtree(out / "kept" / STEM / "masks")
    (out / "kept" / STEM / "pictures" / "GTV.svg").unlink()
    before = contents(out / "kept")
    report = run(study, out)
    assert _actions(report)[0] == ("keep", "kept masks and pictures are missing")
    assert [action for action, _ in _actions(report)[1:]] == ["reuse"] * 2
    assert set(contents(out / "kept")) - set(before) == {
        f"{STEM}/masks/GTV.mask",
        f"{STEM}/masks/MUSCLE.mask",
        f"{STEM}/pictures/GTV.svg",
    }


@pytest.mark.parametrize("damage", ["index", "cut", "gone", "other result"])
def test_damage_is_mended_by_the_next_run(study, out, damage):
    whole, folder = contents(out / "kept"), out / "kept" / STEM
    if damage == "index":
        (folder / "kept.json").write_text("{")
    elif damage == "cut":
        path = folder / "masks" / "GTV.mask"
        path.write_bytes(path.read_bytes()[:-1])
    elif damage == "gone":
        shutil.rmtree(folder)
    else:
        path = folder / "kept.json"
        content = json.loads(path.read_text())
        path.write_text(json.dumps({**content, "result_key": "other"}))
    assert contents(out / "kept") != whole
    assert _actions(run(study, out))[0][0] == "keep"
    assert contents(out / "kept") == whole


def test_a_byte_that_changed_is_told_to_who_reads_and_made_anew_once_it_is_deleted(study, out):
    whole, folder = contents(out / "kept"), out / "kept" / STEM
    path = folder / "maps" / "adc__one_1.0.0.nii.gz"
    content = bytearray(path.read_bytes())
    content[-20] ^= 1
    path.write_bytes(content)
    (file,) = read_index(folder).of_kind("maps")
    with pytest.raises(BiomarkerError) as caught:
        read_map(folder, file)
    assert caught.value.code == "KEPT-DAMAGED"
    assert path.name in caught.value.where
    path.unlink()
    run(study, out)
    assert contents(out / "kept") == whole


def test_a_case_that_changed_is_kept_anew_and_nothing_of_the_old_one_stays(study, out):
    write_nifti(adc_map(77), GRID, study.parent / "i0.nii.gz")
    (study.parent / "mask.labels.csv").write_text("value,name\n1,LESION\n2,MUSCLE\n")
    write_keep(study.parent, ("masks", "maps"))
    run(study, out)
    index = read_index(case_folder(out, CASE))
    assert [f.path for f in index.files] == [
        "maps/adc__one_1.0.0.nii.gz",
        "masks/LESION.mask",
        "masks/MUSCLE.mask",
    ]
    kept = set(contents(out / "kept" / STEM))
    assert kept == {"kept.json", *(f.path for f in index.files)}
    volume = read_map(case_folder(out, CASE), index.of_kind("maps")[0])
    assert volume.array.tobytes() == adc_map(77).tobytes()


def test_what_a_study_no_longer_asks_for_stays_while_its_result_does(study, out):
    whole = contents(out / "kept")
    report = run(write_keep(study.parent, ("masks",)), out)
    assert {action for action, _ in _actions(report)} == {"reuse"}
    assert contents(out / "kept") == whole


def test_what_is_kept_of_a_case_that_left_goes_and_what_others_put_there_stays(study, out):
    folder = out / "kept"
    (folder / "A__S1__T1__dwi" / "masks" / "notes.txt").write_text("mine")
    cases = study.parent / "cases.csv"
    rows = cases.read_text()
    cases.write_text("".join(r for r in rows.splitlines(True) if "S1" not in r and "S2" not in r))
    run(study, out)
    assert sorted(path.name for path in folder.iterdir()) == [STEM, "A__S1__T1__dwi"]
    assert set(contents(folder / "A__S1__T1__dwi")) == {"masks/notes.txt"}
    # It comes back with its result, which still stands.
    cases.write_text(rows)
    assert [a for a, _ in _actions(run(study, out))] == ["reuse", "keep", "keep"]


def test_folders_that_others_put_there_stay(study, out):
    """Their files are called as ours are."""
    mine = out / "kept" / "my-readings" / "masks"
    mine.mkdir(parents=True)
    (mine / "GTV.mask").write_text("mine")
    run(study, out)
    assert (mine / "GTV.mask").read_text() == "mine"


def test_two_runs_may_keep_on_one_disk(study, out, tmp_path):
    disk, other = tmp_path / "disk", tmp_path / "other"
    (out / "kept").rename(disk)
    (out / "kept").symlink_to(disk)
    whole = contents(disk)
    theirs = write_study(tmp_path / "theirs", n_cases=2)
    rows = (theirs.parent / "cases.csv").read_text()
    (theirs.parent / "cases.csv").write_text(rows.replace("\nA,", "\nB,"))
    run(write_keep(theirs.parent, ()), other)
    (other / "kept").symlink_to(disk)
    run(write_keep(theirs.parent, ALL), other)
    assert contents(disk).items() > whole.items()
    # Of its own cases, each run takes away those that have left it.
    (theirs.parent / "cases.csv").write_text(rows.replace("\nA,", "\nB,").rpartition("B,S1")[0])
    run(theirs, other)
    assert sorted(p.name for p in disk.iterdir() if p.name.startswith("B")) == ["B__S0__T1__dwi"]
    assert contents(disk).items() > whole.items()


@pytest.mark.parametrize("linked", ["", "maps", "masks"])
def test_nothing_is_written_or_taken_away_through_a_link(study, out, tmp_path, linked):
    elsewhere = tmp_path / "elsewhere"
    for kind, name in (("maps", "brain.nii.gz"), ("masks", "liver.mask")):
        (elsewhere / kind).mkdir(parents=True)
        (elsewhere / kind / name).write_text("precious")
    before = contents(elsewhere)
    place = out / "kept" / STEM / linked
    shutil.rmtree(place)
    place.symlink_to(elsewhere / linked)
    report = run(study, out)
    assert [line.split(":")[0] for line in report.not_kept] == [CASE]
    assert "is a link" in report.not_kept[0]
    assert contents(elsewhere) == before
    rows = (study.parent / "cases.csv").read_text()
    (study.parent / "cases.csv").write_text(rows.replace("A,S0", "A,S9"))
    run(study, out)
    assert contents(elsewhere) == before


def test_fresh_keeps_anew(study, out):
    whole = contents(out / "kept")
    path = out / "kept" / STEM / "masks" / "GTV.mask"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    run(study, out, fresh=True)
    assert contents(out / "kept") == whole


def test_a_case_without_a_mask_keeps_nothing_and_is_not_looked_at_again(study, tmp_path):
    cases = study.parent / "cases.csv"
    cases.write_text(cases.read_text().replace("i0.nii.gz,mask.nii.gz", "i0.nii.gz,"))
    report = run(study, tmp_path / "out")
    assert report.not_kept == ()
    assert read_index(case_folder(tmp_path / "out", CASE)).files == ()
    assert {action for action, _ in _actions(run(study, tmp_path / "out"))} == {"reuse"}


def test_what_could_not_be_kept_is_named_and_the_numbers_stand(study, out, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(keeping, "write_kept_map", full)
    broken = tmp_path / "broken"
    report = run(study, broken)
    assert report.exit_code is ExitCode.PARTIAL
    assert [text.split()[:2] for text in report.not_kept] == [
        [f"A/S{n}/T1/dwi:", "CASE-KEEP-FAILED"] for n in range(3)
    ]
    assert "No space left on device" in report.not_kept[0]
    assert "CASE-KEEP-FAILED" in (broken / "run.log").read_text()
    assert _measured(broken) == _measured(out)
    # What was half kept takes no room.
    assert not contents(broken / "kept")
    assert run(study, broken).exit_code is ExitCode.PARTIAL
    monkeypatch.undo()
    report = run(study, broken)
    assert (report.exit_code, report.not_kept) == (ExitCode.DONE, ())
    assert {action for action, _ in _actions(report)} == {"keep"}
    assert contents(broken / "kept") == contents(out / "kept")


def test_an_unexpected_error_costs_what_is_kept_and_leaves_its_trace(study, tmp_path, monkeypatch):
    def defect(*_):
        raise ArithmeticError("of a drawing")

    monkeypatch.setattr("biomarker_cli.drawing.picture_svg.picture_svg", defect)
    report = run(study, tmp_path / "out")
    assert report.exit_code is ExitCode.PARTIAL
    assert all(result.head.n_ok for result in report.results)
    assert "ArithmeticError" in (tmp_path / "out" / "run.log").read_text()


def test_a_folder_that_cannot_be_made_costs_no_number(study, tmp_path):
    out = tmp_path / "out"
    run(write_keep(study.parent, ()), out)
    (out / "kept").write_text("in the way")
    report = run(write_keep(study.parent, ALL), out)
    assert len(report.not_kept) == 3
    assert report.exit_code is ExitCode.PARTIAL
    assert (out / "kept").read_text() == "in the way"


def test_files_that_changed_between_plan_and_worker_are_not_kept_under_the_old_result(
    study, out, monkeypatch
):
    shutil.rmtree(out / "kept")
    original = running.keep_case

    def keep_case(plan):
        if plan.case_id == CASE:
            write_nifti(adc_map(99), GRID, plan.input_paths[0])
        return original(plan)

    monkeypatch.setattr("biomarker_cli.study.keeping.keep_case", keep_case)
    report = run(study, out)
    assert [text.split()[0] for text in report.not_kept] == [f"{CASE}:"]
    assert not (out / "kept" / STEM / "kept.json").exists()
    monkeypatch.undo()
    assert _actions(run(study, out))[0][0] == "run"
    index = read_index(case_folder(out, CASE))
    volume = read_map(case_folder(out, CASE), index.of_kind("maps")[0])
    assert volume.array.tobytes() == adc_map(99).tobytes()


def test_what_a_worker_left_unfinished_is_taken_away(study, out):
    folder = out / "kept" / STEM
    (folder / "masks" / ".GTV.mask.0a1b2c3d.part").write_bytes(b"half")
    (folder / "kept.json").unlink()
    run(study, out)
    assert not list(folder.rglob("*.part"))


@pytest.mark.parametrize(
    "names",
    [
        ("../../../../evil", "/etc/passwd"),
        ("con", "nul.mask"),
        ("gtv", "GTV"),
        ("n" * 900, "n" * 900 + "x"),
        ("=cmd()", "\u202eGTV"),
        ("a/b", "a\\b"),
        ("é", "e\u0301"),
    ],
)
def test_whatever_a_roi_is_called_its_files_lie_in_their_folder(study, tmp_path, names):
    rows = "".join(f'{n},"{name}"\n' for n, name in enumerate(names, start=1))
    (study.parent / "mask.labels.csv").write_text("value,name\n" + rows, encoding="utf-8")
    report = run(study, tmp_path / "out")
    assert report.not_kept == ()
    folder = case_folder(tmp_path / "out", CASE)
    index = read_index(folder)
    ids = {roi.roi_id for roi in report.results[0].head.rois}
    assert {f.roi_id for f in index.of_kind("masks")} == ids
    assert len({f.path.casefold() for f in index.files}) == 5
    for file in index.of_kind("masks"):
        assert read_mask(folder, file).region.n_voxels in {4 * 8 * 11, 2 * 4 * 4}
    written = set(contents(tmp_path)) - {n for n in contents(tmp_path) if n.startswith("out/kept/")}
    assert not [name for name in written if name.endswith((".mask", ".svg"))]


def test_nothing_is_missing_of_a_study_that_keeps_nothing(tmp_path):
    assert missing_kinds(tmp_path / "nowhere", "key", ()) == ()


@pytest.mark.parametrize("keep", ["[mask]", "masks", "[[masks]]", "{masks: 1}", "[1]", "all"])
def test_what_cannot_be_kept_is_refused(study, keep):
    text = study.read_text()
    study.write_text(text[: text.index("keep:")] + f"keep: {keep}\n")
    with pytest.raises(BiomarkerError) as caught:
        load_study(study)
    assert caught.value.code == "STUDY-INVALID"
    assert "keep" in str(caught.value)


def test_shards_keep_what_a_whole_run_keeps(study, out, tmp_path):
    def shards():
        whole = with_key(load_study(study), writes=True)
        for number in (1, 2):
            part = StudyPart(Shard(number, 2), whole, study)
            planner = StudyPlanner(part.own, FileIndex(tmp_path / "index"), is_part=True)
            due = StudyRun.of_study(part.own, planner)
            report = run_shard(part, due, tmp_path / "parts", RunOptions())
            yield from (case.action for case in report.decisions)
        merge_shards(tmp_path / "parts", study)

    assert set(shards()) == {"run"}
    assert contents(tmp_path / "parts" / "kept") == contents(out / "kept")
    # A case that left the study leaves with the merge, and not with a shard of the others.
    cases = study.parent / "cases.csv"
    cases.write_text("".join(r for r in cases.read_text().splitlines(True) if ",S1," not in r))
    assert set(shards()) == {"reuse"}
    names = {path.name for path in (tmp_path / "parts" / "kept").iterdir()}
    assert names == {"A__S0__T1__dwi", "A__S2__T1__dwi"}


def test_a_map_that_two_analyses_measure_is_kept_once(study, out):
    head = protocol_head("analysis", "two", "1.0.0", "active")
    (study.parent / "two.yaml").write_text(head + ANALYSIS)
    study.write_text(study.read_text().replace("[one.yaml]", "[one.yaml, two.yaml]"))
    report = run(study, out)
    # The first is not measured again, and stands beside the second.
    assert all("other analyses are kept" in reason for _, reason in _actions(report))
    folder = case_folder(out, CASE)
    one, two = read_index(folder).of_kind("maps")
    assert (one.analysis_id, two.analysis_id) == ("one@1.0.0", "two@1.0.0")
    assert one.path == two.path
    assert [path.name for path in (folder / "maps").iterdir()] == ["adc__one_1.0.0.nii.gz"]
    assert {action for action, _ in _actions(run(study, out))} == {"reuse"}
    assert len(read_index(folder).of_kind("masks")) == 2
    run(study, out.parent / "anew")
    assert contents(out.parent / "anew" / "kept") == contents(out / "kept")


def test_the_folder_of_a_case_is_named_from_the_root(study, monkeypatch):
    monkeypatch.chdir(study.parent)
    plan = CasePlan("A", "S0", "T1", "dwi", (), None, ())
    order = Keeping(Path("out"), frozenset({"masks"})).measured(plan).keep
    assert order is not None
    assert order.folder == study.parent / "out" / "kept" / STEM


def test_where_a_case_is_measured_anew_what_was_kept_of_it_does_not_count_meanwhile(
    study, out, monkeypatch
):
    def defect(*_):
        raise ArithmeticError("of a measure")

    monkeypatch.setattr(running, "_measured", defect)
    write_nifti(adc_map(77), GRID, study.parent / "i0.nii.gz")
    report = run(study, out)
    assert report.results[0].head.error_code == "CASE-INTERNAL"
    with pytest.raises(BiomarkerError) as caught:
        read_index(case_folder(out, CASE))
    assert caught.value.code == "KEPT-NOT-FOUND"
    # It failed: nothing is made for it again and again.
    assert {action for action, _ in _actions(run(study, out))} == {"reuse"}


def test_what_stops_the_making_of_what_is_missing_costs_no_result(study, out, monkeypatch):
    shutil.rmtree(out / "kept" / STEM / "pictures")
    before = _measured(out)

    def defect(_plan):
        raise ArithmeticError("of a defect")

    monkeypatch.setattr("biomarker_cli.study.keeping.keep_case", defect)
    report = run(study, out)
    assert [text.split()[:2] for text in report.not_kept] == [[f"{CASE}:", "CASE-KEEP-FAILED"]]
    assert report.exit_code is ExitCode.PARTIAL
    assert "ArithmeticError" in (out / "run.log").read_text()
    lines = (out / "run.jsonl").read_text().splitlines()
    said = [json.loads(line) for line in lines if '"kept"' in line]
    assert [(one["case_id"], one["error_code"]) for one in said] == [(CASE, "CASE-KEEP-FAILED")]
    assert _measured(out) == before
    # What was there before stands.
    assert missing_kinds(case_folder(out, CASE), read_index(case_folder(out, CASE)).result_key,
                         ("masks", "maps")) == ()  # fmt: skip
