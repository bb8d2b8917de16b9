"""A plan is carried out as it is written: who is analysed, by what, and what is refused."""

from __future__ import annotations

import csv
import hashlib
import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats
from synthetic_evidence import (
    Seen,
    planned_feature,
    write_clinical,
    write_package,
    write_plan,
)

from biomarker_cli.evidence.associating import (
    associate,
    association_rows,
    flow_rows,
    write_evidence,
)
from biomarker_cli.evidence.association_plan import load_plan
from biomarker_cli.evidence.errors import AssociationError, EvidenceNotFoundError
from biomarker_cli.evidence.harmonised_values import load_harmonisation
from biomarker_cli.evidence.joining import join_table, write_join
from biomarker_cli.multicentre.combat import CombatRules
from biomarker_cli.multicentre.combat_model import (
    HARMONISED,
    CombatPlan,
    apply_model,
    fit_model,
    harmonised_rows,
)
from biomarker_cli.multicentre.combat_samples import strata_of
from biomarker_cli.multicentre.observations import read_observations
from biomarker_cli.tables.cells import csv_text
from biomarker_cli.tables.package import write_datapackage
from biomarker_cli.tables.schema import CASES, EXCLUSIONS, FACTS, FEATURES, MEASUREMENTS, ROIS
from biomarker_cli.tables.sealed_files import read_sealed, row_digest, sealed
from biomarker_cli.tables.writing import write_json, write_table

COLUMNS = {
    "response": {"type": "category", "codes": {"1": "responder", "0": "none"}},
    "age": {"type": "integer", "unit": "a", "minimum": 18, "maximum": 120},
    "sex": {"type": "category", "codes": {"f": "female", "m": "male"}},
    "grade": {"type": "ordinal", "codes": {"1": "G1", "2": "G2", "3": "G3"}},
    "days": {"type": "number", "unit": "d", "minimum": 0, "maximum": 5000},
    "died": {"type": "boolean", "codes": {"1": "true", "0": "false"}},
}
SURVIVAL = {
    "kind": "time_to_event",
    "table": "clinical",
    "column": "died",
    "time": "days",
    "positive": ["true"],
}


def evidence_folder(tmp_path, seen, rows):
    """Return a folder of measurements with a joined table of patients."""
    run = write_package(tmp_path / "run", seen)
    _, table, _, file = write_clinical(tmp_path / "clinical", rows, columns=COLUMNS)
    folder = tmp_path / "joined"
    write_join(join_table(run, tmp_path / table, tmp_path / file), run, folder)
    return folder


def patient(subject, response="1", site="A", **more):
    row = {"centre": site, "patient": subject, "response": response}
    others = {"age": "60", "sex": "f", "grade": "1", "days": "100", "died": "1"}
    return row | others | more


def carried_out(folder, tmp_path, harmonisation=None, **changes):
    return associate(
        folder, *load_plan(write_plan(tmp_path / "plan.yaml", **changes)), harmonisation
    )


def rows_of(evidence, statistic, scope="all"):
    return [
        row
        for row in association_rows(evidence)
        if (row["statistic"], row["scope"]) == (statistic, scope)
    ]


def flow(evidence, name="adc", site=""):
    return {
        row["step"]: row["n_subjects"]
        for row in flow_rows(evidence)
        if row["name"] == name and row["site_id"] == site
    }


def cohort(n=60, seed=0, sites=("A", "B", "C"), effect=1.0):
    """Return values and patients whose response makes the feature higher."""
    rng = np.random.default_rng(seed)
    seen, rows = [], []
    for number in range(n):
        site, subject = sites[number % len(sites)], f"S{number}"
        has = number % 2
        value = float(effect * has + rng.normal() + 5)
        seen.append(Seen(subject, value, site=site))
        age = str(int(rng.integers(40, 80)))
        rows.append(
            patient(
                subject,
                str(has),
                site,
                age=age,
                sex="fm"[int(rng.integers(2))],
                grade=str(1 + int(rng.integers(3))),
                days=str(round(float(rng.exponential(300)) + 1, 1)),
                died=str(int(rng.random() < 0.7)),
            )
        )
    return seen, rows


SIX = [Seen(f"S{n}", float(n)) for n in range(6)]
SIX_PATIENTS = [patient(f"S{n}", str(int(n > 2))) for n in range(6)]


