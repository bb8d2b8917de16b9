"""What the feature table says of an image (filter, bins and grid) and of a benchmark."""

from __future__ import annotations

from biomarker_cli.model.measurement import Measurement
from biomarker_cli.radiomics.errors import RadiomicsRulesError
from biomarker_cli.radiomics.filters.riesz_rules import RieszFilter
from biomarker_cli.radiomics.filters.rules import FilterRules
from biomarker_cli.radiomics.plan import ORIGINAL, filter_dimensions
from biomarker_cli.radiomics.rules import RadiomicsRules


def image_description(rules: RadiomicsRules, image: str) -> dict[str, str]:
    """Return the columns of ``features.csv`` that describe an image.

    Parameters
    ----------
    rules : RadiomicsRules
    image : str
        Name as in the feature ids, such as ``original``.

    Returns
    -------
    dict
        ``image_filter``, ``discretisation``, ``interpolation`` and
        ``resampled_spacing_mm`` (``x y z``, empty where nothing is resampled).

    Raises
    ------
    RadiomicsRulesError
        ``RADIOMICS-NO-SUCH-IMAGE``.
    """
    grid = rules.interpolation
    return {
        "image_filter": _filter_of(rules, image).describe() if image != ORIGINAL else "none",
        "discretisation": rules.discretisation.describe(),
        "interpolation": grid.describe() if grid else "none",
        "resampled_spacing_mm": " ".join("own" if s is None else f"{s:g}" for s in grid.spacing_mm)
        if grid
        else "",
    }


def _filter_of(rules: RadiomicsRules, image: str) -> FilterRules:
    for candidate in rules.images:
        if image in candidate.image_names(filter_dimensions(rules)):
            return candidate
    raise RadiomicsRulesError("RADIOMICS-NO-SUCH-IMAGE", f"these rules give no image {image!r}")


def is_ibsi_benchmarked(rules: RadiomicsRules, measurement: Measurement) -> bool:
    """Tell whether published IBSI values hold the definition of a row.

    That is so by the IBSI conventions, for every feature with an IBSI id on the
    unfiltered image (each has consensus values for its aggregation in chapter 1),
    and for the first-order statistics on the images of the filters of chapter 2,
    but not for Riesz transforms, whose statistics have no consensus. It says nothing of
    the spacing, range and bins that the rules choose.

    Parameters
    ----------
    rules : RadiomicsRules
    measurement : Measurement
        Of these rules.
    """
    definition = measurement.definition
    if rules.conventions != "ibsi" or not definition.ibsi_id:
        return False
    if measurement.image == ORIGINAL:
        return True
    riesz = isinstance(_filter_of(rules, measurement.image), RieszFilter)
    return definition.family == "intensity" and not riesz
