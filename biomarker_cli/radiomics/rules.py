"""The ``radiomics:`` section of an analysis protocol: everything that moves a number."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from biomarker_cli.imaging.resampling import InterpolationKind
from biomarker_cli.model.features import Aggregation
from biomarker_cli.protocol.document import Strict
from biomarker_cli.radiomics.bounds import MOST_BINS
from biomarker_cli.radiomics.features import FAMILIES
from biomarker_cli.radiomics.features.registry import is_offered
from biomarker_cli.radiomics.filters.ibsi_rules import GaborFilter, LawsFilter, WaveletFilter
from biomarker_cli.radiomics.filters.pyradiomics_rules import PyradiomicsFilter
from biomarker_cli.radiomics.filters.riesz_rules import RieszFilter
from biomarker_cli.radiomics.filters.rules import FilterRules, Unfiltered

FamilyName = Literal[
    "morphology",
    "morphology_2d",
    "local_intensity",
    "intensity",
    "intensity_histogram",
    "ivh",
    "glcm",
    "glrlm",
    "glszm",
    "gldzm",
    "ngtdm",
    "ngldm",
]
MOST_DISTANCE = 16
"""Voxels between the two of a pair: the directions of 16 are 3,073, each with its matrix."""

PYRADIOMICS_LACKS: frozenset[str] = frozenset({"local_intensity", "ivh", "gldzm"})
"""Families that only the IBSI conventions define."""
IBSI_LACKS: frozenset[str] = frozenset({"morphology_2d"})
"""Families that only the conventions of pyradiomics define."""


class InterpolationRules(Strict):
    """The grid that image and mask are resampled to.

    Attributes
    ----------
    spacing_mm : tuple
        New spacing x, y, z; none for an axis keeps its own.
    image : str
        ``linear``, ``cubic`` (interpolating cubic spline) or ``nearest``.
    mask : str
        ``linear`` (a voxel belongs where the interpolated mask reaches 0.5) or ``nearest``.

    References
    ----------
    IBSI-1 v11, section 2.4.
    """

    spacing_mm: tuple[
        Annotated[float, Field(gt=0)] | None,
        Annotated[float, Field(gt=0)] | None,
        Annotated[float, Field(gt=0)] | None,
    ]
    image: InterpolationKind
    mask: Literal["linear", "nearest"]

    def describe(self) -> str:
        """Return what stands in the tables."""
        return f"{self.image}, mask {self.mask}"


class ResegmentationRules(Strict):
    """Voxels that leave the intensity mask (IBSI-1, section 2.6).

    Attributes
    ----------
    range : tuple
        Lowest and highest intensity kept; none leaves an end open.
    outlier_sigma : float, optional
        Voxels further than this many standard deviations from the mean leave.
    """

    range: tuple[float | None, float | None] = (None, None)
    outlier_sigma: Annotated[float, Field(gt=0)] | None = None


class NoDiscretisation(Strict):
    """Grey levels are the intensities as they are: whole numbers from 1."""

    method: Literal["none"]

    def describe(self) -> str:
        """Return what stands in the tables."""
        return "none"


class FixedBinSize(Strict):
    """Bins of one width (IBSI-1, section 2.7).

    Attributes
    ----------
    width : float
        In the unit of the image.
    anchor : float or str
        Lower edge of the first bin: a number, ``resegmentation`` for the lower
        bound of the re-segmentation range, or ``multiple_of_width`` for the
        multiple of the width at or below the region's minimum (pyradiomics).
    """

    method: Literal["fixed_bin_size"]
    width: Annotated[float, Field(gt=0)]
    anchor: float | Literal["resegmentation", "multiple_of_width"]

    def describe(self) -> str:
        """Return what stands in the tables."""
        return f"FBS {self.width:g}, anchor {self.anchor}"


class FixedBinNumber(Strict):
    """A number of equal bins from the region's minimum to its maximum (IBSI-1, section 2.7).

    Attributes
    ----------
    bins : int
        How many.
    """

    method: Literal["fixed_bin_number"]
    bins: Annotated[int, Field(ge=2, le=MOST_BINS)]

    def describe(self) -> str:
        """Return what stands in the tables."""
        return f"FBN {self.bins}"


Discretisation = Annotated[
    NoDiscretisation | FixedBinSize | FixedBinNumber, Field(discriminator="method")
]


class NormalisationRules(Strict):
    """Z-score of the whole image before anything else, for arbitrary scales.

    Attributes
    ----------
    over : str
        ``otsu`` takes mean and standard deviation over the voxels above Otsu's
        threshold of the image, ``image`` over all of them.
    scale : float
        The standard deviation of the normalised image.
    clip_sigma : float, optional
        Normalised values beyond this many standard deviations become that bound.
    """

    over: Literal["otsu", "image"]
    scale: Annotated[float, Field(gt=0)] = 1.0
    clip_sigma: Annotated[float, Field(gt=0)] | None = None


class PyradiomicsRules(Strict):
    """Choices that only the conventions of pyradiomics know, with its defaults.

    Attributes
    ----------
    distances : tuple of int
        Distances of voxel pairs and of neighbours, in voxels.
    weighting_norm : str, optional
        Merges the matrices of the directions with a weight by this norm of the
        distance; without it the features are averaged over the directions.
    symmetrical_glcm : bool
        Count each pair of voxels in both directions.
    dependence_alpha : int
        Largest difference of grey levels that counts as dependent.
    force_2d : bool
        Neighbours only within planes.
    force_2d_axis : int
        Array axis (z, y, x) across those planes.
    voxel_array_shift : float
        Added to the intensities before energy, total energy and RMS.
    resegment_range : tuple of float
        One or two thresholds; empty for none.
    resegment_mode : str
        Thresholds are intensities, shares of the maximum, or standard deviations.
    resegment_shape : bool
        Whether morphology uses the re-segmented mask.
    minimum_roi_dimensions, minimum_roi_size : int
        Smaller regions are not measured.
    pad_distance_voxels : int
        Padding of the resampled box.
    voxel_type : str
        ``file`` resamples an image in the type of number of its file, as
        the package's own command does; ``float64`` in double precision.
    """

    distances: Annotated[
        tuple[Annotated[int, Field(ge=1, le=MOST_DISTANCE)], ...], Field(max_length=MOST_DISTANCE)
    ] = (1,)
    weighting_norm: Literal["manhattan", "euclidean", "infinity", "no_weighting"] | None = None
    symmetrical_glcm: bool = True
    dependence_alpha: Annotated[int, Field(ge=0, le=MOST_BINS)] = 0
    force_2d: bool = False
    force_2d_axis: Literal[0, 1, 2] = 0
    voxel_array_shift: float = 0
    resegment_range: Annotated[tuple[float, ...], Field(max_length=2)] = ()
    resegment_mode: Literal["absolute", "relative", "sigma"] = "absolute"
    resegment_shape: bool = False
    minimum_roi_dimensions: Literal[1, 2, 3] = 2
    minimum_roi_size: Annotated[int, Field(ge=1)] | None = None
    pad_distance_voxels: Annotated[int, Field(ge=0)] = 5
    voxel_type: Literal["file", "float64"] = "float64"


class RadiomicsRules(Strict):
    """How radiomic features are measured.

    Attributes
    ----------
    conventions : str
        ``ibsi`` follows the IBSI reference manuals, ``pyradiomics`` that package.
    engine : str
        ``native`` computes both conventions, ``pyradiomics`` only its own.
    quantities : tuple of str
        Names of the quantities that may be measured; ``any`` alone admits all.
    dimension : str
        ``2d`` interpolates and filters slice by slice.
    round_to : float, optional
        Interpolated intensities are rounded to a multiple of this.
    ivh : discretisation, optional
        How the intensity-volume histogram bins; needed where it is measured.
    features : tuple of str
        What is measured of a family, such as ``glcm.joint_entropy``; a family that is
        not named here is measured whole.
    images : tuple of filters
        Each gives one or more named images.
    discretisation : discretisation
        How intensities become grey levels.
    families : tuple of str
        What is measured.
    aggregations : tuple of str
        How the matrices of directions and slices become one value; a name for each way
        wanted.
    """

    conventions: Literal["ibsi", "pyradiomics"]
    engine: Literal["native", "pyradiomics"]
    quantities: Annotated[tuple[str, ...], Field(min_length=1)]
    dimension: Literal["2d", "3d"] = "3d"
    normalisation: NormalisationRules | None = None
    interpolation: InterpolationRules | None = None
    round_to: Annotated[float, Field(gt=0)] | None = None
    resegmentation: ResegmentationRules | None = None
    discretisation: Discretisation
    ivh: Discretisation | None = None
    families: Annotated[tuple[FamilyName, ...], Field(min_length=1)]
    features: tuple[str, ...] = ()
    aggregations: Annotated[tuple[Aggregation, ...], Field(min_length=1)]
    images: Annotated[tuple[FilterRules, ...], Field(min_length=1)] = (Unfiltered(filter="none"),)
    pyradiomics: PyradiomicsRules | None = None

    @property
    def native_lacks(self) -> tuple[str, ...]:
        """What only the package itself computes by the conventions of pyradiomics."""
        return tuple(image.filter for image in self.images if image.filter.startswith("lbp"))

    @property
    def filtered(self) -> bool:
        """Whether any image is made by a filter, which looks beyond the regions."""
        return any(image.filter != "none" for image in self.images)

    def features_of(self, family: str) -> frozenset[str]:
        """Return the names of the features of a family that are wanted."""
        offered = self._offered(family)
        chosen = {name for name in offered if f"{family}.{name}" in self.features}
        return frozenset(chosen) or offered

    def _offered(self, family: str) -> frozenset[str]:
        return frozenset(
            name
            for name, variants in FAMILIES[family].items()
            if any(is_offered(variant, self.conventions) for variant in variants.values())
        )

    @model_validator(mode="after")
    def _agree(self) -> Self:
        offered = {f"{f}.{name}" for f in self.families for name in self._offered(f)}
        unknown = sorted(set(self.features) - offered)
        if unknown:
            raise ValueError(
                f"families and conventions: {self.conventions} give no {', '.join(unknown)}"
            )
        if self.conventions == "ibsi":
            self._agree_ibsi()
        else:
            self._agree_pyradiomics()
        return self

    def _agree_ibsi(self) -> None:
        if self.engine != "native":
            raise ValueError("the IBSI conventions are computed by the native engine")
        if self.pyradiomics is not None:
            raise ValueError("the section pyradiomics needs conventions: pyradiomics")
        if IBSI_LACKS.intersection(self.families):
            raise ValueError(f"IBSI does not define {', '.join(sorted(IBSI_LACKS))}")
        if "ivh" in self.families and self.ivh is None:
            raise ValueError("the family ivh needs its own discretisation in the section ivh")
        for bins in (self.discretisation, self.ivh):
            if isinstance(bins, FixedBinSize):
                self._check_anchor(bins)
        whole_numbers = isinstance(self.discretisation, NoDiscretisation) or self.round_to
        if isinstance(self.ivh, NoDiscretisation) and not whole_numbers:
            raise ValueError("ivh: {method: none} needs round_to, which is the step it runs in")
        for image in self.images:
            self._check_filter(image)

    def _check_filter(self, image: FilterRules) -> None:
        peer = isinstance(image, PyradiomicsFilter)
        if peer:
            raise ValueError("a filter of pyradiomics needs conventions: pyradiomics")
        axes = 2 if self.dimension == "2d" else 3
        if isinstance(image, LawsFilter) and len(image.kernels) != 2 * axes:
            raise ValueError(f"a Laws filter in {axes} dimensions names {axes} kernels")
        if isinstance(image, WaveletFilter) and len(image.band) != axes:
            raise ValueError(f"a wavelet band in {axes} dimensions has {axes} letters")
        if isinstance(image, RieszFilter) and len(image.order) != axes:
            raise ValueError(
                f"the order of a Riesz transform in {axes} dimensions has {axes} numbers"
            )
        if isinstance(image, GaborFilter) and image.three_planes and axes == 2:
            raise ValueError("a Gabor filter over three planes needs dimension: 3d")

    def _check_anchor(self, bins: FixedBinSize) -> None:
        lower = self.resegmentation.range[0] if self.resegmentation else None
        if bins.anchor == "resegmentation" and lower is None:
            raise ValueError("anchor: resegmentation needs a lower bound of re-segmentation")
        if bins.anchor == "multiple_of_width":
            raise ValueError("anchor: multiple_of_width is a convention of pyradiomics")

    def _agree_pyradiomics(self) -> None:
        if self.engine == "native" and self.native_lacks:
            raise ValueError(
                f"the native engine lacks {', '.join(self.native_lacks)} by the conventions "
                "of pyradiomics; set engine: pyradiomics"
            )
        if self.pyradiomics is None:
            raise ValueError("conventions: pyradiomics needs the section pyradiomics (may be {})")
        lacking = PYRADIOMICS_LACKS.intersection(self.families)
        if lacking:
            raise ValueError(f"pyradiomics does not define {', '.join(sorted(lacking))}")
        if "morphology_2d" in self.families and not self.pyradiomics.force_2d:
            raise ValueError("the family morphology_2d needs force_2d: true")
        self._check_preprocessing_of_pyradiomics()
        if any(not isinstance(i, PyradiomicsFilter | Unfiltered) for i in self.images):
            raise ValueError("a filter of IBSI-2 needs conventions: ibsi")
        if set(self.aggregations) != set(pyradiomics_aggregations(self.pyradiomics)):
            expected = ", ".join(pyradiomics_aggregations(self.pyradiomics))
            raise ValueError(f"these choices of pyradiomics give the aggregations {expected}")

    def _check_preprocessing_of_pyradiomics(self) -> None:
        if self.dimension != "3d" or self.round_to or self.resegmentation:
            raise ValueError("dimension, round_to and resegmentation belong to conventions: ibsi")
        if self.normalisation is not None and self.normalisation.over != "image":
            raise ValueError("pyradiomics normalises over the whole image: over: image")
        if self.interpolation is not None and self.interpolation.mask != "nearest":
            raise ValueError("pyradiomics takes the nearest voxel of a mask: mask: nearest")
        bins = self.discretisation
        if bins.method == "none":
            raise ValueError("pyradiomics always discretises")
        if isinstance(bins, FixedBinSize) and bins.anchor != "multiple_of_width":
            raise ValueError("pyradiomics anchors its bins at a multiple of the width")


def pyradiomics_aggregations(rules: PyradiomicsRules) -> tuple[Aggregation, Aggregation]:
    """Return the IBSI words for what pyradiomics does: by direction, and without directions."""
    if rules.force_2d:
        return ("2.5d_merged" if rules.weighting_norm else "2.5d_merged_by_direction", "2.5d")
    return ("3d_merged" if rules.weighting_norm else "3d_average", "3d")
