"""ComBat: what it takes away, what it keeps, and what it refuses."""

from __future__ import annotations

import json

import numpy as np
import pytest

from biomarker_cli.model.errors import InputNotFoundError
from biomarker_cli.multicentre.combat import MODES, CombatRules, Samples, adjust, fit_combat
from biomarker_cli.multicentre.combat_model import (
    HARMONISED,
    CombatPlan,
    apply_model,
    fit_model,
    harmonised_rows,
    load_model,
)
from biomarker_cli.multicentre.combat_report import (
    batch_effect,
    notes,
    partial_r2,
    report_rows,
)
from biomarker_cli.multicentre.combat_samples import strata_of
from biomarker_cli.multicentre.errors import AgreementError
from biomarker_cli.multicentre.observations import read_observations
from biomarker_cli.multicentre.repeatability_table import repeat_column
from biomarker_cli.tables.errors import TableError
from biomarker_cli.tables.writing import write_json, write_table

N_FEATURES = 6


def _values(n=24, seed=0):
    """Values of two sites, the second shifted and wider, and an age that all depend on."""
    generator = np.random.default_rng(seed)
    age = np.round(generator.uniform(40, 80, n), 1)
    scale = 10.0 ** np.arange(N_FEATURES)
    values = 20 + 0.1 * age[:, None] + generator.normal(size=(n, N_FEATURES))
    is_b = np.arange(n) % 2 == 1
    values[is_b] = (
        4
        + 20
        + 0.1 * age[is_b, None]
        + 1.5 * (values[is_b] - 20 - 0.1 * age[is_b, None])
        + generator.normal(scale=0.3, size=N_FEATURES)
    )
    return values * scale, tuple("AB"[i % 2] for i in range(n)), age


def _samples(n=24, **changed):
    values, batch, age = _values(n)
    names = tuple(f"f{i}" for i in range(values.shape[1]))
    whole = {"values": values, "batch": batch, "covariates": age[:, None], "names": names}
    return Samples(**whole | changed)


def _refused(code, samples, rules=None):
    with pytest.raises(AgreementError) as caught:
        fit_combat(samples, rules or CombatRules())
    assert caught.value.code == code
    return caught.value.message


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("reference", ["", "A"])
def test_the_effect_of_the_site_goes_and_the_age_stays(mode, reference):
    samples = _samples()
    found = adjust(fit_combat(samples, CombatRules(mode, reference)), samples)
    told = {}
    for name, values in (("before", samples.values), ("after", found)):
        columns = [values[:, place] for place in range(N_FEATURES)]
        effects = [batch_effect(one, samples.batch)["variance_explained"] for one in columns]
        kept = [partial_r2(one, samples.batch, samples.covariates) for one in columns]
        told[name] = np.mean(effects), np.mean(kept)
    # Over the features: a mode that borrows from the others may overdo a single one.
    assert told["after"][0] < told["before"][0] / 2
    # More of the age is left to see where the noise of the wider site becomes smaller.
    assert told["after"][1] > told["before"][1] - 0.05


@pytest.mark.parametrize("mode", MODES)
def test_the_unit_and_the_order_move_nothing_else(mode):
    samples = _samples()
    plain = adjust(fit_combat(samples, CombatRules(mode)), samples)
    factors = np.array([1e-3, 7.0, 1.0, 1e4, 1.0, 0.5])
    scaled = _samples(values=samples.values * factors)
    found = adjust(fit_combat(scaled, CombatRules(mode)), scaled)
    assert found == pytest.approx(plain * factors, rel=1e-9)
    order = np.random.default_rng(1).permutation(len(plain))
    mixed = Samples(
        samples.values[order],
        tuple(samples.batch[i] for i in order),
        samples.covariates[order],
        samples.names,
    )
    assert adjust(fit_combat(mixed, CombatRules(mode)), mixed) == pytest.approx(
        plain[order], rel=1e-9
    )


def test_a_value_that_is_absent_is_refused_with_its_feature():
    values = _values()[0]
    values[3, 2] = np.nan
    assert "f2" in _refused("COMBAT-INCOMPLETE", _samples(values=values))
    fit = fit_combat(_samples(), CombatRules())
    with pytest.raises(AgreementError) as caught:
        adjust(fit, _samples(values=values))
    assert caught.value.code == "COMBAT-INCOMPLETE"


