"""A run and a ledger: identity, states, dates, planes; what masks cannot say is not inferred."""

from __future__ import annotations

import csv
from decimal import Decimal

import pytest
from synthetic_response import LONGEST, criterion_of, write_sized_run

from biomarker_cli.response.assessing import assess
from biomarker_cli.response.errors import ResponseError
from biomarker_cli.response.from_table import read_rows
from biomarker_cli.response.ledger import LEDGER, read_ledger
from biomarker_cli.response.measured_run import MeasuredRun
from biomarker_cli.response.proposing import proposed_rows
from biomarker_cli.response.run_courses import RunSource, run_courses
from biomarker_cli.response.subjects import read_subjects
from biomarker_cli.tables.errors import TableError
from biomarker_cli.tables.schema import CASES, FACTS

DATES = {("S1", "T1"): "20260101", ("S1", "T2"): "20260226"}
SIZES = {
    ("S1", "T1", "A"): (30.04, 20),
    ("S1", "T1", "B"): (22, 16),
    ("S1", "T2", "A"): (15, 10),
    ("S1", "T2", "B"): (14, 9.94),
}
ROWS = (
    "S1,,T1,,A,target,liver,no,measured,,,,,",
    "S1,,T1,,B,target,neck,yes,measured,,,,,",
    "S1,,T2,,A,target,liver,no,measured,,,,,",
    "S1,,T2,,B,target,neck,yes,measured,,,,,",
    "S1,,T2,,NEW,new,,,absent,,,,,",
)


@pytest.fixture
def judged(tmp_path):
    def run(rows=ROWS, sizes=SIZES, dates=DATES, ident="recist-1.1", subjects="", **more):
        folder = write_sized_run(tmp_path / "run", sizes, dates, **more)
        ledger = tmp_path / "lesions.csv"
        ledger.write_text("\n".join([",".join(LEDGER.column_names), *rows]) + "\n")
        known = {}
        if subjects:
            (tmp_path / "subjects.csv").write_text(subjects)
            known = read_subjects(tmp_path / "subjects.csv")
        source = RunSource(MeasuredRun(folder), known)
        (outcome,) = run_courses(source, read_ledger(ledger), criterion_of(ident))
        if outcome.error is not None:
            raise outcome.error
        return assess(outcome.course, criterion_of(ident))

    return run


def with_row(place, row):
    return (*ROWS[:place], row, *ROWS[place + 1 :])


def test_node_by_short_axis_and_others_by_longest_diameter(judged):
    found = judged()
    (visit,) = found.visits
    assert (visit.baseline, visit.value) == (Decimal("46.0"), Decimal("24.9"))
    assert (visit.overall, visit.visit.day) == ("PR", 56)
    assert found.course.visits[1].lesions[0].case_id == "A/S1/T2/ct"


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ("S1,,T2,,A,target,liver,no,absent,,,,,", "CR"),
        ("S1,,T2,,A,target,liver,no,too_small,,,,,", "PR"),
        ("S1,,T2,,A,target,liver,no,not_evaluable,,,,motion,", "NE"),
        ("S1,,T2,,A,target,liver,no,,,,,,", "NE"),
        ("S1,,T2,,A,target,liver,no,merged_into,B,,,,", "CR"),
    ],
)
def test_the_state_of_a_lesion_is_what_a_person_says(judged, row, expected):
    assert judged(with_row(2, row)).visits[0].overall == expected


def test_a_lesion_without_row_is_missing_and_never_0_mm(judged):
    (visit,) = judged((*ROWS[:2], *ROWS[3:])).visits
    assert visit.overall == "NE"
    assert visit.visit.lesions[0].state == "missing"


def test_a_lesion_without_mask_is_missing(judged):
    sizes = {place: size for place, size in SIZES.items() if place != ("S1", "T2", "A")}
    (visit,) = judged(sizes=sizes).visits
    assert (visit.overall, visit.visit.lesions[0].state) == ("NE", "missing")


