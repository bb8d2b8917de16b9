"""How far values may lie apart: the limit, its kinds, and which of them holds."""

from __future__ import annotations

import pytest
from measured_folders import MEAN, VOLUME, measured, write_run

from biomarker_cli.model.errors import BiomarkerError
from biomarker_cli.multicentre.comparison import ComparisonRequest, compare
from biomarker_cli.multicentre.comparison_report import as_json, text_lines
from biomarker_cli.multicentre.tolerances import load_tolerances

HEAD = "format: biomarker-tolerance/1\n"


def _write(tmp_path, text):
    path = tmp_path / "limits.yaml"
    path.write_text(HEAD + text)
    return path


def _differs(tmp_path, text, b, a=100.0):
    folders = [tmp_path / "a", tmp_path / "b"]
    for folder, value in zip(folders, (a, b), strict=True):
        write_run(folder, [measured(MEAN, value)])
    limits = _write(tmp_path, text) if text else None
    return compare(ComparisonRequest(*folders, tolerances=limits))


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("", 1e-7),
        ("default: {abs: 0.5}", 0.5),
        ("default: {rel: 0.01}", 1.0),
        ("default: {rel: 0.01, abs: 0.5}", 1.5),
        ("families: {intensity: {rel: 0.02}}", 2.0),
        ("features: {original.intensity.*: {abs: 3}}", 3.0),
        ("features: {original.intensity.mean: {ibsi: 4}}", 4.0),
        ("default: {rc: 5}", 5.0),
        # 6.19 % of the mean of both: 100 x 0.06 / (1 - 0.03).
        ("default: {rc_percent: 6}", 6.0 / 0.97),
    ],
)
def test_half_a_limit_passes_and_twice_the_limit_does_not(tmp_path, text, limit):
    assert not _differs(tmp_path / "half", text, 100.0 + limit / 2).failures
    assert not _differs(tmp_path / "below", text, 100.0 + limit * 0.99).failures
    assert _differs(tmp_path / "above", text, 100.0 + limit * 1.01).failures
    assert _differs(tmp_path / "twice", text, 100.0 - limit * 2).failures


@pytest.fixture(autouse=True)
def _folders(tmp_path):
    for name in ("half", "below", "above", "twice"):
        (tmp_path / name).mkdir()


def test_the_narrowest_name_goes_first(tmp_path):
    limits = load_tolerances(
        _write(
            tmp_path,
            "default: {abs: 1}\nfamilies: {intensity: {abs: 2}}\n"
            "features: {'original.intensity.*': {abs: 3}, original.intensity.mean: {abs: 4}}\n",
        )
    )
    found = {name: limits.limit_of(name).abs for name in (MEAN, "original.intensity.x", VOLUME)}
    assert found == {MEAN: 4.0, "original.intensity.x": 3.0, VOLUME: 1.0}
    assert limits.limit_of("log-sigma-3.0-mm.intensity.mean").abs == 2.0


def test_a_change_beyond_a_repeatability_coefficient_is_called_that(tmp_path):
    comparison = _differs(tmp_path, 'default: {rc: 5, source: "10 subjects"}', 120.0)
    assert [row["verdict"] for row in as_json(comparison)["rows"]] == ["exceeds_rc95"]
    text = "\n".join(text_lines(comparison, 20))
    assert "exceeds_rc95" in text
    assert "10 subjects" in text


def test_the_tolerance_is_named_in_the_output(tmp_path):
    comparison = _differs(tmp_path, "", 100.0)
    assert "tolerance (default): 1e-12 + 1e-09 x |A|" in "\n".join(text_lines(comparison, 0))
    assert as_json(comparison)["tolerance"]["name"] == "default"


@pytest.mark.parametrize(
    "text",
    [
        "default: {}",
        "default: {abs: -1}",
        "default: {abs: 1, rc: 1}",
        "default: {rc: 1, ibsi: 1}",
        "default: {within: 1}",
        "limits: {}",
        "default: {abs: .nan}",
    ],
)
def test_a_file_that_cannot_be_used_is_refused_with_its_line(tmp_path, text):
    with pytest.raises(BiomarkerError) as refused:
        load_tolerances(_write(tmp_path, text))
    assert refused.value.code == "TOLERANCE-INVALID"
    assert "2" in f"{refused.value.where} {refused.value.message}"


def test_a_file_that_is_absent_is_refused(tmp_path):
    with pytest.raises(BiomarkerError) as refused:
        load_tolerances(tmp_path / "absent.yaml")
    assert refused.value.code == "TOLERANCE-INVALID"