def test_one_batch_is_refused():
    _refused("COMBAT-BATCHES", _samples(batch=("A",) * 24))


def test_a_batch_of_one_sample_is_refused():
    assert "C" in _refused("COMBAT-BATCH-SMALL", _samples(batch=("C", *_values()[1][1:])))


def test_a_reference_that_no_sample_has_is_refused():
    _refused("COMBAT-REFERENCE", _samples(), CombatRules(reference="Z"))


def test_a_feature_without_variance_is_refused():
    values = _values()[0]
    values[:, 1] = 0.1
    assert "f1" in _refused("COMBAT-CONSTANT", _samples(values=values))
    values = _values()[0]
    values[1::2, 4] = 3.0
    assert "f4" in _refused("COMBAT-CONSTANT", _samples(values=values))


def test_one_feature_makes_no_prior():
    one = _samples(values=_values()[0][:, :1], names=("f0",))
    for mode in ("parametric", "nonparametric", "mean-only"):
        _refused("COMBAT-FEW-FEATURES", one, CombatRules(mode))
    assert fit_combat(one, CombatRules("no-eb")).gamma.shape == (2, 1)


def test_features_that_are_copies_make_no_prior():
    same = np.repeat(_values()[0][:, :1], 3, axis=1)
    copies = _samples(values=same, names=("a", "b", "c"))
    _refused("COMBAT-PRIOR", copies)


def test_a_covariate_that_follows_from_the_batch_is_refused():
    """Also where it is a constant, or the sum of others."""
    is_b = np.array([float(name == "B") for name in _values()[1]])
    age = _values()[2]
    for columns in ([is_b], [age, 2 * age + 3 * is_b], [np.full(24, 7.0)]):
        _refused("COMBAT-CONFOUNDED", _samples(covariates=np.stack(columns, axis=1)))


def test_as_many_estimates_as_samples_are_refused():
    values, batch, age = _values(4)
    powers = np.stack([age, age**2], axis=1)
    names = tuple(f"f{i}" for i in range(N_FEATURES))
    _refused("COMBAT-FEW-SAMPLES", Samples(values, batch, powers, names))


def test_the_iteration_that_does_not_end_is_refused(monkeypatch):
    monkeypatch.setattr("biomarker_cli.multicentre.combat.MOST_ITERATIONS", 2)
    _refused("COMBAT-NOT-CONVERGED", _samples(), CombatRules(stop="converged"))


def test_a_batch_that_was_not_fitted_is_refused():
    fit = fit_combat(_samples(), CombatRules())
    with pytest.raises(AgreementError, match="found C") as caught:
        adjust(fit, _samples(batch=("C",) * 24))
    assert caught.value.code == "COMBAT-BATCH-UNKNOWN"


# From tables to a model file and back.

COLUMNS = "site_id,subject_id,timepoint,roi_id,analysis_id,analysis_sha256,feature_id,value,unit"


def _tables(folder, n=24, visit="T1", values=None, sha256="a" * 64, age_text=None):
    folder.mkdir(exist_ok=True)
    made, batch, age = _values(n)
    values = made if values is None else values
    lines, subjects = [COLUMNS], ["subject_id,age,grade,protocol"]
    for i, row in enumerate(values):
        subject = f"S{i:03d}"
        head = f"{batch[i]},{subject},{visit},GTV,radiomics-ct@1.0.0,{sha256}"
        lines += [f"{head},original.f.f{k},{value!r},mm" for k, value in enumerate(row.tolist())]
        told = age_text if age_text is not None and i == 0 else age[i]
        subjects.append(f"{subject},{told},{1 + i // 2 % 2},P{i % 3}")
    (folder / "values.csv").write_text("\n".join(lines) + "\n")
    (folder / "subjects.csv").write_text("\n".join(subjects) + "\n")
    return folder


def _strata(folder):
    observations = read_observations([folder / "values.csv"])
    return strata_of(observations, folder / "subjects.csv"), observations.analyses


