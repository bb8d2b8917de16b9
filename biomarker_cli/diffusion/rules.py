"""The ``adc:`` section of an analysis protocol."""

from __future__ import annotations

import math
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from biomarker_cli.diffusion.certificate import PhantomRules
from biomarker_cli.diffusion.plausibility import PlausibleRules
from biomarker_cli.protocol.document import Strict
from biomarker_cli.statistics.intensity import known_statistics

ImageName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]


class AllShells(Strict):
    """Every b-value of the series."""

    kind: Literal["all"]


class LowAndHigh(Strict):
    """The lowest b up to `low_max`, and every b above it up to `high_max` (s/mm2, nominal).

    Attributes
    ----------
    low_max : float
        The low b lies at or below it.
    high_max : float
        The high ones lie at or below it.
    """

    kind: Literal["low_and_high"]
    low_max: float = Field(ge=0)
    high_max: float = Field(gt=0)

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.high_max <= self.low_max:
            raise ValueError("high_max must lie above low_max")
        return self


class BRange(Strict):
    """Every b from `min` to `max` (s/mm2, nominal).

    Attributes
    ----------
    min : float
        Lowest b that is fitted.
    max : float, optional
        Highest; without it the range is open.
    """

    kind: Literal["range"]
    min: float = Field(ge=0)
    max: float | None = Field(default=None, gt=0)


class BList(Strict):
    """These b-values and no other (s/mm2, nominal).

    Attributes
    ----------
    values : tuple of float
        A series that lacks one of them is refused.
    """

    kind: Literal["list"]
    values: tuple[float, ...] = Field(min_length=2)


BSetRule = Annotated[AllShells | LowAndHigh | BRange | BList, Field(discriminator="kind")]

Estimator = Literal["lls", "two_point", "wls", "nlls"]


class FittedMap(Strict):
    """One more map of the same signal, with its own b-set and name.

    Attributes
    ----------
    image : str
        First word of its feature ids.
    estimator : str
        As of the section `adc`.
    b_set : BSetRule
        Which nominal b-values are fitted.
    """

    image: ImageName
    estimator: Estimator
    b_set: BSetRule


class IvimRules(Strict):
    """Segmented intravoxel incoherent motion.

    Attributes
    ----------
    diffusion_from : float
        D is fitted to b from here on (s/mm2, nominal).
    pseudo_diffusion : tuple of float, optional
        Search range of D* in mm2/s; without it D* is not computed.
    method : str
        ``segmented``: D by least squares of ln S, f from its intercept and the
        measured b = 0, D* with both held; ``refit``: D with weights of the
        fitted line, f and D* fitted to every applied b with D held.
    range_mm2_s : tuple of float, optional
        D of a voxel outside it is no diffusion of tissue: blood, noise.
    range_flag_above : float
        Share of voxels outside the range above which rows carry
        ``diffusion_out_of_range``.
    """

    diffusion_from: float = Field(gt=0)
    pseudo_diffusion: tuple[float, float] | None = None
    method: Literal["segmented", "refit"] = "segmented"
    range_mm2_s: tuple[float, float] | None = None
    range_flag_above: float = Field(default=0.05, ge=0, le=1)

    @field_validator("pseudo_diffusion", "range_mm2_s")
    @classmethod
    def _is_range(cls, value: tuple[float, float] | None) -> tuple[float, float] | None:
        if value is not None and not 0 < value[0] < value[1]:
            raise ValueError("expected 0 < lowest < highest")
        return value

    @model_validator(mode="after")
    def _refit_has_a_search(self) -> Self:
        if self.method == "refit" and self.pseudo_diffusion is None:
            raise ValueError("method: refit needs pseudo_diffusion, the search range of D*")
        return self


class KurtosisRules(Strict):
    """Diffusion kurtosis: ``ln S = ln S0 - b D + b^2 D^2 K / 6``.

    Attributes
    ----------
    b_values : tuple of float, optional
        These b-values and no other are fitted (s/mm2, nominal): K depends on
        them.
    b_max : float, optional
        In place of a list: every b up to here.
    estimator : str
        ``lls`` of ln S, or ``iwls`` with weights from the fitted parabola.
    directions : str
        ``isotropic``: the directions of every shell must weigh all orientations
        alike, so that K is the mean of the kurtosis tensor (``dki_mkt``);
        ``any``: they are not looked at, and K may turn with the head (``dki_k``).
    expansion_flag_above : float, optional
        Share of voxels with b D K above 3 at the highest b, where the parabola
        rises again, above which rows carry ``kurtosis_out_of_range``.
    """

    b_values: tuple[Annotated[float, Field(ge=0)], ...] | None = None
    b_max: float | None = Field(default=None, gt=0)
    estimator: Literal["lls", "iwls"] = "lls"
    directions: Literal["any", "isotropic"] = "any"
    expansion_flag_above: float | None = Field(default=None, ge=0, le=1)

    @property
    def image(self) -> str:
        """Name of the map of K: what it is the mean of."""
        return "dki_mkt" if self.directions == "isotropic" else "dki_k"

    @field_validator("b_values")
    @classmethod
    def _three_or_more(cls, value: tuple[float, ...] | None) -> tuple[float, ...] | None:
        if value is not None and (len(set(value)) < 3 or tuple(sorted(set(value))) != value):
            raise ValueError("expected three b-values or more, rising")
        return value

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.b_values is None) == (self.b_max is None):
            raise ValueError("expected either b_values or b_max")
        return self


