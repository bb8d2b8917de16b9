"""The key of a result: everything that decides its rows, in one sha256.

It is made of what was read when the case was measured, never of what was planned.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import fields
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
        "images": "what they decide stands under `series`, `quantity`, `volumes`, `others`",
        "mask": "a path: what the file holds stands under `inputs`, its name in `names`",
        "input_paths": "paths, likewise",
        "inputs": "what was read of them stands under `inputs`",
        "keep": "it moves no number",
    }
)
"""Fields of a plan that are not in the key as they stand, and why."""


def result_key(plan: CasePlan, read: Mapping[Path, FileRead]) -> str:
    """Return the key of a case.

    Parameters
    ----------
    plan : CasePlan
    read : mapping
        Path -> what was read of each input.
    """
    said = {
        one.name: _canonical(getattr(plan, one.name))
        for one in fields(plan)
        if one.name not in NOT_IN_KEY
    }
    said |= {"series": plan.primary.series, "quantity": plan.primary.quantity}
    others = [
        [image.name, len(image.files), image.series, image.quantity, _volumes(image)]
        for image in plan.images[1:]
    ]
    return sha256_of_json(
        {
            "plan": said,
            "volumes": _volumes(plan.primary),
            **({"others": [plan.primary.name, len(plan.primary.files), *others]} if others else {}),
            "inputs": [read[path].sha256 if path in read else "" for path in plan.input_paths],
            "version": __version__,
        }
    )


def _volumes(image: ImagePlan) -> list[list[Any]]:
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


def _canonical(value: Any) -> Any:
    """Return a field of a plan as JSON holds it; a type that nobody thought of is an error."""
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, (str, Enum)):
        return str(value)
    if isinstance(value, bytes):
        return fingerprint(value)
    if isinstance(value, (tuple, list)):
        return [_canonical(part) for part in value]
    if isinstance(value, frozenset):
        return sorted(_canonical(part) for part in value)
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


def sha256_of_json(value: Any) -> str:
    """Return the sha256 of a value in canonical JSON."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
