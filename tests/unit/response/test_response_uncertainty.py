"""How sure a call is: figures of the literature, and no call is changed."""

from __future__ import annotations

import pytest
from synthetic_response import assessed_of, calls_of

from biomarker_cli.response.errors import ResponseError
from biomarker_cli.response.reading_error import ReadingError, read_error
from biomarker_cli.response.uncertainty import Uncertainty, margin
from biomarker_cli.response.what_if import admissible, what_if_rows

PUBLISHED = ReadingError(2.4, "PMC3157977")


def lesions(n, size):
    return ";".join(f"T{place}={size}" for place in range(1, n + 1))


def shares(row):
    return {
        call: float(share) for call, share in (p.split(":") for p in row["p_categories"].split(";"))
    }


@pytest.mark.parametrize(
    ("before", "now", "call", "expected"),
    [
        (lesions(5, 20), lesions(5, 15), "PR", 0.14),
        (lesions(5, 20), lesions(5, 14), "PR", 0.50),
        (lesions(1, 15), lesions(1, 15), "PD", 0.019),
    ],
)
def test_probabilities_of_2_4_mm(before, now, call, expected):
    assessed = assessed_of("recist-1.1", [before, now])
    cells = Uncertainty(PUBLISHED, 1500, 1)(assessed)["TP1"]
    spread = 4 * (expected * (1 - expected) / 1500) ** 0.5 + 0.01
    assert shares(cells)[call] == pytest.approx(expected, abs=spread)
    assert assessed.visits[0].overall == calls_of("recist-1.1", [before, now])[0]


def test_the_same_seed_gives_the_same_shares_whoever_is_judged_before():
    assessed = assessed_of("recist-1.1", [lesions(3, 20), lesions(3, 15)])
    found = Uncertainty(PUBLISHED, 100, 7)
    assert found(assessed) == found(assessed)
    assert found(assessed) != Uncertainty(PUBLISHED, 100, 8)(assessed)


@pytest.mark.parametrize(
    ("before", "now", "steps", "call"),
    [
        ("T1=50;T2=50", "T1=40;T2=35", -5.0, "PR"),
        ("T1=50;T2=50", "T1=35;T2=35", 0.1, "SD"),
        ("T1=50;T2=50", "T1=60;T2=59.9", 0.1, "PD"),
        ("T1=50;T2=50", "T1=60;T2=60", -0.1, "SD"),
        ("T1=20", "T1=24.9", 0.1, "PD"),
    ],
)
def test_the_distance_to_the_next_threshold(before, now, steps, call):
    assert margin(assessed_of("recist-1.1", [before, now]), 0) == {
        "distance_mm": steps,
        "distance_call": call,
    }


def test_whether_a_change_exceeds_the_error_of_the_sum():
    annotate = Uncertainty(PUBLISHED, 100, 1)

    def exceeds(before, now):
        return annotate(assessed_of("recist-1.1", [before, now]))["TP1"]["exceeds_error"]

    assert exceeds("T1=50", "T1=45.2") == "yes"  # 4.8 > 4.7
    assert exceeds("T1=50", "T1=45.4") == "no"
    assert exceeds("T1=50;T2=50", "T1=45;T2=48.6") == "no"  # 6.4 < 4.7 sqrt 2 = 6.65
    assert exceeds("T1=50;T2=50", "T1=45;T2=48.3") == "yes"


def test_a_sum_without_lesions_and_an_uptake_have_no_error_in_mm():
    annotate = Uncertainty(PUBLISHED, 100, 1)
    assert annotate(assessed_of("recist-1.1", ["50", "40"])) == {}
    rows = [
        {"target": "T1=8", "extra": "liver=2+-0.2"},
        {"target": "T1=5", "extra": "liver=2+-0.2"},
    ]
    assert annotate(assessed_of("percist-1.0", rows)) == {}


def test_the_error_comes_from_a_file_of_the_product_or_the_literature(tmp_path):
    assert read_error("published").sd_of_change_mm == 2.4
    from biomarker_cli.tables.sealed_files import sealed
    from biomarker_cli.tables.writing import write_json

    feature = {"feature_id": "mask.size.longest_diameter", "unit": "mm", "wSD": [1.0, 0.8, 1.3]}
    content = {"format": "biomarker-repeatability/1", "features": [feature]}
    path = write_json(sealed(content), tmp_path / "repeatability.json")
    assert read_error(str(path)).sd_mm == pytest.approx(1.0)
    write_json(sealed(content) | {"features": []}, path)
    for wanted in (str(path), str(tmp_path / "none.json"), "unpublished"):
        with pytest.raises(ResponseError) as caught:
            read_error(wanted)
        assert caught.value.code == "RESPONSE-REPEATABILITY"
    path = write_json(sealed({**content, "features": []}), path)
    with pytest.raises(ResponseError, match="no within-subject"):
        read_error(str(path))


def candidates(first, organs="", others=()):
    from dataclasses import replace

    rows = [{"target": first, "organ": organs}, {"target": first, "organ": organs}]
    found = assessed_of("recist-1.1", rows)
    visits = []
    for visit in found.course.visits:
        lesions = tuple(one for one in visit.lesions if one.lesion_id not in others)
        rest = tuple(one for one in visit.lesions if one.lesion_id in others)
        visits.append(replace(visit, lesions=lesions, others=rest))
    return replace(found, course=replace(found.course, visits=tuple(visits)))


def test_choices_are_as_large_as_possible_and_show_every_organ():
    organs = "T1=liver;T2=liver;T3=lung;T4=bone"
    found = candidates("T1=30;T2=20;T3=20;T4=20", organs)
    assert admissible(found) == [("T1", "T2", "T3", "T4")]


def test_choices_take_two_of_an_organ_at_most():
    from dataclasses import replace

    found = candidates("T1=30;T2=20;T3=20;T4=20")
    first, *rest = found.course.visits
    lesions = tuple(replace(one, organ="liver") for one in first.lesions)
    moved = replace(first, lesions=lesions[:2], others=lesions[2:])
    found = replace(found, course=replace(found.course, visits=(moved, *rest)))
    assert len(admissible(found)) == 6
    assert all(len(choice) == 2 for choice in admissible(found))


def test_shares_of_the_calls_of_other_choices():
    from dataclasses import replace

    rows = [
        {"target": "T1=30;T2=30;T3=30;T4=30;T5=30"},
        {"target": "T1=20;T2=20;T3=20;T4=20;T5=20"},
    ]
    found = assessed_of("recist-1.1", rows)
    grown = assessed_of("recist-1.1", [{"target": "T6=30"}, {"target": "T6=60"}])
    visits = [
        replace(one, others=other.lesions)
        for one, other in zip(found.course.visits, grown.course.visits, strict=True)
    ]
    found = replace(found, course=replace(found.course, visits=tuple(visits)))
    shares = {row["target"]: row["share"] for row in what_if_rows(found)}
    # Of six choices one leaves out T6; with it the sum is 140 of 150.
    assert shares == {"PR": pytest.approx(1 / 6), "SD": pytest.approx(5 / 6)}
    (made,) = [row for row in what_if_rows(found) if row["is_made"]]
    assert made["target"] == "PR"
