"""Whether the result of a region can be one: the ``plausible`` part of the ``adc:`` section."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator

from biomarker_cli.protocol.document import Strict


def _in_order(limits: tuple[float, float]) -> tuple[float, float]:
    if limits[0] >= limits[1]:
        raise ValueError("expected lowest < highest")
    return limits


Limits = Annotated[tuple[float, float], AfterValidator(_in_order)]


class PlausibleRules(Strict):
    """Limits of the median over a region; outside them its rows carry ``implausible``.

    Single voxels are not judged: noise makes their extremes. The limits are
    wide, for what no tissue and no phantom has: a wrong b-value, a wrong unit.

    Attributes
    ----------
    diffusion_mm2_s : tuple of float
        ADC and D; free water at body temperature has 0.003 mm2/s.
    pseudo_diffusion_mm2_s : tuple of float
        D* of intravoxel incoherent motion.
    perfusion_fraction : tuple of float
        f; noise makes it negative where there is no perfusion.
    kurtosis : tuple of float
        K; noise makes it negative.
    """

    diffusion_mm2_s: Limits = (5e-5, 5e-3)
    pseudo_diffusion_mm2_s: Limits = (1e-3, 0.5)
    perfusion_fraction: Limits = (-0.2, 1.0)
    kurtosis: Limits = (-1.0, 3.0)

    def limits_of(self, image: str) -> tuple[float, float]:
        """Return the limits of a map by its image name; other names are those of an ADC."""
        own = {
            "ivim_dstar": self.pseudo_diffusion_mm2_s,
            "ivim_f": self.perfusion_fraction,
            "dki_k": self.kurtosis,
            "dki_mkt": self.kurtosis,
        }
        return own.get(image, self.diffusion_mm2_s)
