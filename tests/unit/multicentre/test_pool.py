"""A pool: what is refused by name, what is left out with a reason, and that no byte moves."""

from __future__ import annotations

import csv
import hashlib
import json
from itertools import permutations
from pathlib import Path

import pytest

from biomarker_cli.model.errors import BiomarkerError
from biomarker_cli.multicentre.pooling.pool import pool_runs
from biomarker_cli.multicentre.pooling.rules import PoolRules, parse_answers
from biomarker_cli.tables.package import package_is_true
from biomarker_cli.tables.packaged import read_package
from tests.pool_runs import ANALYSIS, FEATURE_IDS, digest, measurement, write_whole_run

CONTRAST, MEAN, VOLUME = FEATURE_IDS
A, B, C = (f"{site}/S1/T1/ct" for site in "ABC")


def pooled(folders, output: Path, **rules):
    output.mkdir(parents=True, exist_ok=True)
    report = pool_runs(folders, output, PoolRules(**rules))
    assert package_is_true(output)
    return report


def rows(folder: Path, table: str) -> list[dict[str, str]]:
    with (folder / f"{table}.csv").open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def three_parts(folder: Path, **of_c) -> list[Path]:
    """Return three runs, of which the last one has a defect."""
    parts = [
        write_whole_run(folder / site, [f"{site}/S1/T1/ct", f"{site}/S2/T1/ct"]) for site in "AB"
    ]
    ids = of_c.pop("case_ids", [C, "C/S2/T1/ct"])
    return [*parts, write_whole_run(folder / "C", ids, **of_c)]


def edited(folder: Path, table: str, old: str, new: str) -> None:
    path = folder / f"{table}.csv"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def grams(case_id: str = C):
    return [
        measurement(case_id, feature, unit="g" if feature == VOLUME else "1")
        for feature in FEATURE_IDS
    ]


TWO_VERSIONS = [measurement(C, MEAN, analysis_id="radiomics-ct@1.1.0")]

SEEDED = {
    # What is wrong with one of three parts: how it is made, the code, words of the message.
    "another bin width": (
        {"of_features": {"analysis_sha256": digest("other")}},
        "POOL-UNLIKE",
        f"analysis {ANALYSIS}",
    ),
    "another version": (
        {"case_ids": [C], "rows": TWO_VERSIONS},
        "POOL-UNLIKE",
        "version radiomics-ct",
    ),
    "another engine": (
        {"of_features": {"engine": "pyradiomics"}},
        "POOL-UNLIKE",
        f"engine {ANALYSIS}",
    ),
    "another definition": (
        {"of_features": {"definition_version": "2"}},
        "POOL-UNLIKE",
        f"definition {ANALYSIS} {CONTRAST}",
    ),
    "another unit": (
        {"case_ids": [C], "rows": grams()},
        "POOL-UNLIKE",
        f"unit ct {ANALYSIS} {VOLUME}: ",
    ),
    "another key": ({"manifest": {"key_fingerprint": "k2"}}, "POOL-UNLIKE", "study_key: "),
    "another policy": (
        {"manifest": {"usable_policy": {"file": "p", "sha256": "f"}}},
        "POOL-UNLIKE",
        "usable_policy: ",
    ),
    "a duplicate image": (
        {"of_case": {C: {"pixels_sha256": digest(f"pixels {B}")}}},
        "POOL-DUPLICATE",
        f"{B} ",
    ),
    "a duplicate subject": (
        {"of_case": {C: {"study_uid": "2.25.7"}, "C/S2/T1/ct": {"study_uid": "2.25.7"}}},
        "POOL-DUPLICATE",
        "one examination",
    ),
    "a case twice": ({"case_ids": [A]}, "POOL-CASE-REPEATED", A),
    "another result in the manifest": ({"of_case": {C: {"result_key": "0"}}}, "POOL-PART-MIXED", C),
    "a manifest of another run": ({"manifest": {"cases": {}}}, "POOL-PART-MIXED", C),
}