def test_a_visit_without_any_row_is_there_and_not_evaluable(judged):
    dates = DATES | {("S1", "T3"): "20260423"}
    found = judged(dates=dates)
    assert [one.overall for one in found.visits] == ["PR", "NE"]


def test_nobody_said_whether_there_are_new_lesions(judged):
    assert judged(ROWS[:4]).visits[0].overall == "NE"
    assert judged(with_row(4, "S1,,T2,,NEW,new,,,,,,,,")).visits[0].overall == "NE"
    assert judged(with_row(4, "S1,,T2,,N1,new,,,present,,,,,")).visits[0].overall == "PD"
    equivocal = judged(with_row(4, "S1,,T2,,N1,new,,,equivocal,,,,,")).visits[0]
    assert "new_lesion_equivocal" in equivocal.flags


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        (("absent", "absent"), "cr"),
        (("absent", "non_cr_non_pd"), "non_cr_non_pd"),
        (("absent", "pd"), "pd"),
        (("absent", "not_evaluable"), "ne"),
        (("absent", ""), "ne"),
        (("absent", None), "ne"),
        (("increased", "absent"), "increased"),
        (("unchanged", "absent"), "unchanged"),
    ],
)
def test_non_target_lesions_together(judged, states, expected):
    extra = ["S1,,T1,,X,non_target,,,present,,,,,", "S1,,T1,,Y,non_target,,,present,,,,,"]
    extra += [
        f"S1,,T2,,{name},non_target,,,{state},,,,,"
        for name, state in zip("XY", states, strict=True)
        if state is not None
    ]
    (visit,) = judged((*ROWS, *extra)).visits
    assert visit.visit.non_target == expected


def test_fragments_are_summed(judged):
    sizes = SIZES | {("S1", "T2", "A1"): (9, 5), ("S1", "T2", "A2"): (8, 5)}
    rows = (
        *ROWS[:2],
        "S1,,T2,,A.1,target,liver,no,split_from,A,A1,,,",
        "S1,,T2,,A.2,target,liver,no,split_from,A,A2,,,",
        *ROWS[3:],
    )
    (visit,) = judged(rows, sizes).visits
    assert visit.value == Decimal("26.9")


@pytest.mark.parametrize(
    ("rows", "code"),
    [
        (with_row(2, "S1,,T2,,A,,liver,no,measured,,,,,"), "RESPONSE-ROLE-MISSING"),
        (with_row(0, "S1,,T1,,A,target,liver,,measured,,,,,"), "RESPONSE-ROLE-MISSING"),
        (with_row(2, "S1,,T2,,A,target,lung,no,measured,,,,,"), "RESPONSE-LESION-AMBIGUOUS"),
        (with_row(2, "S1,,T2,,A,new,liver,no,measured,,,,,"), "RESPONSE-LESION-AMBIGUOUS"),
        (with_row(2, "S1,,T2,,A,target,liver,yes,measured,,,,,"), "RESPONSE-LESION-AMBIGUOUS"),
        (with_row(2, "S1,,T2,,A,target,liver,no,measured,,B,,,"), "RESPONSE-LESION-AMBIGUOUS"),
        ((*ROWS, ROWS[2]), "RESPONSE-LESION-AMBIGUOUS"),
        ((*ROWS, "S1,,T2,,C,target,,no,measured,,A,,,"), "RESPONSE-LESION-AMBIGUOUS"),
        (with_row(2, "S1,,T2,,A,target,liver,no,melted,,,,,"), "RESPONSE-BAD-INPUT"),
        (with_row(2, "S1,,T2,,A,boss,liver,no,measured,,,,,"), "RESPONSE-BAD-INPUT"),
        (with_row(2, "S1,,T2,,A,target,liver,no,split_from,,,,,"), "RESPONSE-BAD-INPUT"),
        (with_row(2, "S1,,T2,monday,A,target,liver,no,measured,,,,,"), "RESPONSE-BAD-INPUT"),
        (with_row(2, "S1,,T2,2026-02-27,A,target,liver,no,measured,,,,,"), "RESPONSE-DATE-ORDER"),
        ((*ROWS, "S1,,T9,,A,target,liver,no,measured,,,,,"), "RESPONSE-DATE-ORDER"),
        ((*ROWS, "S1,,T2,,V,visit,,,,,,hu=80,,"), "RESPONSE-BAD-INPUT"),
    ],
)
def test_a_ledger_that_contradicts_itself_has_its_code(judged, rows, code):
    with pytest.raises(ResponseError) as caught:
        judged(rows)
    assert caught.value.code == code