def _model(folder, covariates=("age",), batch="site_id", rules=None):
    strata, analyses = _strata(folder)
    return fit_model(strata, CombatPlan(batch, covariates, rules or CombatRules()), analyses)


def test_the_file_gives_what_the_fit_gave(tmp_path):
    folder = _tables(tmp_path / "t")
    model = load_model(write_json(_model(folder), tmp_path / "m.json"))
    strata, analyses = _strata(folder)
    (found,) = apply_model(model, strata, analyses)
    samples = _samples()
    order = sorted(range(24), key=lambda i: (samples.batch[i], i))
    assert found.values == pytest.approx(adjust(fit_combat(samples, CombatRules()), samples)[order])
    (stratum,) = model["strata"]
    assert [batch["n"] for batch in stratum["batches"]] == [12, 12]
    assert stratum["covariates"][0]["range"] == [_values()[2].min(), _values()[2].max()]
    assert model["stop_limit"] == 1e-4


def _said(folder, say):
    """Add a column `usable` to the table, of what is said of subject and feature."""
    path = folder / "values.csv"
    head, *lines = path.read_text().splitlines()
    names = head.split(",")
    said = [f"{x},{say(*(x.split(',')[names.index(n)] for n in _SAID))}" for x in lines]
    path.write_text("\n".join([f"{head},usable", *said]) + "\n")


_SAID = ("subject_id", "feature_id")


def test_harmonised_rows_keep_whether_the_measured_value_may_be_pooled(tmp_path):
    folder = _tables(tmp_path / "t")
    words = {("S003", "original.f.f1"): "no", ("S004", "original.f.f2"): "yes"}
    _said(folder, lambda *key: words.get(key, "caution"))
    model = _model(folder)
    strata, analyses = _strata(folder)
    rows = list(harmonised_rows(apply_model(model, strata, analyses), model))
    found = {tuple(row[name] for name in _SAID): row["usable"] for row in rows}
    assert {key: word for key, word in found.items() if word != "caution"} == words
    read_observations([write_table(HARMONISED, rows, tmp_path)])


def test_a_model_of_some_features_keeps_what_is_said_of_each(tmp_path):
    folder = _tables(tmp_path / "t")
    model = _model(folder)
    path = folder / "values.csv"
    head, *lines = path.read_text().splitlines()
    # A feature before the others, which the model does not know.
    more = [line.replace("original.f.f0", "original.a.a0") for line in lines if "f.f0" in line]
    path.write_text("\n".join([head, *lines, *more]) + "\n")
    words = {"original.a.a0": "no", "original.f.f0": "yes"}
    _said(folder, lambda _, feature: words.get(feature, "caution"))
    strata, analyses = _strata(folder)
    rows = list(harmonised_rows(apply_model(model, strata, analyses), model))
    assert "original.a.a0" not in {row["feature_id"] for row in rows}
    for row in rows:
        assert row["usable"] == words.get(row["feature_id"], "caution")


def test_a_table_that_says_something_else_of_usable_is_refused(tmp_path):
    folder = _tables(tmp_path / "t")
    _said(folder, lambda *_: "maybe")
    with pytest.raises(TableError, match="usable is yes, caution, no, found 'maybe'"):
        _strata(folder)


def test_harmonised_rows_name_their_model_and_are_read_back(tmp_path):
    folder = _tables(tmp_path / "t")
    model = _model(folder)
    strata, analyses = _strata(folder)
    rows = list(harmonised_rows(apply_model(model, strata, analyses), model))
    path = write_table(HARMONISED, rows, tmp_path)
    assert path.name == "harmonised.csv"
    again = read_observations([path])
    assert again.combat_sha256 == model["sha256"]
    assert repeat_column(again, "") == "timepoint"
    with pytest.raises(AgreementError) as caught:
        read_observations([path, folder / "values.csv"])
    assert caught.value.code == "MIXED-HARMONISATION"
    with pytest.raises(AgreementError) as caught:
        strata_of(again, None)
    assert caught.value.code == "MIXED-HARMONISATION"