@pytest.mark.parametrize("name", SEEDED)
def test_a_seeded_defect_of_one_part_is_named(name, tmp_path):
    made, code, words = SEEDED[name]
    parts = three_parts(tmp_path, **made)
    with pytest.raises(BiomarkerError) as caught:
        pooled(parts, tmp_path / "out")
    assert caught.value.code == code
    assert words in caught.value.message
    assert str(parts[2]) in f"{caught.value.message} {caught.value.where}"
    assert list((tmp_path / "out").iterdir()) == []


EDITED = {
    "an edited number": ("measurements", ",1.0,", ",1.5,", "TABLE-CHANGED"),
    "an edited word": ("cases", "Maker", "Taker", "TABLE-CHANGED"),
    "an edited flag": ("flags", "flag", "flog", "TABLE-CHANGED"),
    "an edited feature": ("features", "native", "naive!", "TABLE-CHANGED"),
    "an edited fact": ("facts", "120", "140", "TABLE-CHANGED"),
    "an edited region": ("rois", "GTV", "GTX", "TABLE-CHANGED"),
    "an edited check": ("checks", "scope", "slope", "TABLE-CHANGED"),
}


@pytest.mark.parametrize("name", EDITED)
def test_an_edited_table_of_one_part_is_named(name, tmp_path):
    table, old, new, code = EDITED[name]
    parts = three_parts(tmp_path)
    edited(parts[2], table, old, new)
    with pytest.raises(BiomarkerError) as caught:
        pooled(parts, tmp_path / "out")
    assert caught.value.code == code
    assert f"{table}.csv" in caught.value.message
    assert str(parts[2]) in f"{caught.value.message} {caught.value.where}"
    assert list((tmp_path / "out").iterdir()) == []


def test_the_order_and_the_names_of_the_parts_change_no_byte(tmp_path):
    parts = three_parts(tmp_path)
    parts[2].rename(tmp_path / "0-first-by-name")
    parts[2] = tmp_path / "0-first-by-name"
    found = set()
    for number, order in enumerate(permutations(parts)):
        out = tmp_path / f"out{number}"
        pooled(order, out, answers={"software": "list"})
        found.add(tuple((p.name, digest(p.read_text())) for p in sorted(out.iterdir())))
    assert len(found) == 1
    assert len(found.pop()) == 10


def test_the_order_of_the_parts_changes_no_message(tmp_path):
    parts = three_parts(tmp_path, of_features={"engine": "x"}, manifest={"key_fingerprint": "k2"})
    messages = set()
    for order in permutations(parts):
        with pytest.raises(BiomarkerError) as caught:
            pooled(order, tmp_path / "out")
        messages.add(str(caught.value))
    assert len(messages) == 1


def test_a_manifest_that_knows_more_cases_than_the_tables_is_refused(tmp_path):
    run = write_whole_run(tmp_path / "run", [A])
    told = json.loads((run / "manifest.json").read_text())
    told["cases"][B] = told["cases"][A]
    (run / "manifest.json").write_text(json.dumps(told))
    with pytest.raises(BiomarkerError, match="knows 2 cases, not 1") as caught:
        pooled([run], tmp_path / "out")
    assert caught.value.code == "POOL-PART-MIXED"


def resealed(run: Path, table: str, change) -> None:
    """Change the text of a table, and what its package says of it."""
    path = run / f"{table}.csv"
    before = path.read_bytes()
    path.write_text(change(before.decode()))
    package = run / "datapackage.json"
    old, new = (hashlib.sha256(text).hexdigest() for text in (before, path.read_bytes()))
    package.write_text(package.read_text().replace(old, new))


IMPOSSIBLE = {
    "a row twice": lambda text: text + text.splitlines()[-1] + "\n",
    "another word for usable": lambda text: text.replace(",yes", ",perhaps", 1),
    "a cell more": lambda text: text.replace(",yes", ",yes,yes", 1),
    "an unknown case": lambda text: text.replace(A, "A/S0/T1/ct"),
    "an unknown feature": lambda text: text.replace(VOLUME, f"{VOLUME}s"),
    "Windows line ends": lambda text: text.replace("\n", "\r\n"),
}