def test_the_statistics_of_all_are_those_of_the_numbers(tmp_path):
    seen, rows = cohort()
    folder = evidence_folder(tmp_path, seen, rows)
    found = carried_out(
        folder, tmp_path, features={"adc": planned_feature(threshold=5.5)}, test="auc"
    )
    value = np.array([one.value for one in seen])
    has = np.array([row["response"] == "1" for row in rows])
    (area,) = rows_of(found, "auc")
    u = stats.mannwhitneyu(value[has], value[~has]).statistic
    assert area["value"] == pytest.approx(u / (30 * 30), abs=1e-12)
    assert (area["n_subjects"], area["n_events"], area["status"]) == (60, 30, "ok")
    (sensitivity,) = rows_of(found, "sensitivity")
    assert sensitivity["value"] == (value[has] >= 5.5).mean()
    (specificity,) = rows_of(found, "specificity")
    assert specificity["value"] == (value[~has] < 5.5).mean()
    counts = [
        rows_of(found, name)[0]["value"]
        for name in ("true_positive", "false_negative", "false_positive", "true_negative")
    ]
    assert sum(counts) == 60
    from statsmodels.discrete.discrete_model import Logit

    z = (value - value.mean()) / value.std(ddof=1)
    fit = Logit(has.astype(float), np.column_stack((np.ones(60), z))).fit(disp=0)
    (ratio,) = rows_of(found, "odds_ratio_per_sd")
    assert ratio["value"] == pytest.approx(math.exp(fit.params[1]), rel=1e-6)
    (gain,) = rows_of(found, "likelihood_ratio")
    assert gain["value"] == pytest.approx(fit.llr, abs=1e-6)
    assert gain["p_value"] == pytest.approx(fit.llr_pvalue, rel=1e-5)


def test_a_feature_that_is_low_in_the_endpoint_is_read_the_other_way(tmp_path):
    seen, rows = cohort(effect=-1.0)
    folder = evidence_folder(tmp_path, seen, rows)
    high = carried_out(folder, tmp_path, features={"adc": planned_feature(threshold=4.5)})
    low = carried_out(
        folder,
        tmp_path,
        features={"adc": planned_feature(threshold=4.5, high_means="negative")},
    )
    assert rows_of(low, "auc")[0]["value"] == pytest.approx(1 - rows_of(high, "auc")[0]["value"])
    value = np.array([one.value for one in seen])
    has = np.array([row["response"] == "1" for row in rows])
    assert rows_of(low, "sensitivity")[0]["value"] == (value[has] <= 4.5).mean()


def test_a_value_at_the_threshold_is_a_positive_test(tmp_path):
    folder = evidence_folder(tmp_path, SIX, SIX_PATIENTS)
    for meaning, tested in (("positive", 3.0), ("negative", 1.0)):
        found = carried_out(
            folder,
            tmp_path,
            features={"adc": planned_feature(threshold=3.0, high_means=meaning)},
        )
        assert rows_of(found, "true_positive")[0]["value"] == tested


def test_the_gain_is_over_the_covariates(tmp_path):
    seen, rows = cohort()
    folder = evidence_folder(tmp_path, seen, rows)
    covariates = [{"table": "clinical", "column": name} for name in ("age", "sex")]
    found = carried_out(folder, tmp_path, covariates=covariates, test="likelihood_ratio")
    from statsmodels.discrete.discrete_model import Logit

    value = np.array([one.value for one in seen])
    has = np.array([float(row["response"]) for row in rows])
    base = np.array([[1.0, float(row["age"]), float(row["sex"] == "m")] for row in rows])
    smaller = Logit(has, base).fit(disp=0)
    larger = Logit(has, np.column_stack((base, value))).fit(disp=0)
    (gain,) = rows_of(found, "likelihood_ratio")
    assert gain["value"] == pytest.approx(2 * (larger.llf - smaller.llf), abs=1e-6)
    assert gain["is_planned_test"]
    assert gain["p_adjusted"] == gain["p_value"]
    # 30 events for three coefficients: exactly as many as are enough.
    assert gain["note"] == ""


def test_few_events_are_said(tmp_path):
    folder = evidence_folder(tmp_path, *cohort(n=18))
    found = carried_out(folder, tmp_path)
    assert rows_of(found, "likelihood_ratio")[0]["note"] == "9.0 events per coefficient"
    ages = {"kind": "continuous", "table": "clinical", "column": "age"}
    covariates = [{"table": "clinical", "column": "sex"}]
    found = carried_out(folder, tmp_path, endpoint=ages, covariates=covariates, test="spearman")
    assert rows_of(found, "slope_per_sd")[0]["note"] == "9.0 subjects per coefficient"


def test_sites_are_analysed_apart_and_combined_fixed_and_random(tmp_path):
    seen, rows = cohort()
    folder = evidence_folder(tmp_path, seen, rows)
    found = carried_out(folder, tmp_path)
    of_sites = rows_of(found, "auc", "site")
    assert [row["site_id"] for row in of_sites] == ["A", "B", "C"]
    assert [row["n_subjects"] for row in of_sites] == [20, 20, 20]
    value = {one.subject: one.value for one in seen if one.site == "B"}
    has = {row["patient"]: row["response"] == "1" for row in rows}
    positive = [v for s, v in value.items() if has[s]]
    negative = [v for s, v in value.items() if not has[s]]
    u = stats.mannwhitneyu(positive, negative).statistic
    assert of_sites[1]["value"] == pytest.approx(u / 100)
    areas = np.array([row["value"] for row in of_sites])
    (fixed,), (random,) = rows_of(found, "auc", "fixed"), rows_of(found, "auc", "random")
    assert areas.min() < fixed["value"] < areas.max()
    assert random["ci95_low"] <= fixed["ci95_low"] + 1e-12
    assert "I2" in fixed["note"]
    assert {row["p_value"] for row in of_sites} == {None}
    assert rows_of(found, "odds_ratio_per_sd", "fixed")[0]["status"] == "ok"


