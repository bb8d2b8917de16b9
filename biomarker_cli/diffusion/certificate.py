"""Certificates of diffusion phantoms: what each vial measures, and at what temperature."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from biomarker_cli.protocol.document import Strict

ABSOLUTE_ZERO_C = -273.15


class Vial(Strict):
    """One compartment of a phantom.

    Attributes
    ----------
    roi : str
        Canonical name of the region that outlines it.
    adc_mm2_s : float, optional
        Certified value at the temperature of the certificate.
    material : str
        ``water`` has its value from the temperature; ``certified`` from the
        certificate.
    """

    roi: Annotated[str, Field(min_length=1)]
    material: Literal["water", "certified"] = "certified"
    adc_mm2_s: float | None = Field(default=None, gt=0, lt=0.01)

    @model_validator(mode="after")
    def _has_a_value(self) -> Self:
        if (self.material == "certified") != (self.adc_mm2_s is not None):
            raise ValueError("a certified vial has adc_mm2_s, and only such a vial")
        return self


class Certificate(Strict):
    """What a phantom should measure.

    Attributes
    ----------
    phantom : str
        Model and serial number.
    source : str
        The document that the values were taken from.
    temperature_c : float
        At which they hold, and at which the phantom was scanned.
    vials : tuple of Vial
        What is measured, and what it should give.
    """

    phantom: str
    source: str
    temperature_c: float = Field(ge=-5, le=45)
    vials: tuple[Vial, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        names = [vial.roi for vial in self.vials]
        if len(set(names)) != len(names):
            raise ValueError("two vials have one region")
        return self

    def expected_mm2_s(self, roi: str) -> float | None:
        """Return the value of the vial in a region, None where it is not certified."""
        for vial in self.vials:
            if vial.roi == roi:
                if vial.material == "water":
                    return water_diffusion_mm2_s(self.temperature_c)
                return vial.adc_mm2_s
        return None


class PhantomRules(Strict):
    """Limits of a phantom test.

    Attributes
    ----------
    bias_mm2_s : float
        Largest absolute bias.
    within_slice_cv_percent, b_dependence_percent : float
        Largest values.
    certificate : Certificate, optional
        Without it bias is undefined: a site's own analysis extends the shipped
        one and adds its phantom.
    """

    bias_mm2_s: float = Field(gt=0)
    within_slice_cv_percent: float = Field(gt=0)
    b_dependence_percent: float = Field(gt=0)
    certificate: Certificate | None = None


def water_diffusion_mm2_s(temperature_c: float) -> float:
    """Return the self-diffusion of water, ``D0 (T / Ts - 1)^2.063``.

    Parameters
    ----------
    temperature_c : float
        0 to 45.

    References
    ----------
    Holz 2000, Phys Chem Chem Phys 2:4740 (D0 = 1.635e-8 m2/s, Ts = 215.05 K).
    """
    kelvin = temperature_c - ABSOLUTE_ZERO_C
    return float(1.635e-8 * (kelvin / 215.05 - 1.0) ** 2.063 * 1e6)
