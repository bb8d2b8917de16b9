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
        ``water`` has its value from the temperature, ``pvp_k40`` from the
        temperature and `weight_percent`; ``certified`` from the certificate.
    weight_percent : float, optional
        Polyvinylpyrrolidone K40 in water, share of the weight in percent.
    """

    roi: Annotated[str, Field(min_length=1)]
    material: Literal["water", "pvp_k40", "certified"] = "certified"
    adc_mm2_s: float | None = Field(default=None, gt=0, lt=0.01)
    weight_percent: float | None = Field(default=None, ge=10, le=40)

    @model_validator(mode="after")
    def _has_a_value(self) -> Self:
        if (self.material == "certified") != (self.adc_mm2_s is not None):
            raise ValueError("a certified vial has adc_mm2_s, and only such a vial")
        if (self.material == "pvp_k40") != (self.weight_percent is not None):
            raise ValueError("a vial of pvp_k40 has weight_percent, and only such a vial")
        return self

    def expected_mm2_s(self, temperature_c: float) -> float:
        """Return what the vial measures at a temperature; a certified one at its own alone."""
        if self.adc_mm2_s is not None:
            return self.adc_mm2_s
        if self.weight_percent is not None:
            return pvp_k40_diffusion_mm2_s(self.weight_percent, temperature_c)
        return water_diffusion_mm2_s(temperature_c)


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
                return vial.expected_mm2_s(self.temperature_c)
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


def pvp_k40_diffusion_mm2_s(weight_percent: float, temperature_c: float) -> float:
    """Return the ADC of polyvinylpyrrolidone K40 in water.

    Its ratio to that of water depends on the concentration c and hardly on the
    temperature: ``12.5e-5 c^2 - 23.2e-3 c + 1``, within 0.035e-3 mm2/s.

    Parameters
    ----------
    weight_percent : float
        10 to 40.
    temperature_c : float
        0 to 45.

    References
    ----------
    Amouzandeh 2022, Med Phys (NIHMS1782132).
    """
    c = weight_percent
    return (12.5e-5 * c**2 - 23.2e-3 * c + 1.0) * water_diffusion_mm2_s(temperature_c)


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