def test_a_stratified_plan_tests_within_sites(tmp_path):
    # Site B has more responders and higher values: pooled, that alone is an association.
    seen, rows = cohort(n=120, sites=("A", "B"), effect=0.0, seed=4)
    seen = [Seen(one.subject, one.value + 3 * (one.site == "B"), site=one.site) for one in seen]
    rng = np.random.default_rng(1)
    for row in rows:
        row["response"] = str(int(rng.random() < (0.8 if row["centre"] == "B" else 0.2)))
    folder = evidence_folder(tmp_path, seen, rows)
    for test in ("auc", "likelihood_ratio"):
        pooled = carried_out(folder, tmp_path, sites="pooled", test=test)
        within = carried_out(folder, tmp_path, sites="stratified", test=test)
        (naive,) = [row for row in association_rows(pooled) if row["is_planned_test"]]
        (fair,) = [row for row in association_rows(within) if row["is_planned_test"]]
        assert naive["p_value"] < 1e-6
        assert fair["p_value"] > 0.05
        assert fair["scope"] == ("fixed" if test == "auc" else "all")


def test_steps_of_the_flow_count_every_subject_once(tmp_path):
    seen = [
        *SIX,
        Seen("N1", 1.0, roi="NODE"),
        Seen("N2", 1.0, timepoint="T2"),
        Seen("V1", None),
        Seen("U1", 1.0, usable="no"),
        Seen("U2", 1.0, usable="caution"),
        Seen("E1", 1.0),
        Seen("E2", 1.0),
        Seen("C1", 1.0, site="B"),
    ]
    rows = [
        *SIX_PATIENTS,
        *(patient(s) for s in ("N1", "N2", "V1", "U1", "U2")),
        patient("E2", ""),
        patient("C1", "0", "B", age=""),
    ]
    folder = evidence_folder(tmp_path, seen, rows)
    covariates = [{"table": "clinical", "column": "age"}]
    found = carried_out(folder, tmp_path, covariates=covariates)
    assert flow(found) == {
        "subjects": 14,
        "not_measured": 2,
        "no_value": 1,
        "not_usable": 2,
        "no_baseline": 0,
        "no_endpoint": 2,
        "no_covariate": 1,
        "analysed": 6,
    }
    assert flow(found, site="B")["subjects"] == 1
    caution = carried_out(folder, tmp_path, covariates=covariates, usable="caution")
    assert (flow(caution)["not_usable"], flow(caution)["analysed"]) == (1, 7)


def test_what_a_pool_left_out_is_counted_for_what_it_was(tmp_path):
    run = write_package(tmp_path / "run", [*SIX, *(Seen(f"X{n}", 1.0, roi="NODE") for n in "123")])
    out = {"X1": "do_not_use", "X2": "no_value"}
    rows = [
        {
            "case_id": f"A/{subject}/T1/dwi",
            "roi_id": "GTV",
            "analysis_id": "dwi-adc@1.0.0",
            "feature_id": "adc.intensity.median",
            "reason": reason,
        }
        for subject, reason in out.items()
    ]
    write_table(EXCLUSIONS, rows, run)
    tables = (MEASUREMENTS, CASES, ROIS, FACTS, FEATURES, EXCLUSIONS)
    write_datapackage(tables, run, "pool")
    _, table, _, file = write_clinical(tmp_path / "clinical", SIX_PATIENTS, columns=COLUMNS)
    write_join(join_table(run, tmp_path / table, tmp_path / file), run, tmp_path / "joined")
    counted = flow(carried_out(tmp_path / "joined", tmp_path))
    assert (counted["not_usable"], counted["no_value"], counted["not_measured"]) == (1, 1, 1)
    assert counted["analysed"] == 6


def test_a_row_that_may_not_be_pooled_is_never_taken(tmp_path):
    seen = [Seen(one.subject, one.value, usable="no") for one in SIX]
    folder = evidence_folder(tmp_path, seen, SIX_PATIENTS)
    for usable in ("yes", "caution"):
        with pytest.raises(EvidenceNotFoundError, match="may be pooled: 6"):
            carried_out(folder, tmp_path, usable=usable)
    with pytest.raises(AssociationError, match="expected 'yes' or 'caution'"):
        carried_out(folder, tmp_path, usable="no")


def test_two_values_of_a_subject_need_a_named_rule(tmp_path):
    seen = [*SIX, Seen("S0", 9.0, timepoint="T2", date="20240601")]
    folder = evidence_folder(tmp_path, seen, SIX_PATIENTS)
    anytime = planned_feature(timepoint="")
    with pytest.raises(AssociationError, match="2 values") as caught:
        carried_out(folder, tmp_path, features={"adc": anytime})
    assert (caught.value.code, caught.value.where) == ("ASSOCIATION-REPEATED", "A/S0")
    for rule, value in (("first", 0.0), ("mean", 4.5), ("minimum", 0.0), ("maximum", 9.0)):
        found = carried_out(folder, tmp_path, features={"adc": anytime | {"per_subject": rule}})
        assert found.features[0].values["A", "S0"].value == value


