"""ComBat in every mode against values of an independent implementation.

Reference values: neuroCombat 0.2.12 (which holds covariates in single precision) on 30
samples of three sites with five features, in full precision; the Kruskal-Wallis tests
are scipy's. Found beside the reference DICOM (BIOMARKER_TEST_DATA).
"""

from __future__ import annotations

import csv

import numpy as np
import pytest

from biomarker_cli.multicentre.combat import CombatRules, Samples, adjust, fit_combat
from biomarker_cli.multicentre.combat_report import batch_effect

pytestmark = pytest.mark.data

FEATURES = ("f1", "f2", "f3", "f4", "f5")

MODES = {
    "parametric": ("parametric", "", False),
    "nonparametric": ("nonparametric", "", False),
    "no_eb": ("no-eb", "", False),
    "mean_only": ("mean-only", "", False),
    "ref_A": ("parametric", "A", False),
    "ref_B_nonparam": ("nonparametric", "B", False),
    "covariates": ("parametric", "", True),
    "covariates_nonparam": ("nonparametric", "", True),
    "covariates_no_eb": ("no-eb", "", True),
    "covariates_mean_only": ("mean-only", "", True),
    "covariates_ref_A": ("parametric", "A", True),
}


@pytest.fixture(scope="module")
def tables(reference_dir):
    folder = reference_dir / "multicentre"

    def rows(name):
        with (folder / name).open() as stream:
            return list(csv.DictReader(stream))

    return rows


def _samples(rows, with_covariates):
    covariates = [[float(np.float32(row["age"])), float(row["sex"] == "M")] for row in rows]
    return Samples(
        values=np.array([[float(row[name]) for name in FEATURES] for row in rows]),
        batch=tuple(row["site"] for row in rows),
        covariates=np.array(covariates)[:, : 2 if with_covariates else 0],
        names=FEATURES,
    )


def test_every_mode_of_the_reference_is_tested(tables):
    rows = tables("combat_expected_neurocombat_0.2.12.csv")
    assert {row["mode"] for row in rows} == set(MODES)


@pytest.mark.parametrize("name", MODES)
def test_harmonised_values(tables, name):
    mode, reference, with_covariates = MODES[name]
    rows = tables("combat_input.csv")
    samples = _samples(rows, with_covariates)
    found = adjust(fit_combat(samples, CombatRules(mode, reference)), samples)
    expected = {
        (row["sample"], row["feature"]): float(row["value"])
        for row in tables("combat_expected_neurocombat_0.2.12.csv")
        if row["mode"] == name
    }
    assert len(expected) == found.size
    for line, row in enumerate(rows):
        for place, feature in enumerate(FEATURES):
            assert found[line, place] == pytest.approx(expected[row["sample"], feature], rel=1e-9)
    if reference:
        kept = [batch == reference for batch in samples.batch]
        assert (found[kept] == samples.values[kept]).all(), "the reference stays bit by bit"


@pytest.mark.parametrize("name", MODES)
def test_estimates(tables, name):
    mode, reference, with_covariates = MODES[name]
    samples = _samples(tables("combat_input.csv"), with_covariates)
    fit = fit_combat(samples, CombatRules(mode, reference))
    rows = [row for row in tables("combat_estimates_neurocombat_0.2.12.csv") if row["mode"] == name]
    assert len(rows) == fit.gamma.size
    for row in rows:
        place, batch = FEATURES.index(row["feature"]), fit.batches.index(row["site"])
        for value, column in [
            (fit.gamma[batch, place], "gamma_star"),
            (fit.delta[batch, place], "delta_star"),
            (fit.variance[place], "var_pooled"),
        ]:
            assert value == pytest.approx(float(row[column]), rel=1e-9, abs=1e-12), row


@pytest.mark.parametrize("feature", FEATURES)
def test_the_effect_of_the_site_before_and_after(tables, feature):
    samples = _samples(tables("combat_input.csv"), with_covariates=False)
    after = adjust(fit_combat(samples, CombatRules()), samples)
    (row,) = [row for row in tables("kruskal_oracle.csv") if row["feature"] == feature]
    place = FEATURES.index(feature)
    for values, h, p in [
        (samples.values, "H_before", "p_before"),
        (after, "H_after_parametric_combat", "p_after"),
    ]:
        effect = batch_effect(values[:, place], samples.batch)
        assert effect["kruskal_h"] == pytest.approx(float(row[h]), rel=1e-8)
        assert effect["kruskal_p"] == pytest.approx(float(row[p]), rel=1e-5)
        assert effect["epsilon2"] == pytest.approx(float(row[h]) / 29, rel=1e-8)


def test_the_converged_estimates_solve_their_equations(tables):
    """Location and scale of each batch are each other's fixed point, to rounding."""
    samples = _samples(tables("combat_input.csv"), with_covariates=True)
    usual = fit_combat(samples, CombatRules())
    exact = fit_combat(samples, CombatRules(stop="converged"))
    assert min(exact.iterations) > max(usual.iterations)
    assert not np.array_equal(usual.gamma, exact.gamma)
    assert exact.gamma == pytest.approx(usual.gamma, abs=1e-3)
    plain = fit_combat(samples, CombatRules(mode="no-eb"))
    mean = exact.grand_mean + samples.covariates @ exact.slopes
    scaled = (samples.values - mean) / np.sqrt(exact.variance)
    for place, name in enumerate(exact.batches):
        rows = scaled[[batch == name for batch in samples.batch]]
        raw, n = plain.gamma[place], len(rows)
        spread = raw.var(ddof=1) * n
        gamma, delta = exact.gamma[place], exact.delta[place]
        assert gamma == pytest.approx((spread * raw + delta * raw.mean()) / (spread + delta))
