"""Write small first-pass series whose volume, flow and leakage are known."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from synthetic_dce import SHAPE, Change, Written, clock, write_dynamic

from biomarker_cli.perfusion.dsc import running_area

TE_MS, BASELINE_SIGNAL = 30.0, 4000.0
VESSEL_FACTOR = (1.0 - 0.45) / (1.0 - 0.25)
BOXES = {
    "artery": (slice(0, 1), slice(0, 3), slice(0, 4)),
    "reference": (slice(0, 1), slice(3, 6), slice(1, 7)),
    "tumour": (slice(1, 2), slice(1, 5), slice(2, 6)),
}


@dataclass(frozen=True)
class FirstPass:
    """Tissue without and with leakage, in one examination."""

    cbv: float = 4.0
    cbf: float = 20.0
    reference_cbv: float = 2.0
    k2_per_s: float = 0.0
    delay_s: float = 0.0
    interval_s: float = 1.25
    n: int = 80
    onset_s: float = 15.0

    @property
    def seconds(self) -> np.ndarray:
        return self.interval_s * np.arange(self.n)

    def blood(self) -> np.ndarray:
        """Return the change of R2* of blood, 1/s."""
        return _bolus(self.seconds - self.onset_s)

    def _tissue(self, cbv: float, cbf: float) -> np.ndarray:
        step = 0.01
        fine = np.arange(0.0, self.seconds[-1] + step, step)
        residue = np.exp(-fine * cbf / cbv / 60.0)
        blood = _bolus(fine - self.onset_s - self.delay_s)
        found = np.convolve(blood, residue)[: len(fine)] * step * cbf / 6000.0 / VESSEL_FACTOR
        return np.interp(self.seconds, fine, found)

    def reference(self) -> np.ndarray:
        return self._tissue(self.reference_cbv, 10.0 * self.reference_cbv)

    def tumour(self) -> np.ndarray:
        """Return the tissue: a multiple of the reference where it leaks."""
        if self.k2_per_s:
            share = self.cbv / self.reference_cbv
            area = running_area(self.reference(), self.seconds)
            return share * self.reference() - self.k2_per_s * area
        return self._tissue(self.cbv, self.cbf)

    def signal(self) -> np.ndarray:
        """Return the signal, shape (frames, z, y, x)."""
        te_s = TE_MS / 1000.0
        signal = np.full((self.n, *SHAPE), 100.0)
        for name, curve in (
            ("artery", self.blood()),
            ("reference", self.reference()),
            ("tumour", self.tumour()),
        ):
            signal[(slice(None), *BOXES[name])] = (BASELINE_SIGNAL * np.exp(-te_s * curve))[
                :, None, None, None
            ]
        return signal


def _bolus(after_s: np.ndarray) -> np.ndarray:
    time = np.clip(after_s, 0.0, None)
    return 60.0 * (time / 6.0) ** 3 * np.exp(3.0 * (1.0 - time / 6.0))


def echo_planar(truth: FirstPass) -> Change:
    """Turn images into echo planar ones with the times of the frames."""

    def change(dataset, phase: int) -> None:
        dataset.ScanningSequence, dataset.MRAcquisitionType = "EP", "2D"
        dataset.EchoTime, dataset.RepetitionTime, dataset.FlipAngle = TE_MS, 1250.0, 60.0
        dataset.AcquisitionTime = clock(float(truth.seconds[phase]))
        dataset.TemporalPositionIdentifier = phase + 1

    return change


def write_first_pass(folder: Path, truth: FirstPass, change: Change | None = None) -> None:
    """Write the examination as classic files, one per slice."""
    how = Written(series="dsc", change=change or echo_planar(truth))
    write_dynamic(folder, truth, how, truth.signal())