def test_the_first_of_two_values_of_one_day_is_not_known(tmp_path):
    seen = [*SIX, Seen("S0", 9.0, timepoint="T2")]
    folder = evidence_folder(tmp_path, seen, SIX_PATIENTS)
    with pytest.raises(AssociationError, match="2 values"):
        carried_out(
            folder,
            tmp_path,
            features={"adc": planned_feature(timepoint="", per_subject="first")},
        )


def test_a_change_is_from_the_baseline_and_both_rows_may_be_pooled(tmp_path):
    seen = [
        *(Seen(f"S{n}", 10.0) for n in range(4)),
        Seen("S4", 10.0, usable="no"),
        *(Seen(f"S{n}", 10.0 + n, timepoint="T2", date="20240601") for n in range(6)),
    ]
    folder = evidence_folder(tmp_path, seen, SIX_PATIENTS)
    for change, wanted in (("percent", [0.0, 10.0, 20.0, 30.0]), ("absolute", [0, 1, 2, 3])):
        feature = planned_feature(timepoint="T2", baseline="T1", change=change)
        found = carried_out(folder, tmp_path, features={"adc": feature})
        values = found.features[0].values
        got = [values["A", f"S{n}"].value for n in range(4)]
        assert got == pytest.approx(wanted)
        assert [values["A", f"S{n}"].left_out for n in (4, 5)] == ["no_baseline"] * 2
        row = rows_of(found, "auc")[0]
        assert (row["timepoint"], row["unit"]) == (
            "T1>T2",
            "%" if change == "percent" else "mm2/s",
        )


def test_the_size_of_a_mask_of_another_visit_is_no_change(tmp_path):
    size = "adc.morphology.volume_mesh"
    seen = [Seen(f"S{n}", 10.0, feature=size) for n in range(6)]
    seen += [
        Seen(f"S{n}", 10.0 + n, timepoint="T2", date="20240601", feature=size, **more)
        for n, more in enumerate([{"flags": "mask_propagated:rigid@1.0.0:0a"}, *[{}] * 5])
    ]
    folder = evidence_folder(tmp_path, seen, SIX_PATIENTS)
    feature = planned_feature(feature=size, timepoint="T2", baseline="T1")
    values = carried_out(folder, tmp_path, features={"v": feature}).features[0].values
    assert values["A", "S0"].left_out == "not_usable"
    assert values["A", "S3"].value == pytest.approx(30.0)


@pytest.mark.parametrize(("baseline", "left_out"), [(0.0, "no_baseline"), (-1.0, "no_baseline")])
def test_a_percentage_of_nothing_is_none(tmp_path, baseline, left_out):
    later = [Seen(f"S{n}", 1.0 + n, timepoint="T2", date="20240601") for n in range(6)]
    first = [Seen(f"S{n}", baseline if n == 5 else 1.0) for n in range(6)]
    folder = evidence_folder(tmp_path, [*first, *later], SIX_PATIENTS)
    feature = planned_feature(timepoint="T2", baseline="T1")
    value = carried_out(folder, tmp_path, features={"adc": feature}).features[0].values["A", "S5"]
    assert (value.value, value.left_out) == (None, left_out)
    absolute = carried_out(folder, tmp_path, features={"adc": feature | {"change": "absolute"}})
    assert absolute.features[0].values["A", "S5"].value == 6.0 - baseline


def test_the_digest_of_the_plan_and_when_it_was_made_stand_on_every_row(tmp_path):
    folder = evidence_folder(tmp_path, SIX, SIX_PATIENTS)
    for made in ("prespecified", "post_hoc"):
        found = carried_out(folder, tmp_path, made=made)
        out = tmp_path / made
        write_evidence(found, out)
        digest = load_plan(tmp_path / "plan.yaml")[1]
        names = ["association_flow.csv", "association_subjects.csv", "associations.csv"]
        assert sorted(path.name for path in out.glob("*.csv")) == names
        for name in names:
            with (out / name).open(newline="") as stream:
                rows = list(csv.DictReader(stream))
            assert rows
            assert {row["plan_sha256"] for row in rows} == {digest}
            assert {row["made"] for row in rows} == {made}
        assert digest in (out / "datapackage.json").read_text()
        said = read_sealed(out / "association.json", "biomarker-association-result/1")
        assert said["plan_sha256"] == digest
        assert said["plan"]["features"]["adc"]["feature"] == "adc.intensity.median"
        package = (folder / "datapackage.json").read_bytes()
        assert said["package_sha256"] == hashlib.sha256(package).hexdigest()
        assert all(said["software"].values())


