"""What the feature table says of an image: filter, bins and grid."""

from __future__ import annotations

from biomarker_cli.radiomics.errors import RadiomicsRulesError
from biomarker_cli.radiomics.filters.rules import FilterRules
from biomarker_cli.radiomics.plan import filter_dimensions
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
        "image_filter": _filter_of(rules, image).describe() if image != "original" else "none",
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
