"""From tables to repeatability and changes: what is pooled, what is refused, what is said."""

from __future__ import annotations

import json
import random
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from biomarker_cli.model.errors import InputNotFoundError
from biomarker_cli.multicentre.agreement import bland_altman
from biomarker_cli.multicentre.bland_altman_plot import bland_altman_svg
from biomarker_cli.multicentre.change import (
    ChangeRules,
    changes,
    expected_false,
    load_repeatability,
)
from biomarker_cli.multicentre.errors import AgreementError
from biomarker_cli.multicentre.observations import read_observations, selected
from biomarker_cli.multicentre.repeatability_table import (
    REPEATABILITY,
    natural_order,
    repeat_column,
    repeatability_file,
    study_repeats,
)
from biomarker_cli.multicentre.scales import is_ratio_scale
from biomarker_cli.tables.errors import TableError
from biomarker_cli.tables.writing import table_lines, write_json
from tests.synthetic_tables import ANALYSIS, MEDIAN, UNIT, write_run

PAIRS = [("1.21", "1.18"), ("0.98", "1.02"), ("1.45", "1.39"), ("1.1", "1.16"), ("0.87", "0.85")]


def _values(site="A", pairs=PAIRS, roi="GTV", feature=MEDIAN):
    return [
        (site, f"S{i}", f"T{visit}", roi, feature, value)
        for i, pair in enumerate(pairs)
        for visit, value in enumerate(pair, start=1)
    ]


def _study(folder, **options):
    observations = read_observations([folder])
    column = repeat_column(observations, "")
    return observations, study_repeats(observations.frame, column, **options)


def _table(path, *rows, columns="subject_id,feature_id,timepoint,value"):
    path.write_text("\n".join([columns, *rows]) + "\n")
    return path


def test_a_run_tells_each_site_and_all_of_them(tmp_path):
    run = write_run(tmp_path, _values() + _values("B", PAIRS[:3]))
    _, found = _study(run)
    assert [one.key[:2] for one in found] == [("overall", ""), ("site", "A"), ("site", "B")]
    assert [one.repeats.n_subjects for one in found] == [8, 5, 3]
    lines = table_lines(REPEATABILITY, (row for one in found for row in one.rows()))
    assert lines.startswith(f"overall,,{ANALYSIS},dwi,GTV,{MEDIAN},CCC,")


def test_the_order_of_rows_and_tables_moves_no_byte(tmp_path):
    values = _values() + _values("B", PAIRS[:3])
    whole = _study(write_run(tmp_path / "whole", values))[1]
    split = [write_run(tmp_path / site, [v for v in values if v[0] == site]) for site in "BA"]
    found = study_repeats(read_observations(split).frame, "timepoint")
    rows = ["subject_id,feature_id,timepoint,value,site_id,role,roi_id,analysis_id,unit"]
    shuffled = [
        f"{subject},{feature},{visit},{value},{site},dwi,{roi},{ANALYSIS},{UNIT}"
        for site, subject, visit, roi, feature, value in values
    ]
    random.Random(1).shuffle(shuffled)
    path = tmp_path / "mixed.csv"
    path.write_text("\n".join(rows + shuffled))
    mixed = study_repeats(read_observations([path]).frame, "timepoint")
    texts = {
        table_lines(REPEATABILITY, (row for one in study for row in one.rows()))
        for study in (whole, found, mixed)
    }
    assert len(texts) == 1


def test_rois_of_a_subject_are_pooled_only_when_told(tmp_path):
    run = write_run(tmp_path, _values(roi="L1") + _values(roi="L2", pairs=PAIRS[::-1]))
    apart, pooled = _study(run)[1], _study(run, pool_rois=True)[1]
    assert [one.key[4] for one in apart] == ["L1", "L2"]
    (one,) = pooled
    assert (one.repeats.n_subjects, len(one.repeats.subjects)) == (5, 10)
    assert one.statistics["wSD"].interval == "bootstrap_subjects"
    assert apart[0].statistics["wSD"].interval == "chi_square"


def test_a_target_with_one_value_is_left_out_and_counted(tmp_path):
    (one,) = _study(write_run(tmp_path, _values(pairs=[*PAIRS, ("1.0", "")])))[1]
    assert (one.repeats.n_subjects, one.n_left_out) == (5, 1)


def test_a_feature_that_one_subject_has_is_undefined_beside_the_others(tmp_path):
    lonely = _values(pairs=PAIRS[:1], feature="adc.intensity.mean")
    found = _study(write_run(tmp_path, _values() + lonely))[1]
    (one,) = [one for one in found if one.key[5] == "adc.intensity.mean"]
    row = next(iter(one.rows()))
    assert (row["status"], row["value"]) == ("undefined", None)
    assert "one subject" in row["reason"]