def test_the_tables_are_a_valid_package(tmp_path):
    import frictionless

    folder = evidence_folder(tmp_path, *cohort())
    write_evidence(carried_out(folder, tmp_path), tmp_path / "out")
    report = frictionless.validate(str(tmp_path / "out" / "datapackage.json"))
    assert report.valid, report.flatten(["type", "message"])


def test_the_order_of_rows_changes_no_number(tmp_path):
    seen, rows = cohort()
    one = carried_out(evidence_folder(tmp_path / "a", seen, rows), tmp_path)
    other = carried_out(evidence_folder(tmp_path / "b", seen[::-1], rows), tmp_path)
    assert association_rows(one) == association_rows(other)


def test_p_values_are_adjusted_for_every_planned_feature(tmp_path):
    seen, rows = cohort()
    features = {
        "adc": planned_feature(),
        "adc_again": planned_feature(),
        "absent": planned_feature(roi="NODE"),
    }
    folder = evidence_folder(tmp_path, seen, rows)
    for rule, factor in (("bonferroni", 3), ("holm", 3), ("bh", 1.5)):
        found = carried_out(folder, tmp_path, features=features, multiplicity=rule)
        planned = [row for row in association_rows(found) if row["is_planned_test"]]
        assert {row["n_tests"] for row in planned} == {3}
        assert planned[0]["p_adjusted"] == pytest.approx(min(1, factor * planned[0]["p_value"]))
        assert [row["p_adjusted"] is None for row in planned] == [False, False, True]
        others = [row for row in association_rows(found) if not row["is_planned_test"]]
        assert {row["p_adjusted"] for row in others} == {None}
        assert {row["statistic"] for row in others if row["p_value"] is not None} == {
            "likelihood_ratio"
        }


def test_an_ordinal_and_a_continuous_endpoint(tmp_path):
    seen, rows = cohort()
    folder = evidence_folder(tmp_path, seen, rows)
    grades = {"kind": "ordinal", "table": "clinical", "column": "grade"}
    found = carried_out(
        folder, tmp_path, endpoint=grades | {"levels": ["G1", "G2", "G3"]}, test="spearman"
    )
    value = [one.value for one in seen]
    peer = stats.spearmanr(value, [int(row["grade"]) for row in rows])
    assert rows_of(found, "spearman")[0]["value"] == pytest.approx(peer.statistic)
    assert rows_of(found, "odds_ratio_per_sd")[0]["status"] == "ok"
    ages = {"kind": "continuous", "table": "clinical", "column": "age"}
    found = carried_out(folder, tmp_path, endpoint=ages, test="likelihood_ratio")
    peer = stats.linregress(value, [float(row["age"]) for row in rows])
    (slope,) = rows_of(found, "slope_per_sd")
    assert slope["value"] == pytest.approx(peer.slope * np.std(value, ddof=1))
    assert rows_of(found, "likelihood_ratio")[0]["p_value"] == pytest.approx(peer.pvalue)
    assert slope["n_events"] is None


def test_a_time_to_event(tmp_path):
    seen, rows = cohort()
    folder = evidence_folder(tmp_path, seen, rows)
    found = carried_out(folder, tmp_path, endpoint=SURVIVAL, test="c_index")
    from lifelines.utils import concordance_index

    time = [float(row["days"]) for row in rows]
    died = [row["died"] == "1" for row in rows]
    value = np.array([one.value for one in seen])
    assert rows_of(found, "c_index")[0]["value"] == pytest.approx(
        concordance_index(time, -value, died)
    )
    (ratio,) = rows_of(found, "hazard_ratio_per_sd")
    assert (ratio["status"], ratio["n_events"]) == ("ok", sum(died))
    logged = carried_out(
        folder,
        tmp_path,
        endpoint=SURVIVAL,
        test="c_index",
        sites="stratified",
        features={"adc": planned_feature(log=True)},
    )
    assert rows_of(logged, "hazard_ratio_per_sd")[0]["value"] != ratio["value"]
    assert rows_of(logged, "c_index")[0]["value"] == rows_of(found, "c_index")[0]["value"]


def test_sites_share_the_standard_deviation_of_a_ratio(tmp_path):
    seen, rows = cohort()
    wide = [Seen(o.subject, o.value * (10 if o.site == "A" else 1), site=o.site) for o in seen]
    folder = evidence_folder(tmp_path, wide, rows)
    found = carried_out(folder, tmp_path)
    value = np.array([one.value for one in wide])
    at_b = np.array([one.site == "B" for one in wide])
    has = np.array([float(row["response"]) for row in rows])
    from statsmodels.discrete.discrete_model import Logit

    z = value / value.std(ddof=1)
    fit = Logit(has[at_b], np.column_stack((np.ones(at_b.sum()), z[at_b]))).fit(disp=0)
    (row,) = [r for r in rows_of(found, "odds_ratio_per_sd", "site") if r["site_id"] == "B"]
    assert math.log(row["value"]) == pytest.approx(fit.params[1], rel=1e-5)


