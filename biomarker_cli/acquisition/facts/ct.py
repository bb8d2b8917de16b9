"""Facts of computed tomography: tube, dose, pitch, kernel, contrast."""

from __future__ import annotations

from functools import partial

from biomarker_cli.acquisition.facts.elements import element_reader, read_keyword, read_path
from biomarker_cli.acquisition.facts.registry import FACTS, Reading, missing
from biomarker_cli.acquisition.series import SeriesHeaders

_ELEMENTS = (
    ("tube_voltage_kv", "kV", "KVP", "Peak tube voltage."),
    ("tube_current_ma", "mA", "XRayTubeCurrent", "Tube current."),
    ("ctdi_vol_mgy", "mGy", "CTDIvol", "Volume CT dose index of the slice."),
    ("spiral_pitch", "1", "SpiralPitchFactor", "Table feed per rotation over collimation."),
    ("rotation_time_s", "s", "RevolutionTime", "Time of one rotation."),
    ("kernel", "", "ConvolutionKernel", "Reconstruction kernel."),
    ("reconstruction_diameter_mm", "mm", "ReconstructionDiameter", "Reconstructed field."),
    ("gantry_tilt_deg", "deg", "GantryDetectorTilt", "Tilt of the gantry."),
)
for _name, _unit, _keyword, _definition in _ELEMENTS:
    _modalities = ("CT",) if _name != "kernel" else ("CT", "PT")
    FACTS.define(_name, _unit, f"{_definition} {_keyword}.", *_modalities)(element_reader(_keyword))

FACTS.define(
    "contrast_agent", "", "Contrast agent as the console was told. ContrastBolusAgent.", "CT", "MR"
)(element_reader("ContrastBolusAgent"))
FACTS.define(
    "contrast_phase",
    "",
    "Phase of the contrast, where the header has it (enhanced CT). ContrastBolusAgentPhase.",
    "CT",
)(element_reader("ContrastBolusAgentPhase"))


FACTS.define(
    "ctdi_phantom",
    "",
    "Code of the phantom that CTDIvol refers to: 113690 head, 113691 body (PS3.16 CID 4052).",
    "CT",
)(partial(read_path, path="CTDIPhantomTypeCodeSequence.CodeValue"))


@FACTS.define(
    "detector_rows",
    "1",
    "Active detector rows: TotalCollimationWidth over SingleCollimationWidth.",
    "CT",
)
def detector_rows(series: SeriesHeaders) -> Reading:
    """Return the number of active detector rows of every slice."""
    tags = ("(0018,9307)", "(0018,9306)")
    total = read_keyword(series, "TotalCollimationWidth")
    single = read_keyword(series, "SingleCollimationWidth")
    n_missing = max(total.n_missing, single.n_missing)
    if n_missing or not all(isinstance(v, float) and v > 0 for v in single.values):
        return missing(tags, "a collimation width is missing", max(n_missing, 1))
    pairs = zip(total.values, single.values, strict=True)
    return Reading(tuple(float(round(t / s)) for t, s in pairs), 0, tags)