@pytest.mark.parametrize("name", IMPOSSIBLE)
def test_rows_that_no_run_writes_are_refused_whatever_the_package_says(name, tmp_path):
    run = write_whole_run(tmp_path / "run", [A])
    resealed(run, "measurements", IMPOSSIBLE[name])
    with pytest.raises(BiomarkerError) as caught:
        pooled([run], tmp_path / "out")
    assert caught.value.code in {"TABLE-VALUE", "TABLE-COLUMNS"}
    assert list((tmp_path / "out").iterdir()) == []


def test_two_units_within_one_part_are_named(tmp_path):
    unlike = [measurement(A, VOLUME), measurement(B, VOLUME, unit="g")]
    part = write_whole_run(tmp_path / "run", [A, B], unlike)
    with pytest.raises(BiomarkerError, match=f"unit ct {ANALYSIS} {VOLUME}: 1;g in"):
        pooled([part], tmp_path / "out")


def flagged_rows(case_ids):
    for case_id in case_ids:
        yield measurement(case_id, CONTRAST, None)
        yield measurement(case_id, MEAN, 2.0, flags=frozenset({"roi_small"}))
        yield measurement(case_id, VOLUME, 3.0, flags=frozenset({"acq_fail:R-1", "roi_small"}))


def test_the_parts_of_a_split_study_give_the_bytes_of_the_undivided_one(tmp_path):
    ids = [f"{site}/S{n}/{visit}/ct" for site in "AB" for n in range(3) for visit in ("T1", "T2")]
    whole = write_whole_run(tmp_path / "whole", ids, flagged_rows(ids))
    parts = [
        write_whole_run(tmp_path / f"part{n}", ids[n::3], flagged_rows(ids[n::3])) for n in range(3)
    ]
    pooled(parts, tmp_path / "all", usable="all")
    for table in read_package(whole).values():
        assert (tmp_path / "all" / table.path.name).read_bytes() == table.path.read_bytes()
    pooled(parts, tmp_path / "of_parts")
    pooled([whole], tmp_path / "of_whole")
    for path in sorted((tmp_path / "of_whole").iterdir()):
        if path.name != "manifest.json":  # which names the parts
            assert (tmp_path / "of_parts" / path.name).read_bytes() == path.read_bytes()


@pytest.mark.parametrize(
    ("usable", "kept", "left"),
    [
        ("all", 3, {}),
        ("caution", 1, {"no_value": 1, "do_not_use": 1}),
        ("yes", 0, {"no_value": 1, "do_not_use": 1, "caution": 1}),
    ],
)
def test_every_row_is_pooled_or_left_out_with_its_reason(usable, kept, left, tmp_path):
    good = [measurement(B, feature) for feature in FEATURE_IDS]
    part = write_whole_run(tmp_path / "run", [A, B], [*flagged_rows([A]), *good])
    out = tmp_path / "out"
    report = pooled([part], out, usable=usable)
    assert report.n_by_reason == left
    assert report.n_rows == kept + 3 == len(rows(out, "measurements"))
    found = {row["feature_id"]: row for row in rows(out, "exclusions")}
    assert len(found) == sum(left.values())
    if usable == "yes":
        said = {feature: (row["reason"], row["detail"]) for feature, row in found.items()}
        assert said == {
            CONTRAST: ("no_value", "undefined"),
            MEAN: ("caution", "roi_small"),
            VOLUME: ("do_not_use", "acq_fail:R-1"),
        }
        assert found[VOLUME]["flags"] == "acq_fail:R-1;roi_small"
    flags = {row["flag"]: row["n_measurements"] for row in rows(out, "flags")}
    assert (
        flags
        == {
            "all": {"acq_fail:R-1": "1", "roi_small": "2"},
            "caution": {"roi_small": "1"},
            "yes": {},
        }[usable]
    )