def test_a_date_of_the_ledger_serves_where_the_run_has_none(judged):
    rows = with_row(2, "S1,,T2,2026-02-26,A,target,liver,no,measured,,,,,")
    (visit,) = judged(rows, dates={**DATES, ("S1", "T2"): ""}).visits
    assert visit.visit.day == 56


def test_a_uid_that_recurs_under_two_names_is_a_conflict(judged):
    uids = {("S1", "T1", "A"): "1.2.3", ("S1", "T2", "B"): "1.2.3"}
    with pytest.raises(ResponseError, match="tracking UID") as caught:
        judged(uids=uids)
    assert caught.value.code == "RESPONSE-LESION-AMBIGUOUS"


def test_another_plane_is_refused(judged):
    assert judged(normals={("S1", "T2", "A"): (0.0, 0.0, -1.0)}).visits[0].overall == "PR"
    with pytest.raises(ResponseError) as caught:
        judged(normals={("S1", "T2", "A"): (0.0, 0.1, 0.99)})
    assert caught.value.code == "RESPONSE-PLANE-CHANGED"


def test_a_run_of_before_the_column_is_weighed(tmp_path):
    folder = write_sized_run(tmp_path, SIZES, DATES, flags={("S1", "T2", "A"): "implausible"})
    path = folder / "measurements.csv"
    lines = [line.rpartition(",")[0] for line in path.read_text().splitlines()]
    path.write_text("\n".join(lines) + "\n")
    found = MeasuredRun(folder).value(["A/S1/T2/ct"], "A", LONGEST, [])
    assert found.reason == "not usable: implausible"


def test_a_row_that_is_not_usable_or_of_another_analysis_is_not_evaluable(judged):
    (visit,) = judged(flags={("S1", "T2", "A"): "do_not_use"}).visits
    assert visit.overall == "NE"
    assert visit.visit.lesions[0].reason == "not usable: do_not_use"
    (visit,) = judged(analyses={("S1", "T2", "A"): "recist-size@0.2.0"}).visits
    assert visit.overall == "NE"
    assert "recist-size@0.2.0" in visit.visit.lesions[0].reason
    (visit,) = judged(analyses={("S1", "T2", "A"): "who-size@0.1.0"}).visits
    assert visit.overall == "NE"


def test_the_size_of_a_mask_that_was_carried_from_another_visit_is_no_measurement(judged, tmp_path):
    """It is that of the visit where it was drawn: every response would be a stable disease."""
    flags = {("S1", "T2", "A"): "mask_propagated:rigid@1.0.0:0123456789abcdef;roi_small"}
    (visit,) = judged(flags=flags).visits
    assert visit.overall == "NE"
    assert "carried from another visit" in visit.visit.lesions[0].reason
    rows = tmp_path / "run" / "registrations.csv"
    # Drawn on another image of the visit it has its size.
    for source, expected in (("A/S1/T2/pet", "PR"), ("A/S1/T1/ct", "NE")):
        rows.write_text(f"case_id,source_case_id\nA/S1/T2/ct,{source}\n")
        assert judged(flags=flags).visits[0].overall == expected
    (visit,) = judged(flags={("S1", "T2", "A"): "roi_small"}).visits
    assert visit.overall == "PR"


