"""Carry a parameter file of pyradiomics over into an analysis protocol."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from biomarker_cli.protocol.loading import MOST_PROBLEMS, problem_text, shortened
from biomarker_cli.protocol.yaml_source import read_yaml
from biomarker_cli.radiomics.engines.pyradiomics_settings import (
    FEATURE_CLASSES,
    POINTWISE,
)
from biomarker_cli.radiomics.errors import RadiomicsRulesError
from biomarker_cli.radiomics.features import FAMILIES, RADIOMICS
from biomarker_cli.radiomics.features.registry import is_offered
from biomarker_cli.radiomics.preprocess.pyradiomics_resampling import ITK_INTERPOLATORS
from biomarker_cli.radiomics.rules import (
    PyradiomicsRules,
    RadiomicsRules,
    pyradiomics_aggregations,
)

_OWN_SETTINGS = {
    "distances": "distances",
    "weightingNorm": "weighting_norm",
    "symmetricalGLCM": "symmetrical_glcm",
    "gldm_a": "dependence_alpha",
    "force2D": "force_2d",
    "force2Ddimension": "force_2d_axis",
    "voxelArrayShift": "voxel_array_shift",
    "resegmentRange": "resegment_range",
    "resegmentMode": "resegment_mode",
    "resegmentShape": "resegment_shape",
    "minimumROIDimensions": "minimum_roi_dimensions",
    "minimumROISize": "minimum_roi_size",
    "padDistance": "pad_distance_voxels",
}
_ELSEWHERE = frozenset(
    {
        "binWidth",
        "binCount",
        "resampledPixelSpacing",
        "interpolator",
        "normalize",
        "normalizeScale",
        "removeOutliers",
    }
)
# What these say is decided by the import of the regions, or moves no number.
_WITHOUT_EFFECT = frozenset(
    {
        "label",
        "label_channel",
        "additionalInfo",
        "correctMask",
        "geometryTolerance",
        "enableCExtensions",
    }
)
_FILTER_KEYS = {
    "LoG": ("pyradiomics_log", {"sigma": "sigma_mm"}),
    "Wavelet": (
        "pyradiomics_wavelet",
        {"wavelet": "wavelet", "level": "levels", "start_level": "start_level"},
    ),
    "Gradient": ("gradient", {"gradientUseSpacing": "use_spacing"}),
    "LBP2D": (
        "lbp_2d",
        {"lbp2DRadius": "radius", "lbp2DSamples": "samples", "lbp2DMethod": "method"},
    ),
    "LBP3D": (
        "lbp_3d",
        {
            "lbp3DLevels": "levels",
            "lbp3DIcosphereRadius": "icosphere_radius",
            "lbp3DIcosphereSubdivision": "icosphere_subdivision",
        },
    ),
    "Original": ("none", {}),
    **{peer: (ours, {}) for ours, peer in POINTWISE.items()},
}
_DEFAULT_BIN_WIDTH = 25
# All that are listed fit into one message.
_LONGEST_PROBLEM = 95


def import_pyradiomics(path: Path) -> dict[str, Any]:
    """Return the analysis protocol that says what a parameter file says.

    Parameters
    ----------
    path : Path
        YAML with ``setting``, ``imageType`` and ``featureClass``.

    Returns
    -------
    dict
        Content of a protocol file, a draft, ready to be written as YAML.

    Raises
    ------
    RadiomicsRulesError
        ``RADIOMICS-IMPORT`` with all that cannot be carried over exactly.
    ProtocolError
        ``PROTOCOL-SYNTAX`` for a file that is not YAML.
    """
    data, _ = read_yaml(path)
    problems: list[str] = []
    _known(data, {"setting", "imageType", "featureClass", "voxelSetting"}, "at the top", problems)
    if data.get("voxelSetting"):
        problems.append("feature maps (voxelSetting) are not supported")
    settings = dict(_mapping(data.get("setting"), "setting", problems))
    known = {*_OWN_SETTINGS, *_ELSEWHERE, *_WITHOUT_EFFECT, "preCrop"}
    _known(settings, known, "in setting", problems)
    if settings.get("preCrop"):
        problems.append("preCrop changes filtered images at the border of the crop")
    section = _section(data, settings, problems)
    try:
        # Only the package itself reads every setting; the native engine is the faster one.
        if not RadiomicsRules.model_validate(section).native_lacks:
            section["engine"] = "native"
    except ValidationError as error:
        for item in error.errors(include_url=False):
            place = ".".join(map(str, item["loc"]))
            problems.append(f"{place or 'the rules'}: {problem_text(item['msg'])}")
    if problems:
        raise _refusal(problems, path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return {
        "format": "biomarker-analysis/1",
        "id": "imported-pyradiomics",
        "version": "0.1.0",
        "status": "draft",
        "title": "Imported parameter file of pyradiomics",
        "source": [
            {"doc": path.name, "section": f"sha256 {digest}", "confirmed": {"by": "primary"}}
        ],
        "changelog": [{"version": "0.1.0", "date": "-", "change": "imported"}],
        "applies_to": {"modality": ["CT", "MR", "PT"]},
        "measure": "radiomics",
        "regions": {
            "gaps": "error",
            "cross_series": "allow",
            "other_grid": "forbid",
            "empty": "row",
        },
        "radiomics": section,
    }


def _section(
    data: Mapping[str, Any], settings: dict[str, Any], problems: list[str]
) -> dict[str, Any]:
    own = {
        ours: settings[peer]
        for peer, ours in _OWN_SETTINGS.items()
        if settings.get(peer) is not None
    }
    families = _families(data.get("featureClass"), problems)
    section: dict[str, Any] = {
        "conventions": "pyradiomics",
        "engine": "pyradiomics",
        "quantities": ["any"],
        "discretisation": _bins(settings, problems),
        "families": list(families),
        "features": [f"{family}.{name}" for family, names in families.items() for name in names],
        "aggregations": list(pyradiomics_aggregations(_own_rules(own))),
        "images": _images(data.get("imageType"), problems),
        "pyradiomics": {**own, "voxel_type": "file"},
    }
    spacing = settings.get("resampledPixelSpacing")
    if spacing is not None and not isinstance(spacing, list):
        problems.append(f"resampledPixelSpacing: expected a list, found {spacing!r}")
    elif spacing:
        word = _interpolator(settings.get("interpolator", "sitkBSpline"), problems)
        section["interpolation"] = {
            "spacing_mm": [s or None for s in spacing],
            "image": word,
            "mask": "nearest",
        }
    if settings.get("normalize"):
        section["normalisation"] = {
            "over": "image",
            "scale": settings.get("normalizeScale", 1),
            "clip_sigma": settings.get("removeOutliers"),
        }
    return section


def _own_rules(own: Mapping[str, Any]) -> PyradiomicsRules:
    try:
        return PyradiomicsRules.model_validate(own)
    except ValidationError:
        # The rules as a whole say what is wrong, beside all else.
        return PyradiomicsRules()


def _bins(settings: Mapping[str, Any], problems: list[str]) -> dict[str, Any]:
    if settings.get("binCount") is not None:
        if settings.get("binWidth") is not None:
            problems.append("binWidth and binCount contradict each other")
        return {"method": "fixed_bin_number", "bins": settings["binCount"]}
    return {
        "method": "fixed_bin_size",
        "width": settings.get("binWidth", _DEFAULT_BIN_WIDTH),
        "anchor": "multiple_of_width",
    }


def _interpolator(name: Any, problems: list[str]) -> str:
    # Higher numbers mean other interpolators in other versions of SimpleITK.
    by_number = {1: "sitkNearestNeighbor", 2: "sitkLinear"}
    peer = by_number.get(name) if type(name) is int else name
    for ours, theirs in ITK_INTERPOLATORS.items():
        if theirs == peer:
            return ours
    problems.append(f"the interpolator {name!r} has no counterpart")
    return next(iter(ITK_INTERPOLATORS))


def _families(classes: Any, problems: list[str]) -> dict[str, list[str]]:
    """Return the families, and which features of each; none for all of them."""
    if not classes:
        # Left alone, the package measures every class but the planar one.
        return {family: [] for family in FEATURE_CLASSES if family != "morphology_2d"}
    classes = _mapping(classes, "featureClass", problems)
    _known(classes, set(FEATURE_CLASSES.values()), "in featureClass", problems)
    families: dict[str, list[str]] = {}
    for family, peer in FEATURE_CLASSES.items():
        if peer not in classes:
            continue
        wanted = classes[peer] or []
        if not isinstance(wanted, list) or not all(isinstance(name, str) for name in wanted):
            problems.append(f"featureClass {peer}: expected names in a list, found {wanted!r}")
            wanted = []
        ours = {
            definition.pyradiomics_name.removeprefix(f"{peer}_"): name
            for name, variants in FAMILIES[family].items()
            for definition in variants.values()
            if is_offered(definition, "pyradiomics")
        }
        chosen = [ours[feature] for feature in wanted if feature in ours]
        if chosen or not wanted:
            families[family] = chosen
        _known(dict.fromkeys(wanted), _features_of(peer), f"in featureClass {peer}", problems)
    return families


def _features_of(peer: str) -> set[str]:
    """Return the features that a class of the package measures unless it is told otherwise."""
    return {
        definition.pyradiomics_name.removeprefix(f"{peer}_")
        for definition in RADIOMICS
        if definition.pyradiomics_name.startswith(f"{peer}_")
        and is_offered(definition, "pyradiomics")
    }


def _images(types: Any, problems: list[str]) -> list[dict[str, Any]]:
    if not types:
        return [{"filter": "none"}]
    images = []
    for peer, own in _mapping(types, "imageType", problems).items():
        if peer not in _FILTER_KEYS:
            problems.append(f"the image type {peer!r} has no counterpart")
            continue
        ours, names = _FILTER_KEYS[peer]
        own = _mapping(own, f"imageType {peer}", problems)
        _known(own, set(names), f"in imageType {peer}", problems)
        images.append({"filter": ours, **{names[key]: own[key] for key in own if key in names}})
    return images or [{"filter": "none"}]


def _mapping(found: Any, place: str, problems: list[str]) -> Mapping[str, Any]:
    """Return what should be keys and values; nothing is empty."""
    if found is None:
        return {}
    if not isinstance(found, Mapping):
        problems.append(f"{place}: expected keys with values, found {found!r}")
        return {}
    return found


def _known(found: Mapping[str, Any], known: set[str], place: str, problems: list[str]) -> None:
    strangers = sorted(map(str, set(found) - known))
    if strangers:
        problems.append(f"unknown keys {place}: {', '.join(strangers)}")


def _refusal(problems: list[str], path: Path) -> RadiomicsRulesError:
    shown = [shortened(problem, _LONGEST_PROBLEM) for problem in problems[:MOST_PROBLEMS]]
    if len(problems) > MOST_PROBLEMS:
        shown.append(f"and {len(problems) - MOST_PROBLEMS} more")
    return RadiomicsRulesError(
        "RADIOMICS-IMPORT",
        "; ".join(shown),
        where=path.name,
        hint="An import must say exactly what the file says; remove or change this.",
    )