LEFT_OUT = {
    "analysis": ({"of_features": {"analysis_sha256": digest("other")}}, "other_analysis", 6),
    "version": ({"case_ids": [C], "rows": TWO_VERSIONS}, "other_analysis", 1),
    "engine": ({"of_features": {"engine": "pyradiomics"}}, "other_engine", 6),
    "definition": ({"of_features": {"definition_version": "2"}}, "other_definition", 6),
    "unit": ({"case_ids": [C], "rows": grams()}, "other_unit", 1),
}


@pytest.mark.parametrize("kind", LEFT_OUT)
def test_rows_that_are_not_like_the_reference_are_left_out(kind, tmp_path):
    made, reason, number = LEFT_OUT[kind]
    parts = three_parts(tmp_path, **made)
    out = tmp_path / "out"
    report = pooled(parts, out, answers={kind: "leave_out"}, like=parts[0])
    assert report.n_by_reason == {reason: number}
    assert {row["case_id"][0] for row in rows(out, "exclusions")} == {"C"}
    features = rows(out, "features")
    assert not [row for row in features if ";" in "".join(row.values())]
    kept = [row for row in rows(out, "measurements") if row["case_id"][0] == "C"]
    assert len(kept) == {"unit": 2}.get(kind, 0)
    told = json.loads((out / "manifest.json").read_text())["pool"]["differences"]
    assert (told[0]["kind"], told[0]["answer"]) == (kind, "leave_out")
    # Where the odd one holds, the others are left out.
    report = pooled(parts, tmp_path / "odd", answers={kind: "leave_out"}, like=parts[2])
    assert report.n_by_reason == {reason: {"unit": 4}.get(kind, 12)}


def test_one_image_under_two_subjects_leaves_both_out(tmp_path):
    parts = three_parts(tmp_path, of_case={C: {"pixels_sha256": digest(f"pixels {B}")}})
    report = pooled(parts, tmp_path / "out", answers={"image": "leave_out"})
    assert report.n_by_reason == {"same_image": 2}
    found = [(r["case_id"], r["roi_id"], r["detail"]) for r in rows(tmp_path / "out", "exclusions")]
    assert found == [(B, "", C), (C, "", B)]
    for table in ("cases", "rois", "facts", "measurements"):
        assert not {B, C} & {row["case_id"] for row in rows(tmp_path / "out", table)}
    assert report.n_cases == 4


def test_one_image_measured_twice_at_one_visit_is_no_duplicate(tmp_path):
    same = {"pixels_sha256": "p", "series_uid": "1.2.3"}
    ids = [A, "A/S1/T1/pet"]
    part = write_whole_run(tmp_path / "run", ids, of_case=dict.fromkeys(ids, same))
    assert pooled([part], tmp_path / "out").n_cases == 2


def test_differences_that_are_listed_stand_in_the_manifest(tmp_path):
    parts = three_parts(
        tmp_path, manifest={"key_fingerprint": "k2", "software": {"biomarker": "0.2"}}
    )
    out = tmp_path / "out"
    pooled(parts, out, answers={"study_key": "list"})
    told = json.loads((out / "manifest.json").read_text())
    assert told["key_fingerprint"] == ""
    kinds = {one["kind"]: one for one in told["pool"]["differences"]}
    assert sorted(kinds) == ["software", "study_key"]
    assert {v: len(p) for v, p in kinds["study_key"]["found"].items()} == {"k1": 2, "k2": 1}
    assert len(told["pool"]["parts"]) == 3
    assert len(told["cases"]) == 6


def test_a_pool_of_pools_is_the_pool_of_their_runs(tmp_path):
    ids = [A, B, C]
    parts = [write_whole_run(tmp_path / i[0], [i], flagged_rows([i])) for i in ids]
    pooled(parts, tmp_path / "at_once")
    pooled(parts[:2], tmp_path / "first")
    pooled([tmp_path / "first", parts[2]], tmp_path / "in_steps")
    for path in sorted((tmp_path / "at_once").iterdir()):
        if path.name != "manifest.json":
            assert (tmp_path / "in_steps" / path.name).read_bytes() == path.read_bytes()
    told = [
        json.loads((tmp_path / n / "manifest.json").read_text()) for n in ("at_once", "in_steps")
    ]
    assert told[0]["pool"]["parts"] == told[1]["pool"]["parts"]
    assert told[0]["cases"] == told[1]["cases"]