def test_samples_that_were_fitted_on_are_said(tmp_path):
    folder = _tables(tmp_path / "t")
    model = _model(folder)
    (found,) = apply_model(model, *_strata(folder))
    assert found.n_fitted == 24
    said = notes([found], model)
    assert any("24 of 24 samples were fitted on" in note for note in said)
    assert any("fewer than 20 samples of A 12, B 12" in note for note in said)
    other = _tables(tmp_path / "u", values=_values()[0] * 1.5)
    (found,) = apply_model(model, *_strata(other))
    assert found.n_fitted == 0
    assert any("beyond the range that was fitted" in note for note in notes([found], model))


def test_subjects_in_several_samples_are_said(tmp_path):
    folder = _tables(tmp_path / "t")
    lines = (folder / "values.csv").read_text().splitlines()
    twice = lines + [line.replace(",T1,", ",T2,") for line in lines[1:]]
    (folder / "values.csv").write_text("\n".join(twice) + "\n")
    model = _model(folder)
    assert model["strata"][0]["n_subjects_repeated"] == 24
    found = apply_model(model, *_strata(folder))
    assert any("no longitudinal model" in note for note in notes(found, model))


def test_any_column_may_be_the_batch_and_a_number_may_be_a_category(tmp_path):
    folder = _tables(tmp_path / "t")
    model = _model(folder, covariates=("grade:categorical", "age"), batch="protocol")
    (stratum,) = model["strata"]
    assert [batch["name"] for batch in stratum["batches"]] == ["P0", "P1", "P2"]
    assert stratum["covariates"][0]["levels"] == ["1", "2"]
    with pytest.raises(TableError, match="no column centre"):
        _model(folder, batch="centre")


@pytest.mark.parametrize("text", ["", "NaN", "n/a", "inf"])
def test_a_covariate_that_a_sample_lacks_is_refused(tmp_path, text):
    with pytest.raises((AgreementError, TableError)) as caught:
        _model(_tables(tmp_path / "t", age_text=text))
    assert caught.value.code == ("TABLE-COLUMNS" if not text else "COMBAT-COVARIATE")


def test_covariates_need_a_row_for_each_sample_and_one_only(tmp_path):
    folder = _tables(tmp_path / "t")
    path = folder / "subjects.csv"
    whole = path.read_text()
    last = whole.splitlines()[-1] + "\n"
    for text in (whole.replace(last, ""), whole + last):
        path.write_text(text)
        with pytest.raises(AgreementError) as caught:
            _strata(folder)
        assert caught.value.code == "COMBAT-COVARIATE"
    path.write_text("patient,age\nS1,50\n")
    with pytest.raises(TableError, match="subject_id"):
        _strata(folder)


@pytest.mark.parametrize("covariate", ["site_id", "age:number", "timepoint"])
def test_what_is_no_covariate_is_refused(tmp_path, covariate):
    with pytest.raises(AgreementError) as caught:
        _model(_tables(tmp_path / "t"), covariates=(covariate,))
    assert caught.value.code == "COMBAT-COVARIATE"


def test_the_message_names_the_roi_that_cannot_be_fitted(tmp_path):
    values = _values()[0]
    values[:, 1] = 1.0
    with pytest.raises(AgreementError) as caught:
        _model(_tables(tmp_path / "t", values=values))
    assert caught.value.code == "COMBAT-CONSTANT"
    assert caught.value.where == "radiomics-ct@1.0.0 GTV"


def _edited(folder, old, new):
    path = folder / "values.csv"
    path.write_text(path.read_text().replace(old, new))
    return folder


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        (",GTV,", ",LIVER,", "COMBAT-STRATUM"),
        ("radiomics-ct@1.0.0", "radiomics-ct@2.0.0", "COMBAT-STRATUM"),
        ("a" * 64, "b" * 64, "COMBAT-ANALYSIS"),
        ("original.f.f3", "original.f.g3", "COMBAT-FEATURES"),
        (",mm", ",cm", "COMBAT-FEATURES"),
        ("B,S", "C,S", "COMBAT-BATCH-UNKNOWN"),
    ],
)
def test_apply_refuses_what_was_not_fitted(tmp_path, old, new, code):
    model = _model(_tables(tmp_path / "t"))
    strata, analyses = _strata(_edited(_tables(tmp_path / "u"), old, new))
    with pytest.raises(AgreementError) as caught:
        apply_model(model, strata, analyses)
    assert caught.value.code == code


