"""A carried mask in later runs, in shards and on several workers: one result, and why it is new."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import carried_study
import kept_study
import numpy as np
import pytest
from carried_study import FIRST, OWN, ROWS, SECOND, carried_row, table, tables, write_list
from synthetic_protocols import protocol_head
from synthetic_registration import GRID, body, motion

from biomarker_cli.catalogue.index import FileIndex
from biomarker_cli.imaging.files import write_nifti
from biomarker_cli.multicentre.pooling.pool import pool_runs
from biomarker_cli.multicentre.pooling.rules import PoolRules
from biomarker_cli.registration.transform_files import write_tfm
from biomarker_cli.study.merging import StudyPart, merge_shards, run_shard
from biomarker_cli.study.planning import StudyPlanner
from biomarker_cli.study.runner import RunOptions, StudyRun, plan_run
from biomarker_cli.study.shards import Shard
from biomarker_cli.study.study_file import load_study, with_key
from biomarker_cli.tables.kept import case_folder, read_index, read_mask

ACCEPT = (
    f"registrations: {{accept: [{{case: {SECOND}, reason: seen, approver: lead, "
    "expires: 2999-12-31}]}\n"
)
FOUND = (OWN, carried_row("quick.yaml"))


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """Folder of a study beside that of a run of it."""
    folder = tmp_path_factory.mktemp("again")
    kept_study.run(carried_study.write_study(folder / "trial"), folder / "out")
    return folder


@pytest.fixture
def trial(made, tmp_path) -> Path:
    """Folder of the study, copied beside a copy of the run."""
    shutil.copytree(made / "trial", tmp_path / "trial")
    kept_study.run(tmp_path / "trial" / "study.yaml", tmp_path / "out")
    return tmp_path / "trial"


def _reasons(trial: Path) -> dict[str, tuple[str, str]]:
    """Return what a run would do with each case, and why."""
    study = with_key(load_study(trial / "study.yaml"), writes=True)
    due = StudyRun.of_study(study, StudyPlanner(study, FileIndex(trial.parent / "index")))
    cases = plan_run(due, trial.parent / "out", RunOptions())
    return {case.case_id: (case.action, case.reason) for case in cases}


def _other_mask(trial):
    mask = np.zeros(GRID.shape, dtype=np.uint8)
    mask[12:17, 20:28, 24:32] = 1
    write_nifti(mask, GRID, trial / "mask.nii.gz")


def _other_names(trial):
    (trial / "mask.labels.csv").write_text("value,name\n1,GTV\n2,LIVER\n")


def _other_image(trial):
    values = body(noise_seed=3).array
    carried_study.write_series(trial, "one", values, np.eye(4))


def _other_transform(trial):
    write_tfm(motion((6.0, -8.0, 6.0)), np.zeros(3), trial / "there.tfm")


def _other_protocol(trial):
    carried_study.write_protocol(trial, rotation_deg={"review": 44})


def _accepted(trial):
    write_list(trial, ROWS, ACCEPT)


IMAGE, MASK = f"image files of {FIRST}", f"segmentation of {FIRST}"
_CHANGES = [
    (_other_mask, MASK, True),
    (_other_names, MASK, True),
    (_other_image, IMAGE, True),
    (_other_transform, "registration", False),
    (_other_protocol, "registration", False),
    (_accepted, "acceptance of the registration", False),
]


@pytest.mark.parametrize(("change", "why", "of_both"), _CHANGES)
def test_a_case_is_due_where_what_it_takes_has_changed(trial, change, why, of_both):
    assert _reasons(trial) == {FIRST: ("reuse", "unchanged"), SECOND: ("reuse", "unchanged")}
    change(trial)
    found = _reasons(trial)
    assert found[SECOND] == ("run", why)
    assert (found[FIRST][0] == "run") is of_both


def test_the_image_of_the_case_itself_is_not_that_of_the_other(trial):
    carried_study.write_series(trial, "two", body(noise_seed=4).array, motion())
    assert _reasons(trial) == {FIRST: ("reuse", "unchanged"), SECOND: ("run", "image files")}


def test_a_later_run_gives_the_tables_of_a_fresh_one(trial):
    _other_mask(trial)
    kept_study.run(trial / "study.yaml", trial.parent / "out")
    kept_study.run(trial / "study.yaml", trial.parent / "fresh")
    assert tables(trial.parent / "out") == tables(trial.parent / "fresh")
    write_list(trial, (OWN,))
    kept_study.run(trial / "study.yaml", trial.parent / "out")
    assert not (trial.parent / "out" / "registrations.csv").exists()


def test_another_analysis_carries_the_same_mask(trial):
    """The rows of the first analysis stay; a fresh run gives the same."""
    head = protocol_head("analysis", "two", "1.0.0", "active")
    (trial / "more.yaml").write_text(head + carried_study.ANALYSIS)
    text = (trial / "study.yaml").read_text().replace("[one.yaml]", "[one.yaml, more.yaml]")
    (trial / "study.yaml").write_text(text)
    kept_study.run(trial / "study.yaml", trial.parent / "out")
    kept_study.run(trial / "study.yaml", trial.parent / "fresh")
    assert tables(trial.parent / "out") == tables(trial.parent / "fresh")
    rows = [row for row in table(trial.parent / "out", "measurements") if row["case_id"] == SECOND]
    assert {row["analysis_id"] for row in rows} == {"one@1.0.0", "two@1.0.0"}


def test_workers_and_shards_give_the_same_bytes(trial, tmp_path):
    path = write_list(trial, FOUND)
    kept_study.run(path, tmp_path / "whole")
    expected = tables(tmp_path / "whole")
    assert "registrations.csv" in expected
    kept_study.run(path, tmp_path / "two", jobs=2)
    assert tables(tmp_path / "two") == expected
    whole = with_key(load_study(path), writes=True)
    for number in (1, 2, 3):
        part = StudyPart(Shard(number, 3), whole, path)
        planner = StudyPlanner(part.own, is_part=True)
        due = StudyRun.of_study(part.own, planner)
        with run_shard(part, due, tmp_path / "parts", RunOptions()).judged.cohort:
            pass
    with merge_shards(tmp_path / "parts").judged.cohort:
        assert tables(tmp_path / "parts") == expected


def test_the_manifest_tells_masks_of_other_transforms_apart(trial):
    def said():
        manifest = json.loads((trial.parent / "out" / "manifest.json").read_text())
        own = manifest["cases"][SECOND]
        return own["image_sha256"], own["mask_sha256"]

    before = said()
    assert all(before)
    _other_transform(trial)
    kept_study.run(trial / "study.yaml", trial.parent / "out")
    after = said()
    assert after[0] == before[0]
    assert after[1] != before[1]


def test_a_pool_has_the_registrations_of_its_parts(trial, tmp_path):
    """The other part carried no mask, as runs before there were any."""
    (tmp_path / "pool").mkdir()
    rows = ("A,S7,T1,ct,seven,mask.nii.gz,,",)
    values = body(seed=7, noise_seed=5).array
    carried_study.write_series(trial, "seven", values, np.eye(4), subject="seven")
    kept_study.run(write_list(trial, rows), tmp_path / "seven")
    pool_runs([tmp_path / "out", tmp_path / "seven"], tmp_path / "pool", PoolRules())
    assert table(tmp_path / "pool", "registrations") == table(tmp_path / "out", "registrations")
    described = json.loads((tmp_path / "pool" / "datapackage.json").read_text())
    assert "registrations" in {resource["name"] for resource in described["resources"]}


def test_the_carried_mask_is_kept(trial, tmp_path):
    path = write_list(trial, ROWS, "keep: [masks]\n")
    kept_study.run(path, tmp_path / "out")
    folder = case_folder(tmp_path / "out", SECOND)
    voxels = {
        r["roi_id"]: r["n_voxels"]
        for r in table(tmp_path / "out", "rois")
        if r["case_id"] == SECOND
    }
    kept = {file.roi_id: read_mask(folder, file) for file in read_index(folder).of_kind("masks")}
    assert {name: str(one.region.n_voxels) for name, one in kept.items()} == voxels
    assert kept["GTV"].region.geometry.origin_mm != GRID.origin_mm
