"""Whose image it is: contradictions are findings, absence is none, and nothing readable is kept."""

from __future__ import annotations

import shutil
from dataclasses import replace

import pytest
from pydicom.uid import generate_uid
from synthetic_series import axial, write_series

from biomarker_cli.case.plan import CasePlan, ImagePlan
from biomarker_cli.catalogue.catalogue import scan
from biomarker_cli.catalogue.index import FileIndex
from biomarker_cli.catalogue.pseudonyms import cache_folder, normal_name
from biomarker_cli.dicom.files import PlannedFiles
from biomarker_cli.model.inputs import InputFiles
from biomarker_cli.study import mask_patients as masks
from biomarker_cli.study.cohort import Cohort
from biomarker_cli.study.integrity import SHARED_FRAME_FLAG, examine_cohort
from biomarker_cli.study.mask_patients import mask_patients
from biomarker_cli.study.planned import PlannedCase
from biomarker_cli.study.survey import sop_instances, survey_of

DOE = {
    "PatientID": "4711",
    "PatientName": "DOE^JOHN",
    "PatientBirthDate": "19500101",
    "PatientSex": "M",
}


@pytest.fixture
def plan(tmp_path):
    """Return the plan of a case whose headers say what is given."""

    def make(
        name: str, subject: str = "S1", site: str = "A", change=None, timepoint="T1", **elements
    ):
        own = {
            "Modality": "MR",
            "StudyInstanceUID": generate_uid(entropy_srcs=["study", name]),
            "FrameOfReferenceUID": generate_uid(entropy_srcs=["frame", name]),
            **DOE,
            **elements,
        }

        def put(index, dataset):
            for keyword, value in own.items():
                setattr(dataset, keyword, value)
            if change is not None:
                change(index, dataset)

        write_series(tmp_path / name, axial(0, 3, 6), series=name, change=put)
        return CasePlan(
            site_id=site,
            subject_id=subject,
            timepoint=timepoint,
            role=name,
            images=(ImagePlan("ct", scan([tmp_path / name]).candidates),),
            mask=None,
            analyses=(),
        )

    return make


def _examined(*plans):
    index, reader = FileIndex.of_user(), PlannedFiles(InputFiles())
    cohort = Cohort.in_memory()
    for place, plan in enumerate(plans):
        case = PlannedCase(plan)
        survey = survey_of(case, mask_patients(plan.mask, index, reader))
        cohort.add(survey, place, "", sop_instances(plan))
    examine_cohort(cohort)
    return cohort


def _sharing_a_frame(*plans):
    return {c.case_id for c in _examined(*plans).cases() if SHARED_FRAME_FLAG in c.flags}


def _found(*plans):
    cohort = _examined(*plans)
    findings = {
        case.case_id: found for case in cohort.surveyed() if (found := cohort.findings(case.number))
    }
    assert {f.code for found in findings.values() for f in found} <= {"STUDY-SUBJECT-MISMATCH"}
    return {key.split("/")[-1]: " | ".join(map(str, found)) for key, found in findings.items()}


CONTRADICTIONS = {
    "PatientBirthDate": "19500102",
    "PatientName": "ROE^JOHN",
    "PatientSex": "F",
    "PatientID": "4712",
}


@pytest.mark.parametrize("keyword", CONTRADICTIONS)
@pytest.mark.parametrize("modality", ["CT", "MR", "PT"])
def test_one_subject_is_one_person_on_every_modality(plan, keyword, modality):
    wrong = {keyword: CONTRADICTIONS[keyword]}
    found = _found(plan("a", Modality=modality), plan("b", Modality=modality, **wrong))
    assert set(found) == {"a", "b"}
    assert all(f"{keyword} differs" in text for text in found.values())
    assert not any(value in text for text in found.values() for value in CONTRADICTIONS.values())


@pytest.mark.parametrize(
    "other",
    [
        {},
        {"PatientName": "doe john"},
        {"PatientName": "Doe^John^^^ "},
        {"PatientName": "DOE^JOHN=\u5c71^\u592a"},
        {"PatientID": " 4711 "},
        {"PatientID": ""},
        {"PatientName": ""},
        {"PatientBirthDate": ""},
        {"PatientBirthDate": "1950.01.01"},
        {"PatientSex": ""},
    ],
)
def test_what_is_written_differently_or_not_at_all_is_no_contradiction(plan, other):
    assert _found(plan("a"), plan("b", SpecificCharacterSet="ISO_IR 192", **other)) == {}


def test_a_name_in_two_character_sets_is_one(plan):
    first = plan("a", SpecificCharacterSet="ISO_IR 100", PatientName="Müller^Jörg")
    second = plan("b", SpecificCharacterSet="ISO_IR 192", PatientName="MÜLLER^JÖRG")
    third = plan("c", SpecificCharacterSet="ISO_IR 192", PatientName="MÜLLER^JÜRG")
    assert _found(first, second) == {}
    assert "PatientName differs" in _found(second, third)["b"]


