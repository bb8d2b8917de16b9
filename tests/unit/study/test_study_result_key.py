"""The key of a result: whatever may change its rows changes the key."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import date
from pathlib import Path

import pytest

from biomarker_cli.acquisition.protocol import AcquisitionProtocol, load_acquisition
from biomarker_cli.acquisition.waivers import Waiver, WaiverSet
from biomarker_cli.case.analysis import Analysis, load_analysis
from biomarker_cli.case.plan import CasePlan, ImagePlan
from biomarker_cli.catalogue.candidate import VolumeCandidate, VolumeStatus
from biomarker_cli.model.inputs import FileRead, FileSignature
from biomarker_cli.pet.rules import ClinicalForm, Override
from biomarker_cli.regions.rules import RoiNames
from biomarker_cli.study import keys
from biomarker_cli.study.keys import NOT_IN_KEY, names_key, result_key, sha256_of_json

CANDIDATE = VolumeCandidate(
    volume_id="1.2.3",
    study_uid="1.2",
    series_uid="1.2.3",
    frame_of_reference_uid="1.2.4",
    patient_keys=("a",),
    modality="CT",
    kind="original",
    description="",
    split_by="",
    n_files=2,
    n_frames=2,
    rows=4,
    columns=5,
    refs=(),
    geometry=None,
    status=VolumeStatus.OK,
)
IMAGE = ImagePlan("ct", (CANDIDATE,))
WAIVER = Waiver(
    protocol="base-ct",
    versions="1.0.0",
    rule="R",
    series="*",
    reason="old scanner",
    approver="lead",
    expires="2026-12-31",
)
TODAY = date(2026, 6, 1)
FORM = ClinicalForm(weight_kg=70.0)
OVERRIDE = Override(
    tag="PatientWeight", value=70.0, reason="typing error", who="lead", series_uid="1.2.3"
)
PATHS = (Path("a.dcm"), Path("b.dcm"), Path("mask.nii.gz"))


@pytest.fixture(scope="module")
def plan() -> CasePlan:
    return CasePlan(
        site_id="A",
        subject_id="S1",
        timepoint="T1",
        role="ct",
        images=(IMAGE,),
        mask=PATHS[-1],
        analyses=(load_analysis("radiomics-ct"),),
        acquisition=load_acquisition("base-ct"),
        roi_names=RoiNames.model_validate({}),
        form=FORM,
        overrides=(OVERRIDE,),
        waivers=WaiverSet((WAIVER,), TODAY),
        device_key=b"one",
        input_paths=PATHS,
    )


def of(document_of: Analysis | AcquisitionProtocol, **data: object):
    """Return the same protocol with some of its content changed."""
    document = document_of.document
    return replace(document_of, document=replace(document, data={**document.data, **data}))


OTHER = {
    "site_id": ["B"],
    "subject_id": ["S2"],
    "timepoint": ["T2"],
    "role": ["pet"],
    "analyses": [
        (),
        lambda plan: (*plan.analyses, *plan.analyses),
        lambda plan: (of(plan.analyses[0], title="another content"),),
        lambda plan: (load_analysis("radiomics-mr"),),
    ],
    "acquisition": [
        None,
        lambda plan: of(plan.acquisition, title="another content"),
        lambda plan: load_acquisition("recist-ct"),
    ],
    "images": [
        (replace(IMAGE, series="1.2.3"),),
        (replace(IMAGE, quantity="hu"),),
        (IMAGE, ImagePlan("flip")),
        (IMAGE, ImagePlan("late")),
        (ImagePlan("flip"), IMAGE),
        (IMAGE, ImagePlan("flip", series="1.2")),
        (IMAGE, ImagePlan("flip", quantity="signal")),
        (IMAGE, ImagePlan("flip", files=(Path("flip.nii"),))),
        (IMAGE, replace(IMAGE, name="flip")),
    ],
    "wanted_rois": [("GTV",), ("GTV", "NODE")],
    "roi_names": [None],
    "on_violation": ["exclude"],
    "other_frame_of_reference": [True],
    "form": [None, FORM.model_copy(update={"weight_kg": 71.0}), ClinicalForm(height_m=1.7)],
    "overrides": [
        (),
        (OVERRIDE.model_copy(update={"value": 71.0}),),
        (OVERRIDE.model_copy(update={"tag": "PatientSize"}),),
        (OVERRIDE.model_copy(update={"reason": "another one"}),),
    ],
    "waivers": [
        None,
        WaiverSet((), TODAY),
        WaiverSet((WAIVER,), date(2027, 6, 1)),  # it has expired
        WaiverSet((WAIVER.model_copy(update={"rule": "S"}),), TODAY),
    ],
    "flags": [frozenset({"draft_protocol"}), frozenset({"deviates"})],
    "device_key": [None, b"another"],
}
"""What a plan may hold in each of its fields instead."""

CHANGES = [(name, number) for name, values in OTHER.items() for number in range(len(values))]


def test_every_field_of_a_plan_is_in_the_key_or_left_out_with_a_reason():
    names = {one.name for one in fields(CasePlan)}
    assert names == set(OTHER) | set(NOT_IN_KEY)
    # What images decide stands in the key, their paths do not.
    assert set(OTHER) & set(NOT_IN_KEY) == {"images", "analyses"}
    assert all(NOT_IN_KEY.values())


@pytest.mark.parametrize(("name", "number"), CHANGES)
def test_another_value_of_a_field_gives_another_key(plan, name, number):
    value = OTHER[name][number]
    changed = replace(plan, **{name: value(plan) if callable(value) else value})
    assert result_key(changed, {}) != result_key(plan, {})


def test_every_change_gives_a_key_of_its_own(plan):
    found = {result_key(plan, {})}
    for name, number in CHANGES:
        value = OTHER[name][number]
        changed = replace(plan, **{name: value(plan) if callable(value) else value})
        found.add(result_key(changed, {}))
    assert len(found) == 1 + len(CHANGES)


@pytest.mark.parametrize(
    "change",
    [
        {"volume_id": "other"},
        {"kind": "derived"},
        {"status": VolumeStatus.REFUSED},
        {"error_code": "SERIES-GAP"},
        {"split_by": "b=800"},
        {"flags": frozenset({"series_duplicates_dropped"})},
    ],
    ids=lambda change: next(iter(change)),
)
def test_what_the_catalogue_says_of_a_volume_is_in_the_key(plan, change):
    changed = replace(plan, images=(ImagePlan("ct", (replace(CANDIDATE, **change),)),))
    assert result_key(changed, {}) != result_key(plan, {})


def test_a_series_that_the_case_does_not_speak_of_is_not(plan):
    other = replace(CANDIDATE, volume_id="1.2.9", series_uid="1.2.9")
    segmentation = replace(CANDIDATE, volume_id="1.2.8", status=VolumeStatus.SKIPPED)
    named = replace(plan, images=(ImagePlan("ct", (CANDIDATE,), series="1.2.3"),))
    found = (CANDIDATE, other, segmentation)
    more = replace(plan, images=(ImagePlan("ct", found, series="1.2.3"),))
    assert result_key(more, {}) == result_key(named, {})


def read(*digests: str) -> dict[Path, FileRead]:
    signature = FileSignature(1, 2, 3, 4)
    return {p: FileRead(signature, d) for p, d in zip(PATHS, digests, strict=True)}


def test_the_digest_of_each_input_is_in_the_key_in_the_order_of_the_plan(plan):
    found = {
        result_key(plan, inputs)
        for inputs in (
            read("a", "b", "c"),
            read("x", "b", "c"),
            read("a", "x", "c"),
            read("a", "b", "x"),
            read("b", "a", "c"),
            {},
        )
    }
    assert len(found) == 6
    assert result_key(plan, read("a", "b", "c")) == result_key(plan, read("a", "b", "c"))


def test_where_a_file_lies_and_when_it_was_written_is_not(plan):
    moved = replace(
        plan,
        mask=Path("elsewhere.nii.gz"),
        input_paths=(*PATHS[:-1], Path("elsewhere.nii.gz")),
        images=(replace(IMAGE, files=(Path("x.nii"),)),),
    )
    assert result_key(moved, {}) == result_key(plan, {})
    later = {p: FileRead(FileSignature(9, 9, 9, 9), r.sha256) for p, r in read(*"abc").items()}
    assert result_key(plan, later) == result_key(plan, read(*"abc"))


def test_the_version_of_the_program_is_in_the_key(plan, monkeypatch):
    before = result_key(plan, {})
    monkeypatch.setattr(keys, "__version__", "0.0.0")
    assert result_key(plan, {}) != before


def test_the_engine_of_an_analysis_is_in_the_key(plan, monkeypatch):
    before = result_key(plan, {})
    monkeypatch.setattr(Analysis, "engine", ("another", "1"))
    assert result_key(plan, {}) != before


def test_a_field_of_a_kind_that_nobody_thought_of_is_an_error(plan):
    with pytest.raises(TypeError, match="no canonical form"):
        result_key(replace(plan, form=object()), {})


def test_what_the_inputs_are_called_has_a_key_of_its_own(plan):
    renamed = replace(plan, input_paths=(Path("c.dcm"), *PATHS[1:]))
    assert names_key(renamed) != names_key(plan)
    assert result_key(renamed, {}) == result_key(plan, {})
    moved = replace(plan, input_paths=tuple("folder" / path for path in PATHS))
    assert names_key(moved) == names_key(plan)
    refused = replace(plan, images=(ImagePlan("ct", (replace(CANDIDATE, error_message="a gap"),)),))
    assert names_key(refused) != names_key(plan)


def test_the_digest_of_json_hangs_on_its_values_and_not_on_their_order():
    assert sha256_of_json({"a": 1, "b": [1, 2]}) == sha256_of_json({"b": [1, 2], "a": 1})
    assert sha256_of_json({"b": [2, 1]}) != sha256_of_json({"b": [1, 2]})
    with pytest.raises(ValueError, match="JSON"):
        sha256_of_json(float("nan"))
