"""What a study asks of its sites becomes a flag or a refusal of one case."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from biomarker_cli.case.plan import CasePlan, ImagePlan
from biomarker_cli.catalogue.candidate import VolumeCandidate, VolumeStatus
from biomarker_cli.catalogue.instances import Visit
from biomarker_cli.model.errors import CaseError
from biomarker_cli.model.flags import FLAGS, join_flags
from biomarker_cli.study.errors import StudyError
from biomarker_cli.study.passports import (
    PassportRules,
    StudyPassports,
    examination_days,
    with_passports,
)
from biomarker_cli.study.planned import PlannedCase
from biomarker_cli.study.study_file import load_study
from biomarker_cli.study.terms import study_sha256
from biomarker_cli.tables.errors import PassportError
from biomarker_cli.tables.passport_row import PassportRow


def volume(day: str, series: str = "1", moved: str = "") -> VolumeCandidate:
    return VolumeCandidate(
        volume_id=series,
        study_uid="1.2",
        series_uid=series,
        frame_of_reference_uid="",
        patient_keys=(),
        modality="PT",
        kind="original",
        description="",
        split_by="",
        n_files=1,
        n_frames=1,
        rows=1,
        columns=1,
        refs=(),
        geometry=None,
        status=VolumeStatus.OK,
        visit=Visit(day, moved),
    )


def case(*days: str, role: str = "pet", series: str = "") -> PlannedCase:
    volumes = tuple(volume(day, str(n)) for n, day in enumerate(days, start=1))
    image = ImagePlan(role, volumes, series=series)
    return PlannedCase(CasePlan("A", "P", "T1", role, (image,), None, ()))


def passports(*rows: PassportRow, on_missing: str = "flag", **asked: object) -> StudyPassports:
    wanted = {"test": "pet_phantom", "max_age_days": 30, **asked}
    rules = {"file": "p.csv", "on_missing": on_missing, "requires": [wanted]}
    return StudyPassports(PassportRules.model_validate(rules), rows)


def passed_on(day: str = "2026-03-01", outcome: str = "pass", **more: object) -> PassportRow:
    said = {"site_id": "A", "test": "pet_phantom", "quantity": "q", **more}
    return PassportRow(date=day, outcome=outcome, **said)


@pytest.mark.parametrize(
    ("rows", "days", "flags"),
    [
        ([passed_on()], ["20260310"], set()),
        ([], ["20260310"], {"passport_missing:pet_phantom"}),
        ([passed_on()], ["20260401"], {"passport_stale:pet_phantom"}),
        ([passed_on()], ["20260331"], set()),
        ([passed_on(outcome="fail")], ["20260310"], {"passport_failed:pet_phantom"}),
        ([passed_on()], [""], {"passport_undated:pet_phantom"}),
        ([passed_on()], [], {"passport_undated:pet_phantom"}),
        ([passed_on()], ["2026031"], {"passport_undated:pet_phantom"}),
        # Of images of two days, each is judged.
        ([passed_on()], ["20260310", "20260201"], {"passport_missing:pet_phantom"}),
    ],
)
def test_a_case_is_flagged_by_the_day_of_its_examination(rows, days, flags):
    found = with_passports(case(*days), passports(*rows))
    assert found.flags == flags
    assert found.refusal is None
    assert join_flags(found.flags) == ";".join(sorted(flags))


@pytest.mark.parametrize(
    ("rows", "days", "code"),
    [
        ([], ["20260310"], "PASSPORT-MISSING"),
        ([passed_on()], ["20260401"], "PASSPORT-STALE"),
        ([passed_on(outcome="fail")], ["20260310"], "PASSPORT-FAILED"),
        ([passed_on()], [], "PASSPORT-UNDATED"),
    ],
)
def test_a_case_is_refused_where_the_study_says_so(rows, days, code):
    found = with_passports(case(*days), passports(*rows, on_missing="refuse"))
    assert found.refusal is not None
    assert found.refusal.code == code
    assert found.flags == frozenset()


def test_only_the_volumes_that_are_spoken_of_tell_the_day():
    assert examination_days(case("20260310", "20200101", series="1").plan) == [date(2026, 3, 10)]
    assert examination_days(case("20260310", "").plan) == [date(2026, 3, 10), None]


def test_days_are_told_from_the_first_on_and_an_unknown_one_last():
    days = examination_days(case("", "20260310", "20251231", "20260101").plan)
    assert days == [date(2025, 12, 31), date(2026, 1, 1), date(2026, 3, 10), None]


def test_a_refusal_names_the_earliest_day_that_is_without():
    found = with_passports(
        case("20260910", "20260501", "20260310"), passports(passed_on(), on_missing="refuse")
    )
    assert found.refusal is not None
    assert found.refusal.code == "PASSPORT-STALE"
    assert "2026-05-01" in found.refusal.message


def test_a_role_that_is_not_named_needs_none():
    asked = passports(roles=("pet",))
    assert with_passports(case("20260310", role="ct"), asked).flags == frozenset()
    assert with_passports(case("20260310"), asked).flags


def test_what_is_refused_for_another_reason_stays_so():
    earlier = PlannedCase(case("20260310").plan, CaseError("CASE-NO-MASK", "none"))
    asked = passports(on_missing="refuse")
    assert with_passports(earlier, asked) is earlier
    assert with_passports(case("20260310"), None).flags == frozenset()


def test_the_digest_follows_what_the_passports_say():
    one, other = passports(passed_on()), passports(passed_on(outcome="fail"))
    assert one.digest == passports(passed_on()).digest != other.digest


def test_parts_of_a_study_that_know_other_passports_are_not_of_one_study(tmp_path):
    section = f"file: p.csv, on_missing: flag, requires: [{ASKED}]"
    head = "site_id,test,date,quantity,outcome\n"
    before = study_sha256(load_study(study(tmp_path, section, head)), None)
    assert study_sha256(load_study(study(tmp_path, section, head)), None) == before
    more = f"{head}A,pet_phantom,2026-01-01,q,pass\n"
    assert study_sha256(load_study(study(tmp_path, section, more)), None) != before


def test_every_state_has_its_flag():
    words = {"missing", "stale", "failed", "undated"}
    assert {f"passport_{word}" for word in words} <= set(FLAGS)


HEAD = "format: biomarker-study/1\nid: x\nroles:\n  pet:\n    analyses: [fdg-suv]\n"
ASKED = "{test: pet_phantom, max_age_days: 30}"


def study(folder: Path, section: str, book: str = "site_id,test,date,quantity,outcome\n") -> Path:
    (folder / "cases.csv").write_text(
        "site_id,subject_id,timepoint,role,image,mask\nA,P,T1,pet,i,\n"
    )
    (folder / "p.csv").write_text(book)
    (folder / "study.yaml").write_text(f"{HEAD}passports: {{{section}}}\n")
    return folder / "study.yaml"


@pytest.mark.parametrize(
    ("section", "said"),
    [
        (f"file: p.csv, requires: [{ASKED}]", "on_missing"),
        (f"file: p.csv, on_missing: warn, requires: [{ASKED}]", "on_missing"),
        ("file: p.csv, on_missing: flag, requires: []", "requires"),
        ("file: p.csv, on_missing: flag", "requires"),
        ("file: p.csv, on_missing: flag, requires: [{test: x}]", "max_age_days"),
        ("file: p.csv, on_missing: flag, requires: [{test: X Y, max_age_days: 1}]", "test"),
        ("file: p.csv, on_missing: flag, requires: [{test: x, max_age_days: -1}]", "max_age"),
        (
            "file: p.csv, on_missing: flag, requires: [{test: x, max_age_days: 1, roles: [ct]}]",
            "no role ct",
        ),
        (
            "file: p.csv, on_missing: flag, "
            "requires: [{test: x, max_age_days: 1, minimum: 2, maximum: 1}]",
            "minimum is above",
        ),
        (
            "file: p.csv, on_missing: flag, requires: [{test: x, max_age_days: 1, maximum: .nan}]",
            "not finite",
        ),
        (f"file: '', on_missing: flag, requires: [{ASKED}]", "file"),
        (f"file: ../p.csv, on_missing: flag, requires: [{ASKED}]", "passports names a file"),
    ],
)
def test_a_section_that_cannot_be_used_is_refused(tmp_path, section, said):
    with pytest.raises(StudyError, match=said):
        load_study(study(tmp_path, section))


def test_passports_that_cannot_be_read_stop_the_study(tmp_path):
    section = f"file: p.csv, on_missing: flag, requires: [{ASKED}]"
    loaded = load_study(study(tmp_path, section))
    assert loaded.passports is not None
    assert loaded.passports.rows == ()
    with pytest.raises(PassportError, match="columns are missing"):
        load_study(study(tmp_path, section, "a,b\n"))
    (tmp_path / "p.csv").unlink()
    with pytest.raises(PassportError, match="cannot be read"):
        load_study(tmp_path / "study.yaml")


@pytest.mark.parametrize("moved", ["MODIFIED", "REMOVED"])
def test_a_date_that_was_moved_is_held_against_no_passport(moved):
    volumes = (volume("20260310"), volume("20260310", "2", moved))
    images = (ImagePlan("pet", volumes),)
    planned = PlannedCase(CasePlan("A", "P", "T1", "pet", images, None, ()))
    for rows in ([passed_on()], [], [passed_on("2020-01-01")], [passed_on(outcome="fail")]):
        found = with_passports(planned, passports(*rows))
        assert found.flags == {"passport_dates_shifted:pet_phantom"}
        assert join_flags(found.flags)
        refused = with_passports(planned, passports(*rows, on_missing="refuse")).refusal
        assert refused.code == "PASSPORT-DATES-SHIFTED"
    told = PlannedCase(replace(planned.plan, images=(ImagePlan("pet", volumes[:1]),)))
    assert not with_passports(told, passports(passed_on())).flags