def test_another_contrast_phase_is_not_evaluable_by_choi(judged):
    facts = {("S1", "T1", "contrast_phase"): "portal", ("S1", "T2", "contrast_phase"): "arterial"}
    (visit,) = judged(ident="choi", analysis="choi-ct@0.1.0", facts=facts).visits
    assert visit.overall == "NE"
    assert "contrast_phase_differs" in visit.flags
    facts = {("S1", "T1", "tube_voltage_kv"): "120", ("S1", "T2", "tube_voltage_kv"): "100"}
    (visit,) = judged(ident="choi", analysis="choi-ct@0.1.0", facts=facts).visits
    assert (visit.overall, "tube_voltage_kv_differs" in visit.flags) == ("PR", True)


def test_the_contrast_phase_is_that_of_the_image_that_was_measured(tmp_path):
    facts = {("S1", at, "contrast_phase"): "portal" for at in ("T1", "T2")}
    folder = write_sized_run(tmp_path / "run", SIZES, DATES, analysis="choi-ct@0.1.0", facts=facts)
    # Another image of the second visit, which stands first and was not measured.
    for table, values in (
        (CASES, {"subject_id": "S1", "site_id": "A", "timepoint": "T2", "modality": "CT"}),
        (FACTS, {"fact": "contrast_phase", "value": "arterial"}),
    ):
        path = folder / table.file_name
        header, *rows = path.read_text().splitlines()
        added = {"case_id": "A/S1/T2/arterial"} | values
        line = ",".join(added.get(name, "") for name in header.split(","))
        path.write_text("\n".join([header, line, *rows]) + "\n")
    ledger = tmp_path / "lesions.csv"
    ledger.write_text("\n".join([",".join(LEDGER.column_names), *ROWS]) + "\n")
    choi = criterion_of("choi")
    (outcome,) = run_courses(RunSource(MeasuredRun(folder), {}), read_ledger(ledger), choi)
    assert outcome.course is not None
    (visit,) = assess(outcome.course, choi).visits
    assert "contrast_phase_differs" not in visit.flags
    assert visit.overall == "PR"


def test_a_target_is_large_enough_for_the_thickness_of_its_slices(judged):
    assert judged(limits={("S1", "T1", "A"): 30.04}).visits[0].overall == "PR"
    assert judged(limits={("S1", "T2", "A"): 99}).visits[0].overall == "PR"
    with pytest.raises(ResponseError) as caught:
        judged(limits={("S1", "T1", "A"): 30.1})
    assert caught.value.code == "RESPONSE-NOT-MEASURABLE"


def test_a_mask_that_no_lesion_has_is_flagged(judged):
    sizes = SIZES | {("S1", "T2", "C"): (12, 9)}
    assert "roi_without_ledger" in judged(sizes=sizes).visits[0].flags
    assert "roi_without_ledger" not in judged().visits[0].flags
    rows = (*ROWS, "S1,,T2,,C,not_a_lesion,,,measured,,,,,")
    assert "roi_without_ledger" not in judged(rows, sizes).visits[0].flags


def test_days_count_from_the_reference_date(judged):
    subjects = "subject_id,reference_date,reference_meaning\nS1,2026-01-08,randomisation\n"
    (visit,) = judged(subjects=subjects).visits
    assert visit.visit.day == 49


def test_a_proposal_says_what_masks_can_and_nothing_more(tmp_path):
    uids = {("S1", "T1", "A"): "1.2.3", ("S1", "T2", "C"): "1.2.3"}
    sizes = {("S1", "T1", "A"): (30, 20), ("S1", "T2", "C"): (20, 10)}
    run = MeasuredRun(write_sized_run(tmp_path, sizes, DATES, uids=uids))
    rows = proposed_rows(run)
    assert [(row["timepoint"], row["lesion_id"], row.get("roi_id")) for row in rows] == [
        ("T1", "A", "A"),
        ("T2", "A", "C"),
        ("T2", "NEW", None),
    ]
    assert all(not row.get("role") for row in rows[:2])
    assert all(not row.get("is_node") for row in rows)
    assert rows[1]["basis"] == "tracking UID 1.2.3"
    assert not rows[2].get("state")


