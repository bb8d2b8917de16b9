"""The key of a result: everything that decides its rows, in one sha256.

It is made of what was read when the case was measured, never of what was planned.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import astuple, fields
from enum import Enum
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from biomarker_cli.case.analysis import Analysis
from biomarker_cli.model.version import __version__
from biomarker_cli.study.study_key import fingerprint

if TYPE_CHECKING:
    from biomarker_cli.case.plan import CasePlan, ImagePlan
    from biomarker_cli.model.inputs import FileRead

NOT_IN_KEY = MappingProxyType(
    {
        "images": "what they decide stands under study entry and image files",
        "mask": "a path: what the file holds is the segmentation, its name is in `names`",
        "input_paths": "paths, likewise",
        "inputs": "what was read of them are image files and segmentation",
        "analyses": "each is a part of its own",
        "keep": "it moves no number",
        "store": "likewise",
        "carried": "parts of their own, so that other cases have none of them",
        "frame_check": "likewise",
        "n_of_others": "it says which inputs are of them",
    }
)
"""Fields of a plan that are not in the key as they stand, and why."""


ANALYSIS = "analysis "
"""What the name of a part begins with that holds an analysis."""

_WORDS = MappingProxyType(
    {
        "acquisition": "acquisition protocol",
        "device_key": "key of the study",
        "form": "values of the case report form",
        "on_violation": "rule for violations",
        "other_frame_of_reference": "study entry",
        "overrides": "overrides of header values",
        "roi_names": "ROI map",
        "waivers": "waivers",
        "wanted_rois": "ROIs that are asked for",
        "flags": "flags of the case",
    }
)
"""How people call the parts; another field is one of the study entry."""

STUDY_ENTRY = "study entry"


def key_parts(plan: CasePlan, read: Mapping[Path, FileRead]) -> dict[str, Any]:
    """Return everything that decides the rows of a case, by what people call it.

    Parameters
    ----------
    plan : CasePlan
    read : mapping
        Path -> what was read of each input.

    Returns
    -------
    dict of str to JSON-able
        A digest of each part; of protocols and program what they are as well.
    """
    parts: dict[str, list[Any]] = {}
    for one in fields(plan):
        if one.name in NOT_IN_KEY:
            continue
        value = canonical(getattr(plan, one.name))
        parts.setdefault(_WORDS.get(one.name, STUDY_ENTRY), []).append([one.name, value])
    several = len(plan.images) > 1
    for image in plan.images:
        # How many files each has tells whose they are.
        own = [image.name, len(image.files)] if several else []
        parts[STUDY_ENTRY].append([image.series, image.quantity, *own])
    n_mask = _n_mask(plan)
    digests = _digests(plan.own_paths, read)
    first = len(digests) - n_mask
    parts["image files"] = [[volumes_key(image) for image in plan.images], digests[:first]]
    parts["segmentation"] = digests[first:]
    parts |= parts_of_others(plan, read)
    found: dict[str, Any] = {name: sha256_of_json(said) for name, said in parts.items()}
    if plan.acquisition is not None:
        found["acquisition protocol"] = canonical(plan.acquisition)
    for place, analysis in enumerate(plan.analyses):
        name = f"{ANALYSIS}{analysis.document.header.id}"
        # One id may stand twice, in two versions.
        found.setdefault(name, []).append([place, *canonical(analysis)])
    return {**found, "program": __version__}


def _digests(paths: Sequence[Path], read: Mapping[Path, FileRead]) -> list[str]:
    return [read[path].sha256 if path in read else "" for path in paths]


def parts_of_others(plan: CasePlan, read: Mapping[Path, FileRead]) -> dict[str, list[Any]]:
    """Return what a case takes from other cases, named by them; nothing where it takes nothing."""
    parts: dict[str, list[Any]] = {}
    for other in plan.others:
        image = other.image
        said = [volumes_key(image), image.series, image.quantity, len(image.files)]
        parts[f"image files of {other.case_id}"] = [said, _digests(other.image_paths, read)]
    order = plan.carried
    if order is not None:
        source, given = order.source, order.transform
        said = [source.other_frame_of_reference, _digests(source.mask_paths, read)]
        parts[f"segmentation of {source.case_id}"] = said
        parts["registration"] = [order.protocol.ident, order.protocol.document.sha256]
        parts["registration"] += [] if given is None else _digests([given], read)
        if order.rules is not None:
            rules = order.rules
            said = [
                canonical(rules.acquisition),
                canonical(rules.waivers),
                rules.takes_every_volume,
            ]
            parts[f"acquisition rules of {source.case_id}"] = said
        if order.acceptance is not None:
            parts["acceptance of the registration"] = list(astuple(order.acceptance))
    if plan.frame_check is not None:
        protocol = plan.frame_check.protocol
        parts["check of the frame of reference"] = [protocol.ident, protocol.document.sha256]
    return parts


def _n_mask(plan: CasePlan) -> int:
    """Return how many of its own inputs, at their end, are the segmentation."""
    paths = plan.own_paths
    return len(paths) - paths.index(plan.mask) if plan.mask in paths else 0


def result_key(plan: CasePlan, read: Mapping[Path, FileRead]) -> str:
    """Return the key of a case: the digest of its parts."""
    return key_of_parts(key_parts(plan, read))


def key_of_parts(parts: Mapping[str, Any]) -> str:
    """Return the key that parts make."""
    return sha256_of_json(parts)


def volumes_key(image: ImagePlan) -> list[list[Any]]:
    """Return what the catalogue says of the volumes of an image."""
    return [
        [c.volume_id, c.kind, c.status, c.error_code, c.split_by, sorted(c.flags)]
        for c in image.volumes
    ]


def names_key(plan: CasePlan) -> str:
    """Return a digest of what the inputs are called: rows may name a file, and labels do."""
    return sha256_of_json(
        {
            "files": [path.name for path in plan.input_paths],
            "messages": [c.error_message for c in plan.volumes],
        }
    )


def canonical(value: Any) -> Any:
    """Return a field of a plan as JSON holds it; a type that nobody thought of is an error."""
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, (str, Enum)):
        return str(value)
    if isinstance(value, bytes):
        return fingerprint(value)
    if isinstance(value, (tuple, list)):
        return [canonical(part) for part in value]
    if isinstance(value, frozenset):
        return sorted(canonical(part) for part in value)
    if isinstance(value, Analysis):
        return [value.ident, value.document.sha256, *value.engine]
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    return _canonical_of_room(value)


def _canonical_of_room(value: Any) -> Any:
    # Most cases have neither, and do without the room.
    from biomarker_cli.acquisition.protocol import AcquisitionProtocol
    from biomarker_cli.acquisition.waivers import WaiverSet

    if isinstance(value, AcquisitionProtocol):
        return [value.ident, value.document.sha256]
    if isinstance(value, WaiverSet):
        return value.canonical()
    raise TypeError(f"a plan holds a {type(value).__name__}, which has no canonical form")


# Made once: `json.dumps` with arguments makes an encoder for each of a case's keys.
_canonical_json = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False).encode


def sha256_of_json(value: Any) -> str:
    """Return the sha256 of a value in canonical JSON."""
    text = _canonical_json(value)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
