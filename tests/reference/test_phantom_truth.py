"""What this program measures on the phantoms is what their closed forms say."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from phantom_runs import filled, measured, values_of

from biomarker_cli.multicentre.phantoms.adc import DIALECT_NAMES as ADC_DIALECTS
from biomarker_cli.multicentre.phantoms.judging import judge
from biomarker_cli.multicentre.phantoms.kinds import KINDS, phantom_of
from biomarker_cli.multicentre.phantoms.sheet import read_sheet
from biomarker_cli.multicentre.phantoms.suv import DIALECT_NAMES as SUV_DIALECTS
from biomarker_cli.multicentre.phantoms.suv_reading import PEAKS
from biomarker_cli.multicentre.phantoms.t1 import DIALECT_NAMES as T1_DIALECTS
from biomarker_cli.multicentre.phantoms.writing import write_phantom

LLS = "  estimator: lls\n"

NOT_MEASURED = {"hot/activity.mean"}
"""What this program has no feature for."""


def deviations(found: dict[str, float], truth: dict[str, float]) -> dict[str, float]:
    assert truth.keys() - found.keys() <= NOT_MEASURED
    return {name: found[name] - true for name, true in truth.items() if name in found}


@pytest.mark.parametrize("dialect", SUV_DIALECTS)
def test_suv_is_the_truth_in_every_dialect(tmp_path, dialect):
    result = measured(tmp_path, "suv", dialect)
    for peak in PEAKS:
        phantom = phantom_of("suv", dialect, peak)
        off = deviations(values_of(result, peak), dict(phantom.truth))
        # Stored in steps of 16 / 32000 SUV at most.
        volumes = {name: d for name, d in off.items() if "mtv" in name or "volume" in name}
        assert max(map(abs, volumes.values())) < 1e-9
        others = {name: d for name, d in off.items() if name not in volumes}
        assert max(map(abs, others.values())) < 2.5e-3, others


@pytest.mark.parametrize("dialect", ADC_DIALECTS)
def test_adc_is_the_truth_in_every_dialect(tmp_path, dialect):
    off = deviations(
        values_of(measured(tmp_path, "adc", dialect, rules=LLS)), dict(phantom_of("adc").truth)
    )
    assert len(off) == 8
    assert max(map(abs, off.values())) < 2e-7, off


@pytest.mark.parametrize("estimator", ["lls", "wls", "nlls"])
def test_adc_does_not_hang_on_the_estimator(tmp_path, estimator):
    found = values_of(measured(tmp_path, "adc", rules=f"  estimator: {estimator}\n"))
    off = deviations(found, dict(phantom_of("adc").truth))
    assert max(map(abs, off.values())) < 2e-7, off


@pytest.mark.parametrize("dialect", T1_DIALECTS)
@pytest.mark.parametrize("fit", ["linear", "nonlinear"])
def test_t1_is_the_truth_in_every_dialect_by_every_fit(tmp_path, dialect, fit):
    found = values_of(measured(tmp_path, "t1", dialect, rules=f"  fit: {fit}\n"))
    off = deviations(found, dict(phantom_of("t1").truth))
    assert len(off) == 4
    assert max(map(abs, off.values())) < 1.0, off


@pytest.mark.parametrize("kind", ["ct-texture", "rtstruct", "seg"])
def test_ct_and_regions_are_the_truth(tmp_path, kind):
    truth = dict(phantom_of(kind).truth)
    off = deviations(values_of(measured(tmp_path, kind)), truth)
    assert off.keys() == truth.keys()
    assert max(map(abs, off.values())) < 1e-9, off


@pytest.mark.parametrize("kind", ["suv", "rtstruct"])
def test_a_sheet_filled_with_our_values_passes(tmp_path, kind):
    peak = "1ml_partial_volume_inside" if kind == "suv" else ""
    values = values_of(measured(tmp_path, kind), peak)
    sheet = filled(tmp_path / "sheet.csv", dict(values), {"suvpeak_definition": peak})
    judgement = judge(read_sheet(sheet))
    assert judgement.is_passed
    assert judgement.count("pass") == len(phantom_of(kind, "", peak).truth) - (kind == "suv")
    assert judgement.explained_by == ()


@pytest.mark.oracle
def test_dciodvfy_finds_no_error_in_any_phantom(tmp_path: Path, dciodvfy: str) -> None:
    found = []
    for kind, known in KINDS.items():
        for dialect in known.dialects:
            paths = write_phantom(phantom_of(kind, dialect), tmp_path / kind / dialect)
            objects = [path for path in paths if path.suffix == ".dcm"]
            # The slices of a series differ in place and number alone.
            regions = objects[-1:] if dialect == known.dialects[0] else []
            for path in [objects[len(objects) // 2], *regions]:
                done = subprocess.run(
                    [dciodvfy, str(path)], capture_output=True, text=True, check=False
                )
                lines = (done.stdout + done.stderr).splitlines()
                found += [f"{kind} {dialect} {path.name}: {e}" for e in lines if "Error" in e[:5]]
    assert not found
