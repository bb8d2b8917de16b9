"""Compile the kernels ahead of the first case, and say where they are kept."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class KernelState:
    """Outcome of warming up.

    Attributes
    ----------
    seconds : float
        Time that it took: a fraction of a second from the cache, some seconds
        where kernels had to be compiled.
    folder : Path, optional
        Where the machine code is kept; none where no folder can be written by this
        user alone, so that every process compiles again.
    """

    seconds: float
    folder: Path | None


def warm_kernels() -> KernelState:
    """Measure a few voxels by both conventions, which compiles every kernel."""
    import numpy as np

    from biomarker_cli.imaging.geometry import Geometry
    from biomarker_cli.imaging.region import Region
    from biomarker_cli.imaging.volume import Volume
    from biomarker_cli.model.quantity import UNITLESS
    from biomarker_cli.radiomics.features import FAMILIES
    from biomarker_cli.radiomics.measuring import radiomics_measurements
    from biomarker_cli.radiomics.rules import IBSI_LACKS, PYRADIOMICS_LACKS, RadiomicsRules

    start = time.perf_counter()
    geometry = Geometry((4, 5, 6), (1.0, 1.0, 1.0))
    array = np.arange(120, dtype=np.float64).reshape(geometry.shape) % 7 + 1
    volume = Volume(array, geometry, UNITLESS)
    region = Region(np.ones(geometry.shape, dtype=np.bool_), geometry, "warm", "warm")
    bins = {"method": "fixed_bin_number", "bins": 4}
    shared = {
        "engine": "native",
        "quantities": ["any"],
        "discretisation": bins,
        "aggregations": ["3d_average", "3d"],
    }
    families = [family for family in FAMILIES if family not in IBSI_LACKS]
    ibsi = {**shared, "conventions": "ibsi", "ivh": bins, "families": families}
    peer = {
        **shared,
        "conventions": "pyradiomics",
        "pyradiomics": {},
        "images": [
            {"filter": "none"},
            {"filter": "pyradiomics_log", "sigma_mm": [1.0]},
            {"filter": "pyradiomics_wavelet"},
        ],
        "families": [family for family in families if family not in PYRADIOMICS_LACKS],
    }
    for data in (ibsi, peer):
        radiomics_measurements(volume, [region], RadiomicsRules.model_validate(data))
    from biomarker_cli.radiomics.kernels.library import trusted_dir

    return KernelState(time.perf_counter() - start, trusted_dir())