REFUSED = [
    ({"features": {"adc": planned_feature(unit="um2/ms")}}, "ASSOCIATION-UNIT"),
    ({"features": {"adc": planned_feature(log=True)}}, "ASSOCIATION-LOG"),
    ({"endpoint": {**SURVIVAL, "time": "grade"}, "test": "c_index"}, "ASSOCIATION-ENDPOINT"),
    (
        {
            "endpoint": {"kind": "continuous", "table": "clinical", "column": "sex"},
            "test": "spearman",
        },
        "ASSOCIATION-ENDPOINT",
    ),
    (
        {
            "endpoint": {
                "kind": "ordinal",
                "table": "clinical",
                "column": "response",
                "levels": ["a", "b", "c"],
            },
            "test": "spearman",
        },
        "ASSOCIATION-ENDPOINT",
    ),
    ({"covariates": [{"table": "pathology", "column": "ki67"}]}, "TABLE-NOT-FOUND"),
    ({"covariates": [{"table": "clinical", "column": "height"}]}, "TABLE-COLUMNS"),
]


@pytest.mark.parametrize(("changes", "code"), REFUSED)
def test_a_plan_that_does_not_fit_the_data_is_refused(tmp_path, changes, code):
    from biomarker_cli.model.errors import BiomarkerError

    folder = evidence_folder(tmp_path, SIX, SIX_PATIENTS)
    with pytest.raises(BiomarkerError) as caught:
        carried_out(folder, tmp_path, **changes)
    assert caught.value.code == code


def test_an_endpoint_that_nobody_has_and_a_time_of_nothing_are_refused(tmp_path):
    rows = [row | {"days": "0"} for row in SIX_PATIENTS]
    folder = evidence_folder(tmp_path, SIX, rows)
    with pytest.raises(AssociationError, match="not above 0"):
        carried_out(folder, tmp_path, endpoint=SURVIVAL, test="c_index")
    nobody = {"kind": "binary", "table": "clinical", "column": "sex", "positive": ["male"]}
    with pytest.raises(AssociationError, match="nobody has 'male'"):
        carried_out(folder, tmp_path, endpoint=nobody)


def test_two_versions_of_an_analysis_are_no_feature(tmp_path):
    seen = [*SIX[:5], Seen("S5", 5.0, analysis="dwi-adc@2.0.0")]
    folder = evidence_folder(tmp_path, seen, SIX_PATIENTS)
    with pytest.raises(AssociationError) as caught:
        carried_out(folder, tmp_path)
    assert caught.value.code == "ASSOCIATION-ANALYSIS"
    one = carried_out(folder, tmp_path, features={"adc": planned_feature(analysis="dwi-adc@1.0.0")})
    assert flow(one)["not_measured"] == 1


PLANS = [
    ({"unit": "lesion"}, "expected 'subject'"),
    ({"made": "later"}, "expected 'prespecified' or 'post_hoc'"),
    ({"test": "c_index"}, "of a binary endpoint auc or likelihood_ratio"),
    ({"features": {}}, "at least 1"),
    ({"features": {"A": planned_feature()}}, "small letters"),
    ({"features": {"a": planned_feature(baseline="T1")}}, "other than its baseline"),
    ({"features": {"a": planned_feature(change="percent")}}, "needs its baseline"),
    ({"features": {"a": planned_feature(baseline="T0", log=True)}}, "no logarithm"),
    ({"endpoint": {"kind": "binary", "table": "c", "column": "d"}}, "needs positive"),
    ({"endpoint": {**SURVIVAL, "levels": ["a", "b", "c"]}}, "has no levels"),
    (
        {"endpoint": {"kind": "ordinal", "table": "c", "column": "d", "levels": ["a", "b"]}},
        "three different levels",
    ),
    (
        {
            "endpoint": SURVIVAL,
            "test": "c_index",
            "features": {"a": planned_feature(threshold=1.0)},
        },
        "needs a binary endpoint",
    ),
    ({"covariates": [{"table": "clinical", "column": "response"}]}, "is the endpoint"),
    ({"covariates": [{"table": "c", "column": "d"}] * 2}, "stands twice"),
    ({"multiplicity": "none"}, "expected 'holm', 'bh' or 'bonferroni'"),
    ({"alpha": 0.1}, "unknown"),
    ({"format": "biomarker-association/2"}, "expected format"),
]


@pytest.mark.parametrize(("changes", "said"), PLANS)
def test_a_plan_that_does_not_say_what_it_must_is_refused(tmp_path, changes, said):
    with pytest.raises(AssociationError, match=said) as caught:
        load_plan(write_plan(tmp_path / "plan.yaml", **changes))
    assert caught.value.code == "ASSOCIATION-PLAN"