def test_a_uid_that_stands_once_proves_nothing(tmp_path):
    uids = {("S1", "T1", "A"): "1.2.3", ("S1", "T2", "A"): "1.2.4"}
    sizes = {("S1", "T1", "A"): (30, 20), ("S1", "T2", "A"): (20, 10)}
    rows = proposed_rows(MeasuredRun(write_sized_run(tmp_path, sizes, DATES, uids=uids)))
    assert rows[0]["basis"] == "name A"


@pytest.mark.parametrize(
    ("content", "error"),
    [
        ("", TableError),
        ("subject_id,timepoint\nS1,T1\n", TableError),
        (",".join(LEDGER.column_names) + "\n", ResponseError),
        (
            ",".join(LEDGER.column_names) + "\n" + "," * (len(LEDGER.column_names) - 1) + "\n",
            ResponseError,
        ),
    ],
)
def test_a_ledger_that_is_none_is_refused(tmp_path, content, error):
    path = tmp_path / "lesions.csv"
    path.write_text(content)
    with pytest.raises(error):
        read_ledger(path)


@pytest.mark.parametrize(
    "content",
    [
        "subject_id\nS1\nS1\n",
        "subject_id,arm\n,A\n",
        "subject_id,death_date\nS1,soon\n",
        "subject_id,analysis_set\nS1,perhaps\n",
        "subject_id,death_date\nS1,2026-02-30\n",
    ],
)
def test_a_file_of_subjects_that_is_none_is_refused(tmp_path, content):
    path = tmp_path / "subjects.csv"
    path.write_text(content)
    with pytest.raises(ResponseError) as caught:
        read_subjects(path)
    assert caught.value.code == "RESPONSE-BAD-INPUT"


def test_lesions_that_are_not_where_their_role_says_are_refused(judged):
    new_at_baseline = (*ROWS, "S1,,T1,,N1,new,,,present,,,,,")
    later_non_target = (*ROWS, "S1,,T2,,C,non_target,bone,,pd,,,,,")
    for rows, code in (
        (new_at_baseline, "RESPONSE-BAD-INPUT"),
        (later_non_target, "RESPONSE-LESION-AMBIGUOUS"),
    ):
        with pytest.raises(ResponseError) as caught:
            judged(rows)
        assert caught.value.code == code
    judged((*ROWS, "S1,,T1,,NEW,new,,,absent,,,,,"))


def test_two_visits_set_one_parameter_of_a_subject_alike(judged):
    def rows(first, second):
        given = zip(("T1", "T2"), (first, second), strict=True)
        return (*ROWS, *(f"S1,,{at},,V,visit,,,,,,min_sd={days},," for at, days in given))

    assert judged(rows(42, 42)).parameters["min_sd"] == 42
    with pytest.raises(ResponseError, match="42 and 10"):
        judged(rows(42, 10))


def test_a_death_before_the_reference_date_is_refused(tmp_path):
    path = tmp_path / "subjects.csv"
    path.write_text("subject_id,reference_date,death_date\nS1,2026-02-01,2026-01-01\n")
    with pytest.raises(ResponseError) as caught:
        read_subjects(path)["S1"].on_axis(None)
    assert caught.value.code == "RESPONSE-DATE-ORDER"


def test_the_ledger_that_is_proposed_is_one_that_is_read(tmp_path):
    from biomarker_cli.tables.writing import write_table

    run = MeasuredRun(write_sized_run(tmp_path / "run", SIZES, DATES))
    path = write_table(LEDGER, proposed_rows(run), tmp_path)
    with path.open(newline="") as stream:
        assert csv.DictReader(stream).fieldnames == list(LEDGER.column_names)
    assert len(read_ledger(path)) == 5


