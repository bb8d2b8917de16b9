"""What holds of every course: order, new lesions, growth and scale."""

from __future__ import annotations

import random
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from synthetic_response import assessed_of, calls_of, criterion_of, rows_of

from biomarker_cli.response.assessing import assess
from biomarker_cli.response.errors import ResponseError
from biomarker_cli.response.from_table import table_courses

BY_SIZE = ("recist-1.1", "irecist", "mrecist-hcc", "recil-2017")
BY_PRODUCT = ("who", "rano", "rano-lgg", "lugano-2014")

WORST_LAST = {
    **dict.fromkeys(("CR", "iCR", "CMR"), 0),
    **dict.fromkeys(("PR", "iPR"), 1),
    "MR": 2,
    **dict.fromkeys(("SD", "iSD"), 3),
    "NE": 4,
    **dict.fromkeys(("PD", "iUPD", "iCPD"), 5),
}

tenths = st.integers(min_value=0, max_value=1200)
first_sizes = st.lists(st.integers(min_value=200, max_value=900), min_size=1, max_size=3)


def cell(sizes, factor=1, pairs=False):
    parts = []
    for place, size in enumerate(sizes, start=1):
        longest = Decimal(size * factor) / 10
        text = f"{longest}x{longest / 2}" if pairs else str(longest)
        parts.append(f"T{place}={text}")
    return ";".join(parts)


@st.composite
def courses(draw):
    first = draw(first_sizes)
    n_visits = draw(st.integers(min_value=1, max_value=4))
    later = [[draw(tenths) for _ in first] for _ in range(n_visits)]
    return [first, *later]


@pytest.mark.parametrize("criterion", BY_SIZE)
@settings(max_examples=12, deadline=None)
@given(course=courses(), more=st.integers(min_value=1, max_value=300))
def test_a_larger_diameter_never_improves_its_visit(criterion, course, more):
    before = calls_of(criterion, [cell(sizes) for sizes in course])
    grown = [*course[:-1], [course[-1][0] + more, *course[-1][1:]]]
    after = calls_of(criterion, [cell(sizes) for sizes in grown])
    assert WORST_LAST[after[-1]] >= WORST_LAST[before[-1]]
    assert after[:-1] == before[:-1]


@pytest.mark.parametrize("criterion", [*BY_SIZE, *BY_PRODUCT])
@settings(max_examples=8, deadline=None)
@given(course=courses())
def test_a_new_lesion_never_improves_its_visit(criterion, course):
    pairs = criterion in BY_PRODUCT
    rows = [{"target": cell(sizes, pairs=pairs)} for sizes in course]
    before = calls_of(criterion, rows)[-1]
    rows[-1] |= {"new_lesion": "yes"}
    assert WORST_LAST[calls_of(criterion, rows)[-1]] >= WORST_LAST[before]


@pytest.mark.parametrize("criterion", ["mrecist-hcc", "who", "rano"])
@settings(max_examples=8, deadline=None)
@given(course=courses(), factor=st.integers(min_value=2, max_value=9))
def test_relative_calls_keep_under_whole_scales(criterion, course, factor):
    pairs = criterion in BY_PRODUCT
    plain = [cell(sizes, pairs=pairs) for sizes in course]
    scaled = [cell(sizes, factor, pairs) for sizes in course]
    assert calls_of(criterion, scaled) == calls_of(criterion, plain)


@settings(max_examples=15, deadline=None)
@given(course=courses(), seed=st.integers(min_value=0, max_value=10**6))
def test_the_order_of_rows_and_lesions_changes_nothing(course, seed):
    source = random.Random(seed)
    rows = rows_of([cell(sizes) for sizes in course])
    turned = []
    for row in rows:
        lesions = row["target"].split(";")
        source.shuffle(lesions)
        turned.append(type(row)(row.line, {**row.cells, "target": ";".join(lesions)}))
    source.shuffle(turned)
    criterion = criterion_of("recist-1.1")
    found = []
    for given_rows in (rows, turned):
        (outcome,) = table_courses(given_rows, criterion)
        assessed = assess(outcome.course, criterion)
        found.append([(one.overall, one.value, one.nadir) for one in assessed.visits])
    assert found[0] == found[1]


@settings(max_examples=15, deadline=None)
@given(course=courses())
def test_a_missing_lesion_gives_progression_or_nothing(course):
    rows = [cell(sizes) for sizes in course]
    first = rows[-1].split(";")[0]
    without = [*rows[:-1], rows[-1].replace(first, "T1=missing", 1)]
    found = assessed_of("recist-1.1", without).visits[-1]
    assert found.overall in {"PD", "NE"}
    assert found.value is None


PIECES = (
    *("T1=", "N2", "20", "20x15", ";", "=", "+", "/", ".", "e9", "-", "nan", "SPD=", "TSTM"),
    *("missing", "none", "yes", "given=", "PR", "liver=", "+-", "\x1b", "\u202e", "=cmd()", "'"),
)
cells_of_people = st.one_of(
    st.text("Tn1=.;x \n\0\u0663\ud800é", max_size=12),
    st.lists(st.sampled_from(PIECES), max_size=6).map("".join),
)
NAMES = ("timepoint", "day", "target", "non_target", "new_lesion", "new_lesion_sizes", "extra")


@settings(max_examples=60, deadline=None)
@given(
    name=st.sampled_from(NAMES),
    place=st.integers(min_value=0, max_value=2),
    text=cells_of_people,
    criterion=st.sampled_from((*BY_SIZE, *BY_PRODUCT, "percist-1.0", "pcwg3-bone")),
)
def test_whatever_stands_in_a_cell_is_judged_or_refused_by_code(name, place, text, criterion):
    rows = rows_of(["T1=30", "T1=20", "T1=25"])
    rows[place] = type(rows[place])(place + 2, {**rows[place].cells, name: text})
    loaded = criterion_of(criterion)
    (outcome,) = table_courses(rows, loaded)
    error = outcome.error
    if error is None:
        try:
            judged = assess(outcome.course, loaded)
        except ResponseError as found:
            error = found
        else:
            assert all(one.overall in loaded.calls for one in judged.visits)
    if error is not None:
        assert error.code.startswith("RESPONSE-")
        assert error.message