def test_a_certificate_may_be_asked_for(tmp_path):
    parts = [
        write_whole_run(tmp_path / "a", [A], manifest={"certificate": "c1"}),
        write_whole_run(tmp_path / "b", [B]),
    ]
    assert [one.kind for one in pooled(parts, tmp_path / "out").differences] == ["certificate"]
    with pytest.raises(BiomarkerError) as caught:
        pooled(parts, tmp_path / "out2", answers={"certificate": "refuse"})
    assert caught.value.code == "POOL-NO-CERTIFICATE"
    assert str(parts[1]) in caught.value.message
    assert str(parts[0]) not in caught.value.message


def check(outcome: str, **more: str) -> dict[str, str]:
    return {
        "scope": "cohort",
        "protocol_id": "p",
        "protocol_version": "1.0.0",
        "rule_id": "R",
        "severity": "error",
        "outcome": outcome,
        "observed": outcome,
        **more,
    }


@pytest.mark.parametrize(
    ("outcomes", "holds"),
    [
        (("pass", "fail"), "fail"),
        (("not_evaluable", "pass"), "not_evaluable"),
        (("pass", "not_applicable"), "pass"),
    ],
)
def test_of_rules_above_series_the_worst_outcome_holds(outcomes, holds, tmp_path):
    parts = [
        write_whole_run(
            tmp_path / case[0],
            [case],
            checks=[
                check(said),
                check("pass", rule_id="S"),
                check("fail", scope="series", case_id=case),
            ],
        )
        for case, said in zip((A, B), outcomes, strict=True)
    ]
    pooled(parts, tmp_path / "out")
    found = [
        (r["scope"], r["case_id"], r["rule_id"], r["outcome"])
        for r in rows(tmp_path / "out", "checks")
    ]
    assert found == [
        ("cohort", "", "R", holds),
        ("cohort", "", "S", "pass"),
        ("series", A, "R", "fail"),
        ("series", B, "R", "fail"),
    ]
    assert rows(tmp_path / "out", "checks")[0]["observed"] == " | ".join(sorted(outcomes))


HOSTILE = ("=cmd|' C calc'!A0", 'a,"b"', "line\nend", "'s", "\x1b[31m", "ü", "'=x", "-1")


def test_hostile_names_pass_as_they_are(tmp_path):
    ids = sorted(f"{name}/S1/T1/ct" for name in HOSTILE)
    parts = [write_whole_run(tmp_path / f"p{n}", [i], flagged_rows([i])) for n, i in enumerate(ids)]
    whole = write_whole_run(tmp_path / "whole", ids, flagged_rows(ids))
    pooled(parts, tmp_path / "out", usable="all")
    for table in read_package(whole).values():
        assert (tmp_path / "out" / table.path.name).read_bytes() == table.path.read_bytes()
    pooled(parts, tmp_path / "left")
    pooled([whole], tmp_path / "left_of_whole")
    names = ("measurements.csv", "exclusions.csv")
    assert all(
        (tmp_path / "left" / n).read_bytes() == (tmp_path / "left_of_whole" / n).read_bytes()
        for n in names
    )


