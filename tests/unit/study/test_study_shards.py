"""Shards: every case belongs to one, and only shards that are alike make one run."""

from __future__ import annotations

import json
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from synthetic_results import case_result, survey

from biomarker_cli.study.cohort import Cohort
from biomarker_cli.study.cohort_case import Decision
from biomarker_cli.study.errors import StudyError
from biomarker_cli.study.finished import finished
from biomarker_cli.study.packed import pack
from biomarker_cli.study.shards import (
    Shard,
    ShardMade,
    begin_shard,
    end_shard,
    lines_of,
    read_shards,
)

MADE = ShardMade("trial", "s", "0.1.0", {"a": "1"}, "k", "p")


@given(st.lists(st.text(min_size=1), max_size=30), st.integers(1, 20))
def test_every_case_belongs_to_one_shard_whatever_the_others_are(case_ids, of):
    shards = [Shard(number, of) for number in range(1, of + 1)]
    for case_id in case_ids:
        assert sum(shard.has(case_id) for shard in shards) == 1


def test_cases_are_spread_evenly():
    counts = Counter(
        next(n for n in range(1, 5) if Shard(n, 4).has(f"S/P{k:05}/T1/ct")) for k in range(4000)
    )
    assert all(900 < count < 1100 for count in counts.values())


@pytest.mark.parametrize("text", ["", "1", "0/3", "4/3", "1/0", "-1/3", "1/3/5", "1.5/3", "a/b"])
def test_what_is_no_shard_is_refused(text):
    with pytest.raises(ValueError, match="no shard"):
        Shard.parse(text)
    assert Shard.parse("2/8") == (2, 8)


def write(folder, shard, made=MADE, cases=("S/1/T1/ct",)):
    cohort = Cohort.in_memory()
    for place, case_id in enumerate(cases):
        cohort.add(survey(case_id, persons=("a.b.c.d",)), place, "mark", ("1.2", "1.3"))
        cohort.decide(place + 1, Decision("run", "not measured before"))
        result = pack(finished(case_result(case_id, pixels="px")), "trial", {"a": 1}, "n")[0]
        cohort.take_result(place + 1, result.sealed()[0])
    begin_shard(folder, shard)
    end_shard(folder, shard, made, folder / "study.yaml", cohort)
    return cohort


@pytest.fixture
def folder(tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    return out


def read_all(folder):
    return [line for file in read_shards(folder) for line in lines_of(folder, file)]


def refused(folder):
    with pytest.raises(StudyError) as caught:
        read_all(folder)
    return caught.value.code, str(caught.value)


def test_what_a_shard_exports_another_cohort_takes_as_it_was(folder):
    first = write(folder, Shard(1, 1), cases=("S/1/T1/ct", "S/2/T1/ct"))
    (file,) = read_shards(folder)
    assert (file.made, file.n_cases, file.study_file) == (MADE, 2, "study.yaml")
    second = Cohort.in_memory()
    places = {"S/2/T1/ct": 0, "S/1/T1/ct": 1}
    for said in lines_of(folder, file):
        second.take_exported(said, places)
    assert [case.case_id for case in second.cases()] == list(places)
    for case_id in places:
        one, other = (
            next(case for case in cohort.cases() if case.case_id == case_id)
            for cohort in (first, second)
        )
        for name in ("survey", "head", "seal", "status", "action", "reason", "notes", "outcomes"):
            assert getattr(one, name) == getattr(other, name)
    for kind in ("instance", "pixels"):
        assert len(list(second.shared(kind))) == len(list(first.shared(kind))) > 0
    assert list(second.exported()) == list(reversed(list(first.exported())))


def test_no_shards_are_named_as_such(folder):
    assert refused(folder)[0] == "SHARD-MISSING"


def test_shards_that_are_missing_are_named(folder):
    for number in (1, 3):
        write(folder, Shard(number, 4))
    code, told = refused(folder)
    assert code == "SHARD-MISSING"
    assert "2/4, 4/4" in told


def test_a_shard_that_began_again_is_missing_until_it_ends(folder):
    write(folder, Shard(1, 1))
    begin_shard(folder, Shard(1, 1))
    assert refused(folder)[0] == "SHARD-MISSING"


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("study", "other", "study"),
        ("study_sha256", "x", "list of cases"),
        ("program", "0.2.0", "version of the program"),
        ("protocols", {"a": "2"}, "protocols"),
        ("study_key", "x", "study.key"),
        ("person_key", "x", "BIOMARKER_CACHE_DIR"),
    ],
)
def test_shards_that_are_unlike_are_refused_with_what_differs(folder, field, value, told):
    write(folder, Shard(1, 2))
    write(folder, Shard(2, 2), ShardMade(**{**MADE.__dict__, field: value}))
    code, said = refused(folder)
    assert code == "SHARD-UNLIKE"
    assert "1/2 and 2/2" in said
    assert told in said


def test_shards_of_two_divisions_are_refused(folder):
    write(folder, Shard(1, 2))
    write(folder, Shard(1, 3))
    code, told = refused(folder)
    assert code == "SHARD-UNLIKE"
    assert "2 and 3" in told


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: "",
        lambda text: "{",
        lambda text: "[]",
        lambda text: text.replace("biomarker-shard/1", "biomarker-shard/9"),
        lambda text: text.replace('"made"', '"mode"'),
        lambda text: json.dumps({**json.loads(text), "shard": [2, 2]}),
        lambda text: json.dumps({**json.loads(text), "shard": "1/1"}),
        lambda text: text.replace('"study": "trial"', '"student": "trial"'),
        lambda text: "[" * 100_000,
    ],
)
def test_a_damaged_file_of_a_shard_is_named(folder, damage):
    write(folder, Shard(1, 1))
    path = folder / "shards" / "1-of-1.json"
    path.write_text(damage(path.read_text()))
    code, told = refused(folder)
    assert code == "SHARD-DAMAGED"
    assert "1-of-1.json" in told


@pytest.mark.parametrize("damage", [lambda c: b"", lambda c: c[:-5], lambda c: c + c, None])
def test_damaged_cases_of_a_shard_are_named(folder, damage):
    write(folder, Shard(1, 1))
    path = folder / "shards" / "1-of-1.cases"
    assert path.stat().st_mode & 0o077 == 0
    if damage is None:
        path.unlink()
    else:
        path.write_bytes(damage(path.read_bytes()))
    assert refused(folder)[0] == "SHARD-DAMAGED"