def test_one_ledger_serves_criteria_that_read_other_images(judged):
    """A target that PET did not measure is none of PERCIST, and no scan is no answer."""
    found = judged(ident="percist-1.0")
    assert found.course.visits[0].lesions == ()
    assert [one.overall for one in found.visits] == ["NE"]
    rows = with_row(4, "S1,,T2,,N1,new,,,present,,,,,")
    assert judged(rows, ident="percist-1.0").visits[0].overall == "NE"
    assert judged(rows).visits[0].overall == "PD"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00\xff\xfe\x01",
        b"PK\x03\x04",
        b"subject_id,timepoint\nS1,BL\n",
        b"subject_id,timepoint,day\n",
        b'subject_id,timepoint,day\n"S1,BL,0\n',
        b"subject_id,timepoint,day\nS1,BL,0,more,cells\n",
    ],
)
def test_a_table_that_is_none_is_refused(tmp_path, content):
    path = tmp_path / "readings.csv"
    path.write_bytes(content)
    with pytest.raises((ResponseError, TableError)):
        read_rows(path)


def test_marks_and_line_ends_of_a_spreadsheet_are_read(tmp_path):
    path = tmp_path / "readings.csv"
    path.write_bytes(b"\xef\xbb\xbfsubject_id,timepoint,day\r\nS1,BL,0\r\n")
    (row,) = read_rows(path)
    assert (row["subject_id"], row["day"], row["target"]) == ("S1", "0", "")


MOVED = {(*place, "dates_modified"): "MODIFIED" for place in DATES}
DATED = tuple(
    row.replace(f"S1,,{visit},,", f"S1,,{visit},{day},")
    for row in ROWS
    for visit, day in (("T1", "2026-03-01"), ("T2", "2026-03-29"))
    if row.startswith(f"S1,,{visit}")
)
SUBJECTS = "subject_id,reference_date,reference_meaning\nS1,2026-02-22,randomisation\n"


def test_dates_that_were_moved_together_keep_their_distance(judged):
    assert [one.visit.day for one in judged(facts=MOVED).visits] == [56]


def test_dates_of_the_ledger_stand_in_place_of_dates_that_were_moved(judged):
    assert [one.visit.day for one in judged(DATED, facts=MOVED).visits] == [28]
    assert [one.visit.day for one in judged(DATED, facts=MOVED, subjects=SUBJECTS).visits] == [35]
    days = SUBJECTS.replace("2026-02-22", "-7")
    assert judged(facts=MOVED, subjects=days).visits[0].visit.day == 56


@pytest.mark.parametrize(
    ("rows", "facts", "subjects"),
    [
        # Part of the dates are of the calendar, and part of none.
        ((*ROWS[:2], *DATED[2:]), MOVED, ""),
        (ROWS, {("S1", "T2", "dates_modified"): "MODIFIED"}, ""),
        (ROWS, MOVED, SUBJECTS),
        (ROWS, MOVED, "subject_id,death_date\nS1,2027-01-01\n"),
    ],
)
def test_days_between_two_calendars_are_not_assessable(judged, rows, facts, subjects):
    with pytest.raises(ResponseError, match="not assessable") as caught:
        judged(rows, facts=facts, subjects=subjects)
    assert caught.value.code == "RESPONSE-DATES-SHIFTED"


def test_a_date_that_was_moved_is_not_proposed_as_one(tmp_path):
    run = MeasuredRun(write_sized_run(tmp_path, SIZES, DATES, facts=MOVED))
    rows = proposed_rows(run)
    assert [row["timepoint"] for row in rows] == ["T1", "T1", "T2", "T2", "T2"]
    assert {row["date"] for row in rows} == {""}