def test_nothing_measured_twice_is_said(tmp_path):
    with pytest.raises(InputNotFoundError) as caught:
        _study(write_run(tmp_path, _values(pairs=PAIRS[:1])))
    assert caught.value.code == "REPEATS-NOT-FOUND"


def test_repeats_stand_in_the_order_of_their_numbers(tmp_path):
    assert sorted(["T10", "T2", "T1"], key=natural_order) == ["T1", "T2", "T10"]
    values = [(*v[:2], {"T1": "T10", "T2": "T2"}[v[2]], *v[3:]) for v in _values()]
    (one,) = _study(write_run(tmp_path, values))[1]
    assert one.labels == ("T2", "T10")


@pytest.mark.parametrize(
    ("versions", "digests"),
    [((ANALYSIS, "dwi-adc@1.1.0"), "ab"), ((ANALYSIS, ANALYSIS), "ab")],
)
def test_two_versions_of_an_analysis_are_not_pooled(tmp_path, versions, digests):
    runs = [
        write_run(tmp_path / site, _values(site), analysis=version, sha256=digest * 64)
        for site, version, digest in zip("AB", versions, digests, strict=True)
    ]
    with pytest.raises(AgreementError) as caught:
        read_observations(runs)
    assert caught.value.code == "MIXED-ANALYSES"


def test_two_analyses_stand_beside_each_other(tmp_path):
    runs = [
        write_run(tmp_path / site, _values(site), analysis=name)
        for site, name in zip("AB", (ANALYSIS, "wb-dwi@1.0.0"), strict=True)
    ]
    assert len(read_observations(runs).analyses) == 2


def test_two_units_of_a_feature_are_not_pooled(tmp_path):
    runs = [
        write_run(tmp_path / site, _values(site), unit=unit)
        for site, unit in (("A", "mm2/s"), ("B", "um2/s"))
    ]
    with pytest.raises(AgreementError, match="um2/s") as caught:
        read_observations(runs)
    assert caught.value.code == "MIXED-UNITS"


def test_rois_of_two_units_are_not_pooled(tmp_path):
    columns = "subject_id,feature_id,timepoint,value,roi_id,unit"
    rows = [f"S1,f,T1,1,{roi},{unit}" for roi, unit in (("L1", "mm3"), ("L2", "mL"))]
    path = _table(tmp_path / "t.csv", *rows, columns=columns)
    with pytest.raises(AgreementError) as caught:
        read_observations([path])
    assert caught.value.code == "MIXED-UNITS"


def test_two_values_of_one_visit_are_no_change(tmp_path):
    path = _table(tmp_path / "t.csv", *(f"S1,{MEDIAN},T1,{v}" for v in (1, 2)))
    with pytest.raises(AgreementError) as caught:
        changes(
            read_observations([path]),
            ChangeRules(load_repeatability(_known(tmp_path)), stated=SAME),
        )
    assert caught.value.code == "OBSERVATION-REPEATED"


def test_harmonised_values_are_not_pooled_with_others(tmp_path):
    rows = [f"S{i},f,T{t},{i + t},{'c' * 64 if t == 1 else ''}" for i in (1, 2) for t in (1, 2)]
    path = _table(
        tmp_path / "t.csv", *rows, columns="subject_id,feature_id,timepoint,value,combat_sha256"
    )
    with pytest.raises(AgreementError) as caught:
        read_observations([path])
    assert caught.value.code == "MIXED-HARMONISATION"


@pytest.mark.parametrize("text", ["NaN", "nan", "inf", "-inf", "n/a", "1,5", "1e999"])
def test_what_is_no_number_is_refused(tmp_path, text):
    cell = f'"{text}"'
    path = _table(tmp_path / "t.csv", "S1,f,T1,1.0", f"S1,f,T2,{cell}")
    with pytest.raises(TableError) as caught:
        read_observations([path])
    assert caught.value.code == "TABLE-VALUE"
    assert "line 3" in caught.value.where


def test_a_run_whose_value_is_no_number_is_refused(tmp_path):
    run = write_run(tmp_path, _values())
    path = run / "measurements.csv"
    path.write_text(path.read_text().replace("1.21", "NaN"))
    with pytest.raises(TableError) as caught:
        read_observations([run])
    assert caught.value.code == "TABLE-VALUE"


def test_a_table_says_which_columns_it_lacks(tmp_path):
    path = _table(tmp_path / "t.csv", "S1,1", columns="subject_id,value")
    with pytest.raises(TableError, match="feature_id"):
        read_observations([path])
    path = _table(tmp_path / "u.csv", "S1,f,1", columns="subject_id,feature_id,value")
    with pytest.raises(TableError, match="timepoint"):
        repeat_column(read_observations([path]), "")
    with pytest.raises(TableError, match="reading"):
        repeat_column(read_observations([path]), "reading")


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("none.csv", None, "TABLE-NOT-FOUND"),
        ("empty.csv", b"", "TABLE-UNREADABLE"),
        ("latin.csv", b"subject_id,feature_id,value\nM\xfcller,f,1\n", "TABLE-UNREADABLE"),
    ],
)
def test_what_is_no_table_is_refused(tmp_path, name, content, code):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(TableError) as caught:
        read_observations([path])
    assert caught.value.code == code


