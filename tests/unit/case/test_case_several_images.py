"""A case of two images: each analysis measures its own, and a region belongs to a grid."""

from __future__ import annotations

import csv
import math
from dataclasses import replace

import numpy as np
import pytest
from pydicom.uid import MRImageStorage
from synthetic_segmentations import Roi, cylinder, write_structure_set
from synthetic_series import axial, write_series

from biomarker_cli.acquisition.protocol import load_acquisition
from biomarker_cli.case.analysis import load_analysis
from biomarker_cli.case.inputs import CaseInputs, image_paths
from biomarker_cli.case.keeping import KeepOrder
from biomarker_cli.case.plan import CasePlan, ImagePlan
from biomarker_cli.case.preparing import prepare
from biomarker_cli.case.result import RoiKey
from biomarker_cli.case.running import run_case
from biomarker_cli.catalogue.catalogue import scan
from biomarker_cli.imaging.files import write_nifti
from biomarker_cli.imaging.geometry import Geometry
from biomarker_cli.study.assembling import write_tables
from biomarker_cli.study.finished import finished
from biomarker_cli.study.packed import pack
from biomarker_cli.tables.kept import read_mask

SLICES = axial(*range(0, 30, 3))
CT = Geometry((10, 16, 24), (1.0, 2.0, 3.0), (-10.0, -20.0, 0.0))
RADIUS_MM, N_PLANES = 7.3, 6

SHORT = """
format: biomarker-analysis/1
id: short-{modality}
version: 0.1.0
status: draft
title: Short
extends: radiomics-{modality}@1.0.0
source: [{{doc: none, section: "-", confirmed: {{by: recall}}}}]
changelog: [{{version: 0.1.0, date: 2026-11-20, change: first}}]
radiomics: {{families: [intensity], aggregations: [3d]}}
"""

RULE = """
format: biomarker-acquisition/1
id: thin
version: 0.1.0
status: draft
title: Thin slices of CT
source: [{doc: none, section: "-", confirmed: {by: recall}}]
changelog: [{version: 0.1.0, date: 2026-11-20, change: first}]
applies_to: {when: {Modality: {one_of: [CT, MR]}}}
rules:
  - id: CT-THICK
    title: Slice thickness
    when: {Modality: CT}
    fact: SliceThickness
    check: {max: 1}
    unit: mm
    over: instance
    level: shall
    severity: error
tests:
  - {facts: {Modality: CT, SliceThickness: 3}, expect: {CT-THICK: fail}}
"""


def _as_mr(_index, dataset):
    dataset.Modality = "MR"
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = MRImageStorage
    dataset.PixelSpacing = [1.0, 1.0]
    del dataset.RescaleType
    dataset.RescaleIntercept = 0


@pytest.fixture
def analyses(tmp_path):
    found = {}
    for modality in ("ct", "mr"):
        path = tmp_path / f"{modality}.yaml"
        path.write_text(SHORT.format(modality=modality))
        found[modality] = load_analysis(str(path))
    return found


@pytest.fixture
def plan(tmp_path, analyses):
    write_series(tmp_path / "ct", SLICES, rows=16, columns=24)
    write_series(tmp_path / "mr", SLICES, series="2", rows=32, columns=24, change=_as_mr)
    contours = cylinder(CT, range(2, 2 + N_PLANES), RADIUS_MM)
    write_structure_set(tmp_path / "rtstruct.dcm", [Roi("GTV", contours)])
    return CasePlan(
        site_id="S",
        subject_id="1",
        timepoint="T1",
        role="both",
        images=tuple(ImagePlan(name, scan([tmp_path / name]).candidates) for name in ("ct", "mr")),
        mask=tmp_path / "rtstruct.dcm",
        analyses=tuple(analyses.values()),
    )


def _rows(folder, name):
    with (folder / f"{name}.csv").open() as stream:
        return list(csv.DictReader(stream))


def test_an_analysis_measures_the_image_of_its_modality(plan, analyses):
    assert plan.image_of(analyses["ct"]).name == "ct"
    assert plan.image_of(analyses["mr"]).name == "mr"
    # What no image fits is refused on the primary one, by name.
    only_ct = replace(plan, images=(plan.primary, replace(plan.primary, name="again")))
    assert only_ct.image_of(analyses["mr"]).name == "ct"
    result = run_case(replace(only_ct, analyses=(analyses["mr"],)))
    assert result.case.error_code == "IMAGE-MODALITY"


def test_regions_are_keyed_by_roi_and_image_and_lie_on_its_grid(plan):
    result = run_case(plan)
    assert result.status.value == "measured", result.case.error_message
    assert list(result.rois) == [RoiKey("GTV", "ct"), RoiKey("GTV", "mr")]
    ct, mr = result.rois.values()
    volume = math.pi * RADIUS_MM**2 * N_PLANES * 3.0
    assert ct.n_voxels * 6.0 == pytest.approx(volume, rel=0.1)
    assert mr.n_voxels * 3.0 == pytest.approx(volume, rel=0.1)
    assert (ct.roi_id, mr.roi_id) == ("GTV", "GTV@mr")
    assert ct.roi_name == mr.roi_name == "GTV"
    measured = {(row.analysis_id, row.roi_id) for row in result.measurements}
    assert measured == {("short-ct@0.1.0", "GTV"), ("short-mr@0.1.0", "GTV@mr")}