BAD_FILES = {
    "an empty package": ("datapackage.json", b"", "TABLE-PACKAGE"),
    "a package of another": ("datapackage.json", b'{"resources": []}', "POOL-SCHEMA"),
    "a cut manifest": ("manifest.json", b'{"format": "biomarker-manifest/1", ', "TABLE-MANIFEST"),
    "a deep manifest": ("manifest.json", b"[" * 100_000, "TABLE-MANIFEST"),
    "an empty table": ("measurements.csv", b"", "TABLE-CHANGED"),
    "a binary table": ("measurements.csv", bytes(range(256)) * 10, "TABLE-CHANGED"),
    "an endless quote": ("cases.csv", b'"' + b"a" * 200_000, "TABLE-CHANGED"),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_file_that_cannot_be_used_is_named(name, tmp_path):
    file, content, code = BAD_FILES[name]
    parts = three_parts(tmp_path)
    (parts[2] / file).write_bytes(content)
    with pytest.raises(BiomarkerError) as caught:
        pooled(parts, tmp_path / "out")
    assert caught.value.code == code


def test_a_folder_that_is_no_run_is_named(tmp_path):
    with pytest.raises(BiomarkerError) as caught:
        pooled([tmp_path], tmp_path / "out")
    assert caught.value.code == "TABLE-NOT-FOUND"


def test_rules_that_say_nothing_are_refused():
    assert parse_answers(["engine=list", "image=leave_out"]) == {
        "engine": "list",
        "image": "leave_out",
    }
    for said in (["engine"], ["enigne=list"], ["unit=list"], ["engine=list", "engine=refuse"]):
        with pytest.raises(BiomarkerError) as caught:
            parse_answers(said)
        assert caught.value.code == "POOL-RULES"
    with pytest.raises(BiomarkerError, match="nobody can say"):
        PoolRules(answers={"unit": "leave_out"})
    with pytest.raises(BiomarkerError, match="no name"):
        PoolRules(name="a/../b")


def test_a_reference_without_the_thing_is_refused(tmp_path):
    other = [measurement(A, "original.glcm.energy", analysis_id="other@1.0.0")]
    parts = [
        write_whole_run(tmp_path / "a", [A], other),
        write_whole_run(tmp_path / "b", [B]),
        write_whole_run(tmp_path / "c", [C], of_features={"engine": "x"}),
    ]
    with pytest.raises(BiomarkerError, match="--like has no such thing"):
        pooled(parts, tmp_path / "out", answers={"engine": "leave_out"}, like=parts[0])
    answers = {"engine": "leave_out"}
    with pytest.raises(BiomarkerError, match="names no part"):
        pooled(parts[1:], tmp_path / "out", answers=answers, like=tmp_path / "elsewhere")


def test_nothing_left_is_an_error(tmp_path):
    part = write_whole_run(tmp_path / "a", [A], [measurement(A, MEAN, None)])
    with pytest.raises(BiomarkerError) as caught:
        pooled([part], tmp_path / "out")
    assert caught.value.code == "POOL-EMPTY"
    assert list((tmp_path / "out").iterdir()) == []


def test_a_region_that_one_part_could_not_measure_is_not_as_if_nobody_had_asked(tmp_path):
    failed = write_whole_run(
        tmp_path / "b",
        [B],
        [],
        manifest={
            "protocols": [
                {"format": "biomarker-analysis/1", "id": "radiomics-ct", "version": "1.0.0"}
            ]
        },
    )
    part = write_whole_run(tmp_path / "a", [A])
    out = tmp_path / "out"
    pooled([failed, part], out)
    left = [
        (r["case_id"], r["roi_id"], r["feature_id"], r["reason"], r["detail"])
        for r in rows(out, "exclusions")
    ]
    assert left == [(B, "GTV", feature, "no_value", "failed") for feature in FEATURE_IDS]
    # Of a case that was excluded nobody tried.
    excluded = write_whole_run(
        tmp_path / "e",
        [C],
        [],
        manifest={"protocols": json.loads((failed / "manifest.json").read_text())["protocols"]},
        of_case={C: {"status": "excluded"}},
    )
    pooled([excluded, part], tmp_path / "out1")
    assert {row["detail"] for row in rows(tmp_path / "out1", "exclusions")} == {"skipped"}
    # A part that never asked for it lacks nothing.
    silent = write_whole_run(tmp_path / "c", [C], [], manifest={"protocols": []})
    pooled([silent, part], tmp_path / "out2")
    assert rows(tmp_path / "out2", "exclusions") == []