def harmonisation(tmp_path, rows, fitted):
    """Write harmonised values and a model that was fitted on some others, or on these."""
    model = sealed(
        {
            "format": "biomarker-combat/1",
            "strata": [
                {
                    "analysis_id": "dwi-adc@1.0.0",
                    "role": "dwi",
                    "roi_id": "GTV",
                    "rows": [row_digest([value]) for value in fitted],
                    "features": [{"feature_id": "adc.intensity.median"}],
                }
            ],
        }
    )
    write_json(model, tmp_path / "combat.json")
    names = ("site_id", "subject_id", "timepoint", "role", "roi_id", "analysis_id", "feature_id")
    where = ("A", "T1", "dwi", "GTV", "dwi-adc@1.0.0", "adc.intensity.median")
    cells = [
        dict(zip(names, (where[0], subject, *where[1:]), strict=True))
        | {"value": value, "combat_sha256": model["sha256"]}
        for subject, value in rows
    ]
    (tmp_path / "harmonised.csv").write_text(csv_text([*names, "value", "combat_sha256"], cells))
    return load_harmonisation(tmp_path / "harmonised.csv", tmp_path / "combat.json")


def test_harmonised_values_take_the_place_of_the_measured_ones(tmp_path):
    folder = evidence_folder(tmp_path, SIX, SIX_PATIENTS)
    rows = [(f"S{n}", 100.0 + n) for n in range(5)]
    given = harmonisation(tmp_path, rows, fitted=[77.0])
    found = carried_out(folder, tmp_path, given)
    values = found.features[0].values
    assert [values["A", f"S{n}"].value for n in range(6)] == [*(v for _, v in rows), None]
    assert values["A", "S5"].left_out == "no_value"
    assert {row["combat_sha256"] for row in association_rows(found)} == {given.sha256}


def test_a_region_without_a_measured_value_has_no_harmonised_one(tmp_path):
    folder = evidence_folder(tmp_path, [*SIX[:5], Seen("S5", None)], SIX_PATIENTS)
    given = harmonisation(tmp_path, [(f"S{n}", 1.0 + n) for n in range(6)], fitted=[77.0])
    values = carried_out(folder, tmp_path, given).features[0].values
    assert values["A", "S4"].value == 5.0
    assert (values["A", "S5"].value, values["A", "S5"].left_out) == (None, "no_value")


def test_a_harmonisation_fitted_on_the_same_rows_is_refused(tmp_path):
    folder = evidence_folder(tmp_path, SIX, SIX_PATIENTS)
    given = harmonisation(tmp_path, [("S0", 1.0)], fitted=[5.0, 77.0])
    with pytest.raises(AssociationError, match="fitted on 1 sample of 6 here") as caught:
        carried_out(folder, tmp_path, given)
    assert caught.value.code == "ASSOCIATION-HARMONISED"


def test_two_harmonised_values_of_one_region_are_refused(tmp_path):
    with pytest.raises(AssociationError, match="two harmonised values"):
        harmonisation(tmp_path, [("S0", 1.0), ("S0", 2.0)], fitted=[77.0])


def test_a_model_of_another_table_or_edited_by_hand_is_refused(tmp_path):
    harmonisation(tmp_path, [("S0", 1.0)], fitted=[77.0])
    text = (tmp_path / "combat.json").read_text()
    write_json(sealed({"format": "biomarker-combat/1", "strata": []}), tmp_path / "combat.json")
    with pytest.raises(AssociationError, match="not made by the model"):
        load_harmonisation(tmp_path / "harmonised.csv", tmp_path / "combat.json")
    for content in (text.replace("GTV", "LIVER"), "", "[]", text[:40]):
        (tmp_path / "combat.json").write_text(content)
        with pytest.raises(AssociationError, match="digest does not fit"):
            load_harmonisation(tmp_path / "harmonised.csv", tmp_path / "combat.json")


def test_two_different_endpoints_of_a_subject_are_refused(tmp_path):
    seen = [*SIX, *(Seen(f"S{n}", 1.0, timepoint="T2") for n in range(6))]
    rows = [row | {"visit": "T1"} for row in SIX_PATIENTS]
    rows.append(patient("S0", "1") | {"visit": "T2"})
    run = write_package(tmp_path / "run", seen)
    keys = {"site": "centre", "subject": "patient", "timepoint": "visit"}
    _, table, _, file = write_clinical(tmp_path / "clinical", rows, columns=COLUMNS, keys=keys)
    write_join(join_table(run, tmp_path / table, tmp_path / file), run, tmp_path / "joined")
    with pytest.raises(AssociationError, match=r"2 different values of clinical\.response"):
        carried_out(tmp_path / "joined", tmp_path)


def test_a_table_of_regions_counts_that_of_the_feature(tmp_path):
    seen = [*SIX, *(Seen(f"S{n}", 1.0, roi="NODE") for n in range(6))]
    rows = [row | {"lesion": "GTV"} for row in SIX_PATIENTS]
    rows += [row | {"lesion": "NODE", "response": "0"} for row in SIX_PATIENTS]
    run = write_package(tmp_path / "run", seen)
    keys = {"site": "centre", "subject": "patient", "lesion": "lesion"}
    _, table, _, file = write_clinical(tmp_path / "clinical", rows, columns=COLUMNS, keys=keys)
    write_join(join_table(run, tmp_path / table, tmp_path / file), run, tmp_path / "joined")
    assert rows_of(carried_out(tmp_path / "joined", tmp_path), "auc")[0]["n_events"] == 3