def test_the_case_is_known_by_its_primary_image_and_facts_are_of_all(plan):
    result = run_case(plan)
    assert (result.case.modality, result.case.voxel_y_mm) == ("CT", 2.0)
    of_images = {image.name: image.volumes[0].series_uid for image in plan.images}
    assert result.case.series_uid == of_images["ct"]
    assert {fact.series_uid for fact in result.facts} == set(of_images.values())
    turned = run_case(replace(plan, images=plan.images[::-1]))
    assert (turned.case.modality, turned.case.voxel_y_mm) == ("MR", 1.0)
    assert {row.roi_id for row in turned.rois.values()} == {"GTV", "GTV@ct"}


def test_what_breaks_a_rule_on_one_image_is_no_flag_of_the_other(plan, tmp_path):
    path = tmp_path / "rule.yaml"
    path.write_text(RULE)
    result = run_case(replace(plan, acquisition=load_acquisition(str(path))))
    assert {check.outcome for check in result.checks} == {"fail", "not_applicable"}
    flagged = {row.roi_id for row in result.measurements if "acq_fail:CT-THICK" in row.flags}
    assert flagged == {"GTV"}


def test_the_tables_hold_no_row_of_an_analysis_for_an_image_that_it_does_not_measure(
    plan, tmp_path
):
    failing = replace(plan, subject_id="2", mask=tmp_path / "none.dcm", wanted_rois=("GTV",))
    packed = [pack(finished(run_case(one)), "trial", {"a": 1}, "names") for one in (plan, failing)]
    dictionaries = [text for _, texts in packed for text in texts]
    # The lines of each analysis; the store would look them up by their digests.
    by_digest = dict(
        zip((d for r, _ in packed for d in r.head.dictionaries.values()), dictionaries, strict=True)
    )
    results = [result for result, _ in packed]
    heads = [result.head for result in results]
    write_tables(heads, results, [], by_digest.get, tmp_path, "trial")
    statuses = {}
    for row in _rows(tmp_path, "measurements"):
        key = row["case_id"], row["roi_id"], row["analysis_id"]
        statuses.setdefault(key, set()).add(row["status"])
    assert statuses == {
        ("S/1/T1/both", "GTV", "short-ct@0.1.0"): {"ok"},
        ("S/1/T1/both", "GTV@mr", "short-mr@0.1.0"): {"ok"},
        ("S/2/T1/both", "GTV", "short-ct@0.1.0"): {"skipped"},
    }
    known = {(row["case_id"], row["roi_id"]) for row in _rows(tmp_path, "rois")}
    assert {key[:2] for key in statuses} == known


def test_an_image_that_refuses_its_regions_does_not_stop_the_other(plan, tmp_path):
    def elsewhere(_index, dataset):
        dataset.FrameOfReferenceUID += ".1"

    write_series(tmp_path / "far", SLICES, series="3", rows=16, columns=24, change=elsewhere)
    far = ImagePlan("far", scan([tmp_path / "far"]).candidates)
    result = run_case(replace(plan, images=(far, plan.images[1])))
    assert (result.status.value, result.case.error_code) == ("partial", "REGION-FRAME-OF-REFERENCE")
    assert list(result.rois) == [RoiKey("GTV", "mr")]
    assert {row.analysis_id for row in result.measurements} == {"short-mr@0.1.0"}


def test_a_measure_may_ask_for_the_other_images_of_its_case(plan, analyses, tmp_path, monkeypatch):
    grid = Geometry((2, 3, 4), (1.0, 1.0, 1.0))
    write_nifti(np.full(grid.shape, 7, np.int16), grid, tmp_path / "map.nii")
    declared = ImagePlan("map", files=(tmp_path / "map.nii",), quantity="signal")
    asked = {}
    room = analyses["ct"].room
    original = room.prepare

    def spy(image, rules, context):
        asked.update({name: one.volume().geometry.shape for name, one in context.images.items()})
        return original(image, rules, context)

    monkeypatch.setattr(room, "prepare", spy)
    case = CaseInputs(replace(plan, images=(*plan.images, declared)))
    prepare(case, analyses["ct"])
    assert asked == {"ct": (10, 16, 24), "mr": (10, 32, 24), "map": (2, 3, 4)}
    assert image_paths(case.plan)[-1] == tmp_path / "map.nii"
    assert len(image_paths(case.plan)) == 21


def test_the_masks_of_several_images_are_kept_under_the_names_of_the_tables(plan, tmp_path):
    order = KeepOrder(tmp_path / "kept", frozenset({"masks", "pictures"}))
    result = run_case(replace(plan, keep=order))
    assert result.kept is not None
    assert result.kept.problem is None
    rows = {row.roi_id: row for row in result.rois.values()}
    found = [(file.kind, file.roi_id, file.image) for file in result.kept.files]
    assert found == [
        ("masks", "GTV", "ct"),
        ("pictures", "GTV", "ct"),
        ("masks", "GTV@mr", "mr"),
        ("pictures", "GTV@mr", "mr"),
    ]
    for file in result.kept.files[::2]:
        mask = read_mask(order.folder, file)
        assert mask.image == file.image
        assert mask.region.n_voxels == rows[file.roi_id].n_voxels
        assert mask.region.geometry.shape == ((10, 16, 24) if file.image == "ct" else (10, 32, 24))
    assert len({file.path for file in result.kept.files}) == 4