class NoiseRules(Strict):
    """When the signal at the highest b is too close to the noise.

    Attributes
    ----------
    floor_snr : float
        The floor lies at this many standard deviations of the noise; magnitude
        images are biased below about 3.
    flag_above : float
        Share of voxels below the floor above which rows carry ``noise_floor``.
    """

    floor_snr: float = Field(gt=0)
    flag_above: float = Field(ge=0, le=1)


class RoiSignalRules(Strict):
    """ADC of the mean signal of a region, beside the map.

    Attributes
    ----------
    correct_noise : str
        ``none``; ``repeats`` takes the noise from repeats of one image in the
        region; ``sigma`` takes it from `sigma`.
    sigma : float, optional
        Noise in units of the signal.
    """

    correct_noise: Literal["none", "repeats", "sigma"]
    sigma: float | None = Field(default=None, gt=0)

    @model_validator(mode="after")
    def _sigma_is_there(self) -> Self:
        if (self.correct_noise == "sigma") != (self.sigma is not None):
            raise ValueError("sigma goes with correct_noise: sigma, and only with it")
        return self


class VendorMapRules(Strict):
    """What to do with the ADC map of the scanner.

    Attributes
    ----------
    use : str
        ``refuse`` it, ``compare`` it with the fitted map, or ``measure`` it.
    infer_unit : bool
        Where the unit is not coded: infer it from the size of the values, with
        the flag ``unit_inferred``. Else such a map is refused.
    """

    use: Literal["refuse", "compare", "measure"] = "refuse"
    infer_unit: bool = False


class BurdenClass(Strict):
    """A class of voxels by their ADC, for the diffusion volume; open where no limit stands.

    Attributes
    ----------
    name : str
        In the feature id.
    from_mm2_s : float, optional
        Lowest ADC inside.
    to_mm2_s : float, optional
        Lowest ADC above.
    """

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    from_mm2_s: float | None = None
    to_mm2_s: float | None = None

    @property
    def limits(self) -> tuple[float, float]:
        """Lowest value inside, and lowest value above."""
        low = -math.inf if self.from_mm2_s is None else self.from_mm2_s
        return low, math.inf if self.to_mm2_s is None else self.to_mm2_s

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.limits[1] <= self.limits[0]:
            raise ValueError("to_mm2_s must lie above from_mm2_s")
        return self


class AdcRules(Strict):
    """How ADC is computed and measured.

    Attributes
    ----------
    image : str
        First word of the feature ids; names b-set and estimator where an
        analysis asks for several.
    estimator : str
        ``lls`` of ln S, ``two_point`` (lowest and highest b), ``wls`` with
        weights S^2, ``nlls`` of S0 exp(-b D).
    b_set : BSetRule
        Which nominal b-values are fitted; there is no default.
    b_value : str
        ``actual`` fits the applied b-value where the header tells it,
        ``nominal`` the one set at the console.
    direction_mean : str
        How the directions of one b-value are combined before the fit.
    nan_flag_above, nan_undefined_above : float
        Shares of voxels without a fit in a region above which its rows are
        flagged, and undefined.
    statistics : tuple of str
        Names of `biomarker_cli.statistics.STATISTICS`.
    entropy_bin_mm2_s : float, optional
        Bin width of the histogram entropy of maps in mm2/s; without it there is
        no such row.
    further : tuple of FittedMap
        More b-sets of the same signal, each with rows of its own.
    ivim, kurtosis, noise, roi_signal : rules, optional
        Models and judgements beside the map.
    vendor_map : VendorMapRules
    burden : tuple of BurdenClass
        ADC classes whose volume in the region is measured.
    phantom : PhantomRules, optional
        Limits of a phantom test, and the certificate of the phantom.
    plausible : PlausibleRules
        Limits of the median over a region.
    """

    image: ImageName = "adc"
    estimator: Estimator
    b_set: BSetRule
    b_value: Literal["actual", "nominal"] = "actual"
    direction_mean: Literal["geometric", "arithmetic"] = "geometric"
    nan_flag_above: float = Field(default=0.05, ge=0, le=1)
    nan_undefined_above: float = Field(default=0.20, ge=0, le=1)
    statistics: tuple[str, ...] = Field(min_length=1)
    entropy_bin_mm2_s: float | None = Field(default=None, gt=0)
    further: tuple[FittedMap, ...] = ()
    ivim: IvimRules | None = None
    kurtosis: KurtosisRules | None = None
    noise: NoiseRules | None = None
    roi_signal: RoiSignalRules | None = None
    vendor_map: VendorMapRules = VendorMapRules()
    burden: tuple[BurdenClass, ...] = ()
    phantom: PhantomRules | None = None
    plausible: PlausibleRules = PlausibleRules()

    @property
    def maps(self) -> tuple[FittedMap, ...]:
        """The main map and the further ones."""
        main = FittedMap(image=self.image, estimator=self.estimator, b_set=self.b_set)
        return (main, *self.further)

    @model_validator(mode="after")
    def _images_differ(self) -> Self:
        names = [one.image for one in self.maps]
        if len(set(names)) != len(names):
            raise ValueError("two maps have one image name")
        return self

    _known = field_validator("statistics")(known_statistics)
