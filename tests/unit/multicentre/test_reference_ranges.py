"""Reference ranges: limits by ranks and of a normal distribution, and where they end."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from biomarker_cli.model.errors import BiomarkerError
from biomarker_cli.multicentre.observations import read_observations
from biomarker_cli.multicentre.reference_model import HIGH, LOW, ReferenceModel, fit_reference
from biomarker_cli.multicentre.reference_ranges import fit_ranges, load_reference
from biomarker_cli.multicentre.referenced import REFERENCED, referenced_rows
from biomarker_cli.tables.writing import table_lines, write_json

MEDIAN = "adc.intensity.median"


def no_covariates(n):
    return np.zeros((n, 0))


def test_120_subjects_have_the_ranks_of_the_guideline():
    # EP28: the 90 % limits of the lower limit are the 1st and the 7th of 120 values, those of
    # the upper one the 114th and the 120th; the limits are the ranks 3.025 and 117.975.
    values = np.arange(1.0, 121.0)
    model = fit_reference(values, no_covariates(120), is_ratio=False)
    assert model.method == "ranks"
    low, high = model.limit(LOW), model.limit(HIGH)
    assert (low.value, low.low, low.high) == pytest.approx((3.025, 1, 7))
    assert (high.value, high.low, high.high) == pytest.approx((117.975, 114, 120))
    assert model.percentile(60.5).value == pytest.approx(50)
    assert model.percentile(3.0).value == pytest.approx(100 * 2.5 / 120)
    found = model.percentile(-5.0)
    assert (found.value, found.low) == (0, 0)
    assert found.high == pytest.approx(100 * (1 - 0.05 ** (1 / 120)))


def test_fewer_subjects_are_taken_for_normal():
    drawn = np.random.default_rng(3).normal(10, 2, 60)
    model = fit_reference(drawn, no_covariates(60), is_ratio=False)
    mean, sd = drawn.mean(), drawn.std(ddof=1)
    assert (model.method, model.scale) == ("normal", "linear")
    reach = 1.644854 * sd * math.sqrt(1 / 60 + 1.959964**2 / 118)
    low = model.limit(LOW)
    assert (low.value, low.low, low.high) == pytest.approx(
        (mean - 1.959964 * sd, mean - 1.959964 * sd - reach, mean - 1.959964 * sd + reach), abs=1e-5
    )
    assert model.limit(HIGH).value == pytest.approx(mean + 1.959964 * sd, abs=1e-5)
    assert model.z(mean + sd) == pytest.approx(1)
    found = model.percentile(mean + sd)
    assert found.value == pytest.approx(84.1345, abs=1e-3)
    assert found.low < found.value < found.high


def test_ratio_features_are_taken_by_their_logarithm():
    drawn = np.random.default_rng(3).lognormal(1, 0.4, 60)
    model = fit_reference(drawn, no_covariates(60), is_ratio=True)
    logs = np.log(drawn)
    assert model.scale == "log"
    assert model.limit(HIGH).value == pytest.approx(
        math.exp(logs.mean() + 1.959964 * logs.std(ddof=1))
    )
    assert model.z(math.exp(logs.mean())) == pytest.approx(0, abs=1e-12)
    drawn[0] = 0.0
    assert fit_reference(drawn, no_covariates(60), is_ratio=True).scale == "linear"


def test_a_covariate_is_a_slope():
    generator = np.random.default_rng(5)
    age = generator.uniform(20, 80, 100)
    values = 5 + 0.1 * age + generator.normal(0, 0.5, 100)
    model = fit_reference(values, age[:, None], is_ratio=False)
    assert model.slopes[0] == pytest.approx(0.1, abs=0.01)
    assert model.sd == pytest.approx(0.5, abs=0.1)
    wide, narrow = model.limit(HIGH, (80.0,)), model.limit(HIGH, (20.0,))
    assert wide.value - narrow.value == pytest.approx(60 * model.slopes[0])
    assert model.z(5 + 0.1 * 70, (70.0,)) == pytest.approx(0, abs=0.5)
    assert model.z(5 + 0.1 * 70, (20.0,)) > 8


def test_one_in_twenty_of_the_same_population_lies_outside():
    generator = np.random.default_rng(11)
    for n in (100, 400):
        model = fit_reference(generator.normal(0, 1, n), no_covariates(n), is_ratio=False)
        new = generator.normal(0, 1, 20_000)
        outside = ((new < model.limit(LOW).value) | (new > model.limit(HIGH).value)).mean()
        assert 0.02 < outside < 0.09


@pytest.mark.parametrize(
    ("values", "covariates", "why"),
    [
        (np.arange(39.0), no_covariates(39), "fewer than 40"),
        (np.full(50, 3.0), no_covariates(50), "do not differ"),
        (np.arange(50.0), np.column_stack([np.arange(50.0), 2 * np.arange(50.0)]), "follows from"),
    ],
)
def test_what_has_no_range_is_refused(values, covariates, why):
    with pytest.raises(ValueError, match=why):
        fit_reference(values, covariates, is_ratio=False)


def test_a_model_reads_back_as_it_was():
    for n in (50, 200):
        values = np.random.default_rng(1).lognormal(0, 1, n)
        model = fit_reference(values, np.arange(n)[:, None] * 1.0, is_ratio=True)
        assert ReferenceModel.from_json(json.loads(json.dumps(model.as_json()))) == model


# Files.

COLUMNS = "subject_id,timepoint,value,feature_id,unit,analysis_id,analysis_sha256,scanner,usable"


def table(path, values, first=0, **more):
    told = {
        "unit": "mm2/s",
        "sha256": "a" * 64,
        "scanner": "X|1",
        "usable": "yes",
        "visit": "T1",
    } | more
    rows = [
        f"S{n},{told['visit']},{value!r},{MEDIAN},{told['unit']},dwi-adc@1.0.0,{told['sha256']},"
        f"{told['scanner']},{told['usable']}"
        for n, value in enumerate(values, start=first)
    ]
    path.write_text("\n".join([COLUMNS, *rows]) + "\n")
    return read_observations([path])


def subjects(path, ages, sexes):
    rows = [f"S{n},{age},{sex}" for n, (age, sex) in enumerate(zip(ages, sexes, strict=True))]
    path.write_text("\n".join(["subject_id,age,sex", *rows]) + "\n")
    return path


@pytest.fixture
def cohort(tmp_path):
    generator = np.random.default_rng(2)
    ages = generator.integers(20, 80, 100)
    sexes = ["f", "m"] * 50
    values = (
        0.001 * (1 + 0.2 * (np.array(sexes) == "m")) * np.exp(generator.normal(0, 0.1, 100))
    ).tolist()
    observations = table(tmp_path / "cohort.csv", values)
    return observations, subjects(tmp_path / "subjects.csv", ages.tolist(), sexes)


def fitted(cohort, tmp_path, by=("age", "sex")):
    observations, covariates = cohort
    found = fit_ranges(observations, covariates, by, ("liver-adc", "1.1.0"))
    return load_reference(write_json(found.content, tmp_path / "ranges.json"))


def held(observations, reference, covariates):
    rows = referenced_rows(observations, reference, covariates)
    assert table_lines(REFERENCED, rows)
    return rows


def test_values_are_held_against_the_range_of_their_group(cohort, tmp_path):
    reference = fitted(cohort, tmp_path)
    assert reference.ident == "liver-adc@1.1.0"
    assert sorted(group for _, group in reference.ranges) == ["sex=f", "sex=m"]
    new = table(tmp_path / "new.csv", [0.00135, 0.00135, 0.0007, 0.001])
    who = subjects(tmp_path / "who.csv", [50, 50, 50, 95], ["f", "m", "m", "f"])
    found = held(new, reference, who)
    assert [row["verdict"] for row in found] == ["above", "within", "below", "not_applicable"]
    assert "age '95' is not within" in found[3]["reason"]
    assert found[0]["group"] == "sex=f"
    assert found[0]["z"] > 1.96
    assert found[0]["percentile"] > 97.5
    assert found[0]["low_ci90_low"] < found[0]["low"] < found[0]["low_ci90_high"]
    assert (found[0]["method"], found[0]["n_reference"], found[0]["differs"]) == ("normal", 50, "")


NOT_HELD = {
    "another unit": ({"unit": "um2/s"}, ["f"], "another unit: mm2/s"),
    "another analysis": ({"sha256": "b" * 64}, ["f"], "another content of the analysis"),
    "a value that may not be pooled": ({"usable": "no"}, ["f"], "not usable"),
    "another group": ({}, ["x"], "no such feature or group"),
}


@pytest.mark.parametrize("name", NOT_HELD)
def test_a_value_that_the_reference_does_not_hold_for(name, cohort, tmp_path):
    more, sexes, why = NOT_HELD[name]
    reference = fitted(cohort, tmp_path)
    new = table(tmp_path / "new.csv", [0.001], **more)
    (row,) = held(new, reference, subjects(tmp_path / "who.csv", [50], sexes))
    assert row["verdict"] == "not_applicable"
    assert why in row["reason"]
    assert "z" not in row


def test_absent_and_odd_values_are_not_applicable(cohort, tmp_path):
    reference = fitted(cohort, tmp_path, by=())
    new = table(tmp_path / "new.csv", [-0.001, 0.001], scanner="Y|2")
    found = held(new, reference, None)
    assert [row["verdict"] for row in found] == ["not_applicable", "within"]
    assert {row["differs"] for row in found} == {"scanner"}
    text = (tmp_path / "new.csv").read_text().replace("0.001", "").replace("-,", ",")
    (tmp_path / "new.csv").write_text(text)
    assert (
        "no value" in held(read_observations([tmp_path / "new.csv"]), reference, None)[0]["reason"]
    )


def test_unusable_values_are_no_reference(cohort, tmp_path):
    _, covariates = cohort
    text = (tmp_path / "cohort.csv").read_text().replace("yes", "no", 5)
    (tmp_path / "cohort.csv").write_text(text)
    found = fit_ranges(read_observations([tmp_path / "cohort.csv"]), covariates, (), ("r", "1.0.0"))
    (one,) = found.ranges
    assert (one.model.n, one.n_left_out) == (95, 5)


def test_what_cannot_be_fitted_is_refused(cohort, tmp_path):
    observations, covariates = cohort
    few = table(tmp_path / "few.csv", np.linspace(1, 2, 39).tolist())
    for args, code in (
        ((observations, covariates, (), ("Liver", "1.0.0")), "REFERENCE-ID"),
        ((observations, covariates, (), ("liver", "1.0")), "REFERENCE-ID"),
        ((observations, None, ("age",), ("r", "1.0.0")), "REFERENCE-COVARIATES"),
        ((observations, covariates, ("weight",), ("r", "1.0.0")), "TABLE-COLUMNS"),
        ((few, None, (), ("r", "1.0.0")), "REFERENCE-FEW"),
    ):
        with pytest.raises(BiomarkerError) as caught:
            fit_ranges(*args)
        assert caught.value.code == code
    table(tmp_path / "again.csv", [0.001] * 3, visit="T2")
    both = read_observations([tmp_path / "cohort.csv", tmp_path / "again.csv"])
    with pytest.raises(BiomarkerError) as caught:
        fit_ranges(both, None, (), ("r", "1.0.0"))
    assert caught.value.code == "REFERENCE-REPEATED"


def test_a_group_with_few_subjects_does_not_stop_the_others(tmp_path):
    values = np.random.default_rng(4).lognormal(0, 0.2, 60).tolist()
    observations = table(tmp_path / "t.csv", values)
    who = subjects(tmp_path / "who.csv", range(60), ["f"] * 50 + ["m"] * 10)
    found = fit_ranges(observations, who, ("sex",), ("r", "1.0.0"))
    assert [one.group for one in found.ranges] == ["sex=f"]
    (refused,) = found.refused
    assert "sex=m" in refused[0]
    assert "10 subjects" in refused[1]


def test_an_edited_file_is_refused(cohort, tmp_path):
    fitted(cohort, tmp_path)
    path = tmp_path / "ranges.json"
    for text in (path.read_text().replace("liver", "brain", 1), "{}", "", "[]"):
        path.write_text(text)
        with pytest.raises(BiomarkerError) as caught:
            load_reference(path)
        assert caught.value.code == "REFERENCE-FILE"
    with pytest.raises(BiomarkerError) as caught:
        load_reference(tmp_path / "none.json")
    assert caught.value.code == "REFERENCE-NOT-FOUND"


def test_harmonised_values_need_a_reference_harmonised_alike(cohort, tmp_path):
    reference = fitted(cohort, tmp_path, by=())
    path = tmp_path / "h.csv"
    path.write_text(f"subject_id,feature_id,value,combat_sha256\nS1,{MEDIAN},1,{'c' * 64}\n")
    with pytest.raises(BiomarkerError) as caught:
        referenced_rows(read_observations([path]), reference, None)
    assert caught.value.code == "REFERENCE-HARMONISED"