def two_features(prefix, seed):
    """Values of two features of 12 subjects at each of two sites."""
    rng = np.random.default_rng(seed)
    for n in range(24):
        site = "AB"[n % 2]
        for feature, shift in (("adc.intensity.median", 0.0), ("adc.intensity.mean", 1.0)):
            value = float(rng.normal() + shift + 3 * (site == "B") + (n > 11))
            yield Seen(f"{prefix}{n}", value, site=site, feature=feature)


@pytest.mark.parametrize("trained_on", ["others", "these"])
def test_what_combat_fits_and_applies_is_known_again(tmp_path, trained_on):
    seen = list(two_features("S", 1))
    rows = [patient(f"S{n}", str(int(n > 11)), "AB"[n % 2]) for n in range(24)]
    folder = evidence_folder(tmp_path, seen, rows)
    write_package(tmp_path / "training", seen if trained_on == "these" else two_features("T", 2))
    training, these = (read_observations([tmp_path / name]) for name in ("training", "joined"))
    plan = CombatPlan("site_id", (), CombatRules("parametric", "", "usual"))
    model = fit_model(strata_of(training, None), plan, training.analyses)
    write_json(model, tmp_path / "combat.json")
    found = apply_model(model, strata_of(these, None), these.analyses)
    write_table(HARMONISED, harmonised_rows(found, model), tmp_path)
    given = load_harmonisation(tmp_path / "harmonised.csv", tmp_path / "combat.json")
    if trained_on == "these":
        with pytest.raises(AssociationError, match="fitted on 24 samples of 24 here"):
            carried_out(folder, tmp_path, given)
        return
    evidence = carried_out(folder, tmp_path, given)
    measured = carried_out(folder, tmp_path)
    assert flow(evidence)["analysed"] == 24
    # The centre hid what the values say; within a centre the order is as it was.
    areas = [rows_of(one, "auc")[0]["value"] for one in (measured, evidence)]
    assert areas[1] > areas[0]
    of_sites = [
        [row["value"] for row in rows_of(one, "auc", "site")] for one in (measured, evidence)
    ]
    assert of_sites[0] == of_sites[1]


def test_sites_without_a_standard_error_are_counted_where_sites_are_combined(tmp_path):
    seen, rows = cohort()
    # Where classes do not overlap, an area has no variance.
    has = {row["patient"]: row["response"] == "1" for row in rows}
    seen = [
        Seen(one.subject, one.value + 100 * has[one.subject] * (one.site == "C"), site=one.site)
        for one in seen
    ]
    found = carried_out(evidence_folder(tmp_path, seen, rows), tmp_path)
    (all_sites,), (fixed,) = rows_of(found, "auc"), rows_of(found, "auc", "fixed")
    assert (all_sites["n_subjects"], fixed["n_subjects"]) == (60, 40)
    assert fixed["n_events"] == sum(has[one.subject] for one in seen if one.site != "C")
    assert "1 site without a standard error left out" in fixed["note"]


@pytest.mark.parametrize("kind", ["binary", "time_to_event"])
def test_words_that_the_plan_does_not_call_negative_are_refused(tmp_path, kind):
    table = {"table": "clinical", "column": "grade", "positive": ["G3"]}
    endpoint = table | ({"kind": kind} if kind == "binary" else {"kind": kind, "time": "days"})
    test = "auc" if kind == "binary" else "c_index"
    rows = [row | {"grade": str(1 + n % 3)} for n, row in enumerate(SIX_PATIENTS)]
    folder = evidence_folder(tmp_path, SIX, rows)
    with pytest.raises(AssociationError, match="2 words neither positive nor negative"):
        carried_out(folder, tmp_path, endpoint=endpoint, test=test)
    with pytest.raises(AssociationError, match=r"1 word neither .* 'G2'"):
        carried_out(folder, tmp_path, endpoint=endpoint | {"negative": ["G1"]}, test=test)
    told = carried_out(folder, tmp_path, endpoint=endpoint | {"negative": ["G1", "G2"]}, test=test)
    assert [one.value for one in told.features[0].endpoints.values()] == [0, 0, 1, 0, 0, 1]


def test_the_first_value_is_not_a_later_one_and_not_told_without_its_day(tmp_path):
    anytime = {"adc": planned_feature(timepoint="", per_subject="first")}
    late = Seen("S0", 9.0, timepoint="T2", date="20240601")

    def value_of(name, seen):
        (tmp_path / name).mkdir()
        folder = evidence_folder(tmp_path / name, seen, SIX_PATIENTS)
        return carried_out(folder, tmp_path, features=anytime).features[0].values["A", "S0"]

    assert value_of("usable", [*SIX, late]).value == SIX[0].value
    spoiled = [replace(SIX[0], usable="no"), *SIX[1:], late]
    assert value_of("spoiled", spoiled).left_out == "not_usable"
    with pytest.raises(AssociationError, match="2 values"):
        value_of("undated", [*SIX, replace(late, date="")])