def test_one_patient_id_at_one_site_is_one_person_whatever_the_subject(plan):
    first, other = plan("a", "S1"), plan("b", "S2", PatientBirthDate="19880808")
    assert "under one PatientID PatientBirthDate differs" in _found(first, other)["a"]
    elsewhere = plan("c", "S2", site="B", PatientBirthDate="19880808")
    assert _found(first, elsewhere) == {}


def test_empty_patient_ids_are_not_one_patient(plan):
    first = plan("a", "S1", PatientID="")
    assert _found(first, plan("b", "S2", PatientID=" ", PatientBirthDate="19880808")) == {}


def test_an_image_of_several_persons_is_named(plan):
    def change(index, dataset):
        dataset.PatientBirthDate = f"1950010{index + 1}"

    found = _found(plan("a", change=change))
    assert "the image holds several PatientBirthDates" in found["a"]


def test_one_study_is_of_one_subject(plan):
    uid = generate_uid()
    nobody = dict.fromkeys(DOE, "")
    first = plan("a", "S1", StudyInstanceUID=uid, **nobody)
    second = plan("b", "S2", StudyInstanceUID=uid, **nobody)
    found = _found(first, second, plan("c", "S3", **nobody))
    assert set(found) == {"a", "b"}
    assert "StudyInstanceUID" in found["a"]
    assert "A/S2/T1/b" in found["a"]
    assert _found(first, plan("d", "S1", StudyInstanceUID=uid, **nobody)) == {}


@pytest.mark.parametrize(
    ("uid", "cases"),
    [
        ("1.2.3.4", {"A/S1/T1/a", "A/S2/T1/b"}),
        ("1.2.840.10008.1.4.1.1", set()),
        ("", set()),
    ],
)
def test_a_frame_under_two_subjects_is_a_flag_unless_all_may_name_it(plan, uid, cases):
    nobody = dict.fromkeys(DOE, "")
    first = plan("a", "S1", FrameOfReferenceUID=uid, **nobody)
    second = plan("b", "S2", FrameOfReferenceUID=uid, **nobody)
    third = plan("c", "S2", FrameOfReferenceUID=generate_uid(), **nobody)
    assert _found(first, second, third) == {}
    assert _sharing_a_frame(first, second, third) == cases
    assert _sharing_a_frame(second, third) == set()


def test_an_object_of_ours_names_a_subject_and_no_patient(plan):
    ours = plan("b", PatientID="S1", PatientName="S1", Manufacturer="biomarker", PatientSex="O")
    assert _found(plan("a"), ours) == {}
    theirs = plan("c", PatientID="S1", Manufacturer="SIEMENS")
    assert "PatientID differs" in _found(plan("a"), theirs)["c"]


def test_the_index_keeps_nothing_readable(plan):
    plan("a", PatientName="SCHWARZENBERG^ADELHEID", PatientBirthDate="19371224", PatientID="Q77Z")
    for path in cache_folder().glob("*.sqlite*"):
        content = path.read_bytes()
        assert path.stat().st_mode & 0o077 == 0
        for word in (b"SCHWARZENBERG", b"schwarzenberg", b"19371224", b"Q77Z"):
            assert word not in content


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("DOE^JOHN", "doe  john", True),
        ("DOE^JOHN^^^", "DOE^JOHN", True),
        ("DOE, JOHN", "DOE^JOHN", True),
        ("=\u5c71", "\u5c71", True),
        ("DOE^JOHN", "DOE^JON", False),
        ("^", "", True),
    ],
)
def test_names_are_compared_by_their_letters(first, second, same):
    assert (normal_name(first) == normal_name(second)) is same


def test_a_folder_as_mask_is_not_searched(plan, tmp_path, monkeypatch):
    """Its case refuses it; below ``/`` lies all that the machine has."""
    (tmp_path / "below").mkdir()
    case = replace(plan("one"), mask=tmp_path)
    looked_for = []
    monkeypatch.setattr(masks, "scan", lambda paths, **_: looked_for.append(paths))
    assert not _found(case)
    assert not looked_for


def test_the_order_of_visits_is_no_contradiction_between_two_calendars(plan, tmp_path):
    moved = {"LongitudinalTemporalInformationModified": "MODIFIED"}
    later, earlier = {"StudyDate": "20240301"}, {"StudyDate": "20240101"}

    def said(first, second):
        shutil.rmtree(tmp_path)
        return _found(plan("a", **first), plan("b", timepoint="T2", **second))

    assert "earlier StudyDate" in said(later, earlier)["b"]
    assert "earlier StudyDate" in said(later | moved, earlier | moved)["b"]
    assert said(later, earlier | moved) == {}
    assert said(later | moved, earlier) == {}