def test_apply_refuses_covariates_beyond_those_fitted(tmp_path):
    model = _model(_tables(tmp_path / "t"))
    with pytest.raises(AgreementError, match="fitted from") as caught:
        apply_model(model, *_strata(_tables(tmp_path / "u", age_text="99")))
    assert caught.value.code == "COMBAT-COVARIATE"
    model = _model(_tables(tmp_path / "v"), covariates=("grade:categorical",))
    folder = _tables(tmp_path / "w")
    path = folder / "subjects.csv"
    path.write_text(path.read_text().replace(",2,P", ",3,P"))
    with pytest.raises(AgreementError, match="'3'") as caught:
        apply_model(model, *_strata(folder))
    assert caught.value.code == "COMBAT-COVARIATE"


def test_further_features_of_the_samples_are_left_out(tmp_path):
    folder = _tables(tmp_path / "t")
    model = _model(folder)
    path = folder / "values.csv"
    lines = path.read_text().splitlines()
    more = [line.replace(".f0,", ".g0,") for line in lines if ".f0," in line]
    path.write_text("\n".join(lines + more) + "\n")
    (found,) = apply_model(model, *_strata(folder))
    assert len(found.stratum.features) == N_FEATURES


def test_a_model_that_was_edited_is_refused(tmp_path):
    path = write_json(_model(_tables(tmp_path / "t")), tmp_path / "m.json")
    content = json.loads(path.read_text())
    content["strata"][0]["features"][0]["gamma"][0] += 1
    for text in (json.dumps(content), "{}", "nothing"):
        path.write_text(text)
        with pytest.raises(AgreementError) as caught:
            load_model(path)
        assert caught.value.code == "COMBAT-MODEL"
    with pytest.raises(InputNotFoundError) as caught:
        load_model(tmp_path / "none.json")
    assert caught.value.code == "COMBAT-MODEL-NOT-FOUND"


def test_two_values_of_a_sample_are_refused(tmp_path):
    folder = _tables(tmp_path / "t")
    path = folder / "values.csv"
    path.write_text(path.read_text() + path.read_text().splitlines()[1] + "\n")
    with pytest.raises(AgreementError) as caught:
        _strata(folder)
    assert caught.value.code == "OBSERVATION-REPEATED"


def test_the_report_tells_batch_and_covariate_before_and_after(tmp_path):
    folder = _tables(tmp_path / "t")
    model = _model(folder)
    rows = list(report_rows(apply_model(model, *_strata(folder))))
    assert len(rows) == N_FEATURES * 5
    told = {
        (term, statistic): [
            [row[side] for row in rows if (row["term"], row["statistic"]) == (term, statistic)]
            for side in ("before", "after")
        ]
        for term, statistic in (("batch", "kruskal_p"), ("age", "partial_r2"))
    }
    before, after = told["batch", "kruskal_p"]
    assert max(before) < 0.01 < 0.1 < min(after)
    before, after = told["age", "partial_r2"]
    assert np.mean(after) > np.mean(before) - 0.05


def test_covariates_that_do_not_overlap_are_said(tmp_path):
    folder = _tables(tmp_path / "t")
    path = folder / "subjects.csv"
    lines = path.read_text().splitlines()
    for place, line in enumerate(lines[1:], start=1):
        subject, _, _, protocol = line.split(",")
        age = 40 + place / 10 if place % 2 else 70 + place / 10
        lines[place] = f"{subject},{age},{'xy'[place % 2] if place > 4 else 'x'},{protocol}"
    path.write_text("\n".join(lines) + "\n")
    model = _model(folder, covariates=("age", "grade"))
    said = " ".join(notes(apply_model(model, *_strata(folder)), model))
    assert "age does not overlap between batches: A 40.1 to 42.3, B 70.2 to 72.4" in said
    assert "grade y is not in B" in said


def test_a_batch_without_spread_has_no_effect():
    assert set(batch_effect(np.ones(4), "AABB").values()) == {None}
    assert partial_r2(np.array([1.0, 1.0, 2.0, 2.0]), "AABB", np.arange(4.0)[:, None]) is None
