"""The OSIPI curves as DICOM series of every dialect, read through the command.

Signals of tissue and blood are written by the equation of the spoiled echo; what the command
finds must be that of the arrays, within what 16 bits of storage take, and within the
tolerances of the test data. Two dialects run by default, with make test-all every one, and
the noisy curves in one of them.
"""

from __future__ import annotations

import csv
import io
import math
import os

import numpy as np
import pytest
from synthetic_dce import (
    DIALECTS,
    FLIP_DEG,
    TR_MS,
    Truth,
    Written,
    write_dynamic,
    write_enhanced,
)

from biomarker_cli.imaging.files import write_nifti
from biomarker_cli.imaging.geometry import Geometry
from biomarker_cli.perfusion.exchange_models import FitBounds, fit_model
from biomarker_cli.perfusion.input_curve import InputCurve
from biomarker_cli.perfusion.spoiled_echo import spoiled_signal

WHOLE = os.environ.get("BIOMARKER_SLOW_TESTS") == "all"
MODELS = {"etofts": ([f"etofts_{n}" for n in range(5)], 1), "tofts": (["tofts_0"], 4)}
"""Model -> its input functions, and every how many of the frames are written."""

CASES = [
    (kind, name, model) for kind in ("classic", "enhanced") for name in DIALECTS for model in MODELS
]
CHOSEN = CASES if WHOLE else [("enhanced", "philips", "etofts"), ("classic", "ge", "tofts")]
HAEMATOCRIT, RELAXIVITY, T10_S, BLOOD_T1_S = 0.45, 4.5, 1.2, 1.44
GRID = (1, 4, 6)
N_BASELINE = 25

ANALYSIS = """
format: biomarker-analysis/1
id: curves
version: 0.1.0
status: draft
title: Curves with a measured input function
source: [{doc: none, section: "-", confirmed: {by: recall}}]
changelog: [{version: 0.1.0, date: 2026-11-29, change: first}]
applies_to: {modality: MR}
measure: dce
regions: {gaps: error, cross_series: allow, other_grid: forbid, empty: row}
dce:
  level: region
  baseline: {skip_frames: 1, frames: 25}
  t10: {source: fixed, t1_ms: 1200}
  agent: {relaxivity_per_s_mm: 4.5}
  model:
    name: MODEL
    aif: {source: region, roi: artery, blood_t1_ms: 1440}
    haematocrit: 0.45
"""


def table(reference_dir, name):
    with (reference_dir / "dce" / f"osipi_{name}.csv").open(newline="") as stream:
        return list(csv.DictReader(stream))


def numbers(text):
    return np.array(text.split(), dtype=float)


def signal_of(concentration, t10_s):
    r1 = 1.0 / t10_s + RELAXIVITY * concentration
    return spoiled_signal(r1, 20000.0, TR_MS / 1000.0, math.radians(FLIP_DEG))


def group(reference_dir, name, step):
    """Return rows, seconds, plasma and tissue curves of one input function, every n-th frame."""
    rows = [row for row in table(reference_dir, "dce_curves") if row["aif"] == name]
    own = next(row for row in table(reference_dir, "dce_aifs") if row["aif"] == name)
    plasma = numbers(own["cp_mM"])[::step]
    tissue = np.array([numbers(row["c_mM"])[::step] for row in rows])
    return rows, float(own["dt_s"]) * step, plasma[: tissue.shape[1]], tissue


def written(folder, kind, dialect, interval_s, plasma, tissue):
    """Write tissue curves and blood, one voxel each, and labels that name them."""
    curves = [signal_of(plasma * (1.0 - HAEMATOCRIT), BLOOD_T1_S)]
    curves += [signal_of(one, T10_S) for one in tissue]
    signal = np.zeros((tissue.shape[1], *GRID))
    labels = np.zeros(GRID, dtype=np.uint8)
    lines = ["value,name"]
    for number, curve in enumerate(curves):
        place = np.unravel_index(number, GRID)
        signal[(slice(None), *place)] = curve
        labels[place] = number + 1
        lines.append(f"{number + 1},{f'tissue_{number}' if number else 'artery'}")
    truth = Truth(n=tissue.shape[1], interval_s=interval_s)
    slope = float(f"{signal.max() / 65000.0:.10g}")
    if kind == "classic":
        how = Written(change=DIALECTS[dialect](truth), slope=slope)
        write_dynamic(folder / "image", truth, how, signal)
    else:
        write_enhanced(folder / "image" / "dce.dcm", truth, dialect, signal, slope)
    write_nifti(labels, Geometry(GRID, (1.0, 2.0, 3.0)), folder / "mask.nii.gz")
    (folder / "mask.labels.csv").write_text("\n".join(lines) + "\n")


