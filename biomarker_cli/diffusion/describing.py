"""What the feature dictionary says of a diffusion map."""

from __future__ import annotations

from typing import assert_never

from biomarker_cli.diffusion.rules import (
    AdcRules,
    AllShells,
    BList,
    BRange,
    BSetRule,
    KurtosisRules,
    LowAndHigh,
)


def image_description(rules: AdcRules, image: str) -> dict[str, str]:
    """Return the columns of ``features.csv`` that describe a map.

    Parameters
    ----------
    rules : AdcRules
    image : str
        First word of the feature ids.

    Returns
    -------
    dict
        ``image_filter`` names estimator, b-set and the mean over directions
        (geometric: trace-weighted).
    """
    if rules.vendor_map.use == "measure":
        return {"image_filter": "map of the scanner"}
    found = {one.image: f"{one.estimator}, {_b_set(one.b_set)}" for one in rules.maps}
    if rules.ivim is not None:
        fitted = f"ivim {rules.ivim.method}, D from b {rules.ivim.diffusion_from:g}"
        found |= dict.fromkeys(("ivim_d", "ivim_f", "ivim_dstar"), fitted)
    if rules.kurtosis is not None:
        images = ("dki_d", rules.kurtosis.image)
        found |= dict.fromkeys(images, _parabola(rules.kurtosis))
    return {"image_filter": f"{found[image]}, {rules.direction_mean} mean, {rules.b_value} b"}


def _parabola(rules: KurtosisRules) -> str:
    if rules.b_values is None:
        return f"kurtosis {rules.estimator}, b up to {rules.b_max:g}"
    return f"kurtosis {rules.estimator}, b {', '.join(f'{value:g}' for value in rules.b_values)}"


def _b_set(rule: BSetRule) -> str:
    match rule:
        case AllShells():
            return "all b"
        case BRange():
            return f"b from {rule.min:g}" + ("" if rule.max is None else f" to {rule.max:g}")
        case BList():
            return f"b {', '.join(f'{value:g}' for value in rule.values)}"
        case LowAndHigh():
            return f"lowest b to {rule.low_max:g} and b to {rule.high_max:g}"
        case _:
            assert_never(rule)
