"""The package pyradiomics as an engine: the reference of its own conventions.

Three traps of the package are closed here. Images are cast to float64 before it
sees them (its bin edges overflow on integer scalars). Its results may be complex
numbers: the real part is taken where the imaginary part is zero. NaN, other complex
numbers and refusals of small regions become ``undefined`` with the reason.
"""

from __future__ import annotations

import importlib
import logging
import math
import warnings
from typing import Any

import numpy as np
from typing_extensions import override

from biomarker_cli.imaging.boxes import filled_box, widened
from biomarker_cli.imaging.geometry import Geometry
from biomarker_cli.imaging.region import Region
from biomarker_cli.imaging.volume import Volume
from biomarker_cli.model.arrays import AnyArray, BoolArray, FloatArray
from biomarker_cli.model.packages import REFERENCE_ENGINE, version_of
from biomarker_cli.radiomics.bounds import require_bins_of_the_package
from biomarker_cli.radiomics.engines.engine import Engine
from biomarker_cli.radiomics.engines.outcome import FeatureOutcome, Outcomes
from biomarker_cli.radiomics.engines.pyradiomics_settings import (
    FEATURE_CLASSES,
    image_type_of,
    settings_of,
)
from biomarker_cli.radiomics.errors import RadiomicsError
from biomarker_cli.radiomics.features.pyradiomics_values import TEXTURE_AS_PYRADIOMICS
from biomarker_cli.radiomics.filters.pyradiomics_rules import PyradiomicsLbp2d, PyradiomicsLbp3d
from biomarker_cli.radiomics.plan import ALWAYS_ORIGINAL, planned_features
from biomarker_cli.radiomics.preprocess.normalising import normalised
from biomarker_cli.radiomics.preprocess.pyradiomics_intensities import (
    discretise_as_pyradiomics,
    resegment_as_pyradiomics,
)
from biomarker_cli.radiomics.preprocess.pyradiomics_resampling import (
    as_itk,
    check_resampling,
    grid_around,
)
from biomarker_cli.radiomics.preprocess.voxel_type import in_type_of_file
from biomarker_cli.radiomics.rules import PyradiomicsRules, RadiomicsRules

# What a foreign package raises when a version beside it is not the one it was made for.
_FAILURES = (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError)
# What the package imports for a filter; where it fails, it would leave the image out silently.
_EXTRA_NEEDS = (
    (PyradiomicsLbp2d, "skimage.feature", "local_binary_pattern"),
    (PyradiomicsLbp3d, "trimesh", "creation"),
    (PyradiomicsLbp3d, "scipy.special", "sph_harm"),
)


def engine_version() -> str:
    """Return the version of the installed package.

    Raises
    ------
    RadiomicsError
        ``RADIOMICS-ENGINE-ABSENT``.
    """
    version = version_of(REFERENCE_ENGINE)
    if version is None:
        raise RadiomicsError(
            "RADIOMICS-ENGINE-ABSENT",
            "the engine pyradiomics is not installed",
            hint="Install biomarker-cli[pyradiomics], or set engine: native.",
        )
    return version


class PyradiomicsEngine(Engine):
    """The package, region by region."""

    @override
    def extract(
        self, volume: Volume, regions: tuple[Region, ...], rules: RadiomicsRules
    ) -> list[Outcomes | RadiomicsError]:
        engine_version()
        for kind, module, name in _EXTRA_NEEDS:
            if any(isinstance(image, kind) for image in rules.images):
                _require(module, name)
        # Nothing beyond the region and its rim decides an unfiltered value on the own grid.
        local = rules.interpolation is None and rules.normalisation is None
        local = local and not rules.filtered
        own = rules.pyradiomics or PyradiomicsRules()
        in_file = own.voxel_type == "file"
        array = in_type_of_file(volume) if in_file else volume.as_float64()
        scored = normalised(volume.as_float64(), rules.normalisation)
        check_resampling(array, rules.interpolation)
        found: list[Outcomes | RadiomicsError] = []
        for region in regions:
            try:
                _check_cost(scored, region.mask, volume.geometry, rules)
                found.append(_extract_region(array, volume.geometry, region, rules, local))
            except RadiomicsError as error:
                found.append(error)
        return found