def test_two_values_of_one_repeat_are_refused(tmp_path):
    path = _table(tmp_path / "t.csv", "S1,f,T1,1.0", "S1,f,T1,1.1", "S2,f,T1,1.0")
    with pytest.raises(AgreementError) as caught:
        study_repeats(read_observations([path]).frame, "timepoint")
    assert caught.value.code == "OBSERVATION-REPEATED"


def test_patterns_choose_features_and_rois(tmp_path):
    values = _values() + _values(roi="LIVER") + _values(feature="adc.intensity.mean")
    frame = read_observations([write_run(tmp_path, values)]).frame
    assert set(selected(frame, ["*.median"], ["GTV*"])["feature_id"]) == {MEDIAN}
    assert len(selected(frame, [], [])) == len(values)


@pytest.mark.parametrize(
    ("feature", "unit", "expected"),
    [
        ("suvbw.uptake.max", "g/mL", True),
        ("adc.intensity.median", "mm2/s", True),
        ("original.morphology.volume", "mm3", True),
        ("original.glcm.joint_entropy.3d_average", "1", True),
        ("original.intensity.mean", "[hnsf'U]", False),
        ("original.intensity.variance", "([hnsf'U])2", True),
        ("original.intensity.mean", "1", False),
        ("original.intensity.skewness", "1", False),
        ("original.glcm.correlation.3d_average", "1", False),
        ("original.glcm.joint_average.3d_average", "1", False),
        ("original.glrlm.high_grey_level_run_emphasis.3d_average", "1", False),
        ("original.glrlm.long_run_emphasis.3d_average", "1", True),
        ("original.intensity_histogram.mean", "1", False),
        ("volume", "mm3", False),
    ],
)
def test_which_features_are_on_a_ratio_scale(feature, unit, expected):
    assert is_ratio_scale(feature, unit) is expected


def test_a_table_may_say_the_scale_of_its_features(tmp_path):
    columns = "subject_id,feature_id,timepoint,value,scale"
    path = _table(tmp_path / "t.csv", "S1,theirs,T1,1,ratio", columns=columns)
    assert read_observations([path]).frame["is_ratio"].all()
    path = _table(tmp_path / "u.csv", "S1,theirs,T1,1,relative", columns=columns)
    with pytest.raises(TableError, match="relative"):
        read_observations([path])


# Changes against a repeatability file.


def _known(tmp_path):
    observations, found = _study(write_run(tmp_path / "retest", _values()))
    said = {"repeat": "timepoint", "interval": "1 day", "roi_method": "freehand"}
    return write_json(repeatability_file(found, observations, said), tmp_path / "rc.json")


SAME = {"interval": "1 day", "roi_method": "freehand"}


def test_a_change_beyond_the_limits_exceeds_the_coefficient(tmp_path):
    run = write_run(tmp_path / "trial", _values(pairs=[("1.0", "1.6"), ("1.0", "1.01")]))
    found = changes(
        read_observations([run]), ChangeRules(load_repeatability(_known(tmp_path)), stated=SAME)
    )
    assert [one.verdict for one in found] == ["yes", "no"]
    row = found[0].row
    assert row["rule"] == "log"
    assert row["limit_low"] < 0 < row["limit_high"] < row["change_percent"]
    assert row["change_percent"] == pytest.approx(60)
    assert row["flags"] == ""
    assert expected_false(found) == (2, 1, 0.1)


def test_other_conditions_are_flagged_each(tmp_path):
    known = load_repeatability(_known(tmp_path))
    run = write_run(tmp_path / "trial", _values("B"), analysis="dwi-adc@2.0.0", sha256="b" * 64)
    found = changes(read_observations([run]), ChangeRules(known, stated={"interval": "12 weeks"}))
    assert {one.row["flags"] for one in found} == {
        "rc_other_conditions:analysis;rc_other_conditions:interval;"
        "rc_other_conditions:roi_method;rc_other_conditions:scanner"
    }