def measured(biomarker, folder, model, n_baseline=N_BASELINE):
    analysis = ANALYSIS.replace("MODEL", model).replace("frames: 25", f"frames: {n_baseline}")
    (folder / "curves.yaml").write_text(analysis)
    done = biomarker(
        *("extract", "dce", "--image", folder / "image", "--mask", folder / "mask.nii.gz"),
        *("--analysis", folder / "curves.yaml"),
    )
    assert done.returncode == 0, done.stderr
    found = {}
    for row in csv.DictReader(io.StringIO(done.stdout)):
        if row["feature_id"].endswith(f"_{model}.perfusion.region"):
            name = row["feature_id"].partition("_")[0]
            found[row["roi_id"], name] = float(row["value"]) if row["value"] else math.nan
    return found


def of_arrays(interval_s, plasma, tissue, model):
    """Return what the arrays give: the baseline is that of the frames that are taken for it."""
    minutes = interval_s * np.arange(1, tissue.shape[1]) / 60.0

    def seen(concentration, t10_s):
        # The baseline of the signal is no zero of the concentration where there is noise.
        signal = signal_of(concentration, t10_s)[1:]
        share = signal / signal[:N_BASELINE].mean()
        unit = spoiled_signal(1.0 / t10_s, 1.0, TR_MS / 1000.0, math.radians(FLIP_DEG))
        part = share * unit / math.sin(math.radians(FLIP_DEG))
        e1 = (1.0 - part) / (1.0 - part * math.cos(math.radians(FLIP_DEG)))
        return (-np.log(e1) / (TR_MS / 1000.0) - 1.0 / t10_s) / RELAXIVITY

    blood = seen(plasma * (1.0 - HAEMATOCRIT), BLOOD_T1_S)
    curve = InputCurve("arrays", minutes, blood / (1.0 - HAEMATOCRIT)).on_frames(minutes)
    return fit_model(curve, np.array([seen(one, T10_S) for one in tissue]), model, FitBounds())


@pytest.mark.parametrize(("kind", "dialect", "model"), CHOSEN)
def test_the_curves_of_a_dialect(kind, dialect, model, biomarker, reference_dir, tmp_path):
    inputs, step = MODELS[model]
    limits = {row["parameter"]: row for row in table(reference_dir, "dce_tolerances")}
    noisy = WHOLE and (kind, dialect) == ("classic", "siemens")
    for name in inputs if noisy else inputs[:1]:
        rows, interval_s, plasma, tissue = group(reference_dir, name, step)
        folder = tmp_path / name
        written(folder, kind, dialect, interval_s, plasma, tissue)
        found = measured(biomarker, folder, model)
        fit = of_arrays(interval_s, plasma, tissue, model)
        assert len(rows) == len(tissue) >= 3
        for number, row in enumerate(rows):
            roi = f"tissue_{number + 1}"
            assert found[roi, "ktrans"] == pytest.approx(fit.transfer_per_min[number], rel=2e-3)
            assert found[roi, "ve"] == pytest.approx(fit.ve[number], rel=2e-3)
            for parameter, column in (("ktrans", "ktrans_per_min"), ("ve", "ve"), ("vp", "vp")):
                if row[column]:
                    expected, limit = float(row[column]), limits[parameter]
                    allowed = float(limit["abs_tol"]) + float(limit["rel_tol"]) * expected
                    assert abs(found[roi, parameter] - expected) <= allowed, (name, parameter)


EARLY_BASELINE = 18
"""The bolus of these curves comes with frame 20."""

COLUMNS = {"ps": "ps_per_min", "ve": "ve", "vp": "vp", "fp": "fp_ml_100ml_min"}


@pytest.mark.parametrize("model", ["patlak", "2cxm"])
@pytest.mark.parametrize(
    ("kind", "dialect"), [(k, d) for k, d, m in CASES if m == "tofts"] if WHOLE else [CASES[0][:2]]
)
def test_the_curves_of_models_of_the_first_minutes(
    kind, dialect, model, biomarker, reference_dir, tmp_path
):
    limits = {row["parameter"]: row for row in table(reference_dir, "dce_tolerances")}
    own = next(row for row in table(reference_dir, "dce_aifs") if row["aif"] == "patlak_0")
    rows = [
        row
        for row in table(reference_dir, "dce_curves")
        # Beside a tissue that is plasma by half, no region is believed to be an artery.
        if row["dataset"] == model and float(row["delay_s"]) == 0.0 and float(row["vp"]) < 0.5
    ]
    tissue = np.array([numbers(row["c_mM"]) for row in rows])
    written(tmp_path, kind, dialect, float(own["dt_s"]), numbers(own["cp_mM"]), tissue)
    found = measured(biomarker, tmp_path, model, EARLY_BASELINE)
    assert len(rows) == {"patlak": 6, "2cxm": 8}[model]
    for number, row in enumerate(rows, start=1):
        for parameter, column in COLUMNS.items():
            if row[column]:
                expected, limit = float(row[column]), limits[parameter]
                allowed = float(limit["abs_tol"]) + float(limit["rel_tol"]) * expected
                value = found[f"tissue_{number}", parameter]
                assert abs(value - expected) <= allowed, (row["label"], parameter)