def _require(module: str, name: str) -> None:
    try:
        getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        package = module.partition(".")[0]
        raise RadiomicsError(
            "RADIOMICS-FILTER-UNAVAILABLE",
            f"a filter of pyradiomics needs {module}.{name}, which is not installed",
            hint=f"Install a version of {package} that has it, or leave the filter out.",
        ) from error


def _extract_region(
    array: AnyArray,
    geometry: Geometry,
    region: Region,
    rules: RadiomicsRules,
    local: bool,
) -> Outcomes:
    mask = region.mask
    origin_mm = geometry.origin_mm
    if local:
        box = widened(filled_box(mask), (1, 1, 1), mask.shape)
        array, mask = array[box], mask[box]
        corner = geometry.index_to_physical([box[2].start, box[1].start, box[0].start])
        origin_mm = (float(corner[0]), float(corner[1]), float(corner[2]))
    placed = Geometry(array.shape, geometry.spacing_mm, origin_mm, geometry.direction)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            found = _extractor(rules).execute(
                as_itk(array, placed), as_itk(mask.astype(np.uint8), placed), 1
            )
        except ValueError as error:
            # The package refuses regions that are too small or too thin this way.
            reason = f"pyradiomics refused the region: {error}"
            return {feature: FeatureOutcome(None, reason) for feature in _keys(rules)}
        except _FAILURES as error:
            raise RadiomicsError(
                "RADIOMICS-ENGINE-FAILED",
                f"pyradiomics failed: {type(error).__name__}: {error}",
                where=region.name,
                hint="Set engine: native where it has the filter, or leave the filter out.",
            ) from error
    return {feature: _outcome(found.get(key), key) for feature, key in _keys(rules).items()}


def _check_cost(
    array: FloatArray,
    mask: BoolArray,
    geometry: Geometry,
    rules: RadiomicsRules,
) -> None:
    """Refuse what the package would take memory for until it dies, or not come back from.

    The levels are those before resampling and filters, which leave their number about
    what it is.
    """
    own = rules.pyradiomics or PyradiomicsRules()
    if rules.interpolation is not None:
        grid_around(mask, geometry, rules.interpolation, own.pad_distance_voxels)
    if set(rules.families).issubset(ALWAYS_ORIGINAL):
        return
    box = widened(filled_box(mask), (1, 1, 1), mask.shape)
    values = array[box][resegment_as_pyradiomics(array[box], mask[box], own)]
    if values.size and np.isfinite(values).all():
        levels = discretise_as_pyradiomics(values, rules.discretisation)
        if not TEXTURE_AS_PYRADIOMICS.keys().isdisjoint(rules.families):
            require_bins_of_the_package(int(levels.max()))


def _extractor(rules: RadiomicsRules) -> Any:
    from radiomics.featureextractor import RadiomicsFeatureExtractor

    # The package sets its own level at import and logs at every call; what
    # matters comes back as a value.
    logging.getLogger("radiomics").setLevel(logging.CRITICAL + 1)

    extractor = RadiomicsFeatureExtractor(**settings_of(rules))
    extractor.disableAllImageTypes()
    for image in rules.images:
        name, own = image_type_of(image)
        extractor.enableImageTypeByName(name, customArgs=own)
    extractor.disableAllFeatures()
    for name in sorted({FEATURE_CLASSES[family] for family in rules.families}):
        extractor.enableFeatureClassByName(name)
    return extractor


def _keys(rules: RadiomicsRules) -> dict[str, str]:
    """Return the key that the package gives a value, by feature id."""
    return {
        item.feature_id: f"{item.image}_{item.definition.pyradiomics_name}"
        for item in planned_features(rules)
    }


def _outcome(value: Any, key: str) -> FeatureOutcome:
    if value is None:
        return FeatureOutcome(None, f"pyradiomics gave no {key}")
    number = complex(np.asarray(value).reshape(-1)[0])
    if not math.isnan(number.imag) and number.imag != 0:
        # Rounding makes it so, on regions that are flat or a line: no length is known then.
        return FeatureOutcome(None, f"pyradiomics gave the complex number {number}")
    if not math.isfinite(number.real):
        return FeatureOutcome(None, "pyradiomics gave no finite value")
    return FeatureOutcome(number.real)