@pytest.mark.parametrize(
    ("values", "unit", "reason"),
    [
        (_values(pairs=[("1.0", "")]), UNIT, "no value"),
        (_values(pairs=[("1.0", "-0.1")]), UNIT, "not above 0"),
        (_values(pairs=[("1.0", "1.1")], feature="adc.intensity.p10"), UNIT, "no such feature"),
        (_values(pairs=[("1.0", "1.1")]), "um2/s", "another unit"),
    ],
)
def test_a_change_that_cannot_be_judged_is_undefined(tmp_path, values, unit, reason):
    run = write_run(tmp_path / "trial", values, unit=unit)
    (one,) = changes(
        read_observations([run]), ChangeRules(load_repeatability(_known(tmp_path)), stated=SAME)
    )
    assert one.verdict == "undefined"
    assert reason in one.row["reason"]


def test_repeats_that_never_differed_judge_nothing(tmp_path):
    same = _values(pairs=[("1.0", "1.0"), ("2.0", "2.0")])
    observations, found = _study(write_run(tmp_path / "retest", same))
    path = write_json(repeatability_file(found, observations, dict(SAME)), tmp_path / "rc.json")
    run = write_run(tmp_path / "trial", _values(pairs=[("1.0", "1.1")]))
    (one,) = changes(read_observations([run]), ChangeRules(load_repeatability(path), stated=SAME))
    assert one.verdict == "undefined"


def test_a_file_that_was_edited_is_refused(tmp_path):
    path = _known(tmp_path)
    content = json.loads(path.read_text())
    content["features"][0]["RC"][0] *= 2
    path.write_text(json.dumps(content))
    for text in (path.read_text(), "{}", "[]", "no json"):
        path.write_text(text)
        with pytest.raises(AgreementError) as caught:
            load_repeatability(path)
        assert caught.value.code == "REPEATABILITY-FILE"
    with pytest.raises(InputNotFoundError):
        load_repeatability(tmp_path / "none.json")


def test_one_visit_is_no_change(tmp_path):
    run = write_run(tmp_path / "trial", [v for v in _values() if v[2] == "T1"])
    with pytest.raises(InputNotFoundError) as caught:
        changes(
            read_observations([run]), ChangeRules(load_repeatability(_known(tmp_path)), stated=SAME)
        )
    assert caught.value.code == "CHANGES-NOT-FOUND"


def test_harmonised_values_are_held_against_harmonised_repeats_only(tmp_path):
    path = _table(
        tmp_path / "h.csv",
        *(f"S1,{MEDIAN},T{t},1.0,{'c' * 64}" for t in (1, 2)),
        columns="subject_id,feature_id,timepoint,value,combat_sha256",
    )
    with pytest.raises(AgreementError) as caught:
        changes(
            read_observations([path]),
            ChangeRules(load_repeatability(_known(tmp_path)), stated=SAME),
        )
    assert caught.value.code == "MIXED-HARMONISATION"


# The plot.


def test_a_plot_is_xml_with_a_point_for_each_pair():
    pairs = np.array([[1.0, 1.1], [2.0, 1.9], [3.0, 3.3]])
    text = bland_altman_svg(pairs, "a < b & c\x1b", UNIT, ("T1", "T2"))
    root = ET.fromstring(text)
    names = [element.tag.rpartition("}")[2] for element in root.iter()]
    assert names.count("circle") == 3
    assert text == bland_altman_svg(pairs, "a < b & c\x1b", UNIT, ("T1", "T2"))


def test_the_bands_of_a_plot_are_the_confidence_limits_as_far_as_the_page_goes():
    first = np.linspace(1.0, 3.0, 40)
    pairs = np.stack([first, first + 0.1 * np.sin(7.0 * np.arange(40))], axis=1)
    root = ET.fromstring(bland_altman_svg(pairs, "t", UNIT, ("T1", "T2")))
    limits = bland_altman(*pairs.T)
    bands = [one for one in root.iter() if one.get("fill-opacity") == "0.12"]
    spans = [(float(one.get("y")), float(one.get("height"))) for one in bands]
    rest = [one for one in root.iter() if one.get("stroke") == "#a8321f"]
    lines = [float(one.get("d").partition(" ")[2].partition("H")[0]) for one in rest]
    # Each line runs through the middle of its band, where the page does not cut it.
    assert [y + height / 2 for y, height in spans[1:2]] == pytest.approx(lines[1:2], abs=0.2)
    per_unit = (lines[2] - lines[0]) / (limits.high.value - limits.low.value)
    assert spans[1][1] == pytest.approx(per_unit * (limits.bias.high - limits.bias.low), abs=0.2)
    wide = ET.fromstring(bland_altman_svg(pairs[:2], "t", UNIT, ("T1", "T2")))
    bands = [one for one in wide.iter() if one.get("fill-opacity") == "0.12"]
    assert all(40 <= float(b.get("y")) <= 360 and float(b.get("height")) <= 320 for b in bands)


def test_a_plot_of_values_that_are_alike_is_drawn():
    ET.fromstring(bland_altman_svg(np.ones((3, 2)), "t", "1", ("a", "b")))
