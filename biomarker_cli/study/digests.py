"""Digests of the inputs, and the key under which a result is stored."""

from __future__ import annotations

import hashlib
import json
import warnings
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from biomarker_cli import __version__
from biomarker_cli.case.prepared import engine_of
from biomarker_cli.imaging import files_of_image
from biomarker_cli.regions import files_of_segmentation
from biomarker_cli.study.study_key import fingerprint

if TYPE_CHECKING:
    from biomarker_cli.case import CasePlan

_HEX_DIGITS = 64


@dataclass(frozen=True)
class CaseDigest:
    """What the files of a case hold.

    Attributes
    ----------
    files : dict
        sha256 by path relative to the folder they share.
    pixels : str
        sha256 of the pixel data of the image in the order of its slices; empty
        where it is no DICOM. Two cases with one digest hold the same image.
    """

    files: dict[str, str]
    pixels: str

    @property
    def content(self) -> str:
        """One sha256 over the contents of all files, whatever they are called."""
        return _sha256_of_json(sorted(self.files.values()))


def digest_inputs(plan: CasePlan) -> CaseDigest:
    """Read the files of a case once and return their digests.

    Parameters
    ----------
    plan : CasePlan
        Whose paths exist.
    """
    paths = _image_paths(plan)
    files: dict[str, str] = {}
    pixels = hashlib.sha256()
    has_pixels = False
    for path in paths:
        content = path.read_bytes()
        files[path.as_posix()] = hashlib.sha256(content).hexdigest()
        stored = _stored_pixels(content) if not plan.image_files else b""
        has_pixels = has_pixels or bool(stored)
        pixels.update(stored)
    for path in _mask_files(plan):
        files[path.as_posix()] = hashlib.sha256(path.read_bytes()).hexdigest()
    return CaseDigest(files, pixels.hexdigest() if has_pixels else "")


def _image_paths(plan: CasePlan) -> list[Path]:
    """Files of the image, slices in the order of the volume."""
    refs = [ref.path for c in plan.images for ref in c.refs]
    files = [path for file in plan.image_files for path in files_of_image(file)]
    return list(dict.fromkeys([*refs, *files]))


def _mask_files(plan: CasePlan) -> list[Path]:
    if plan.mask is None or plan.mask.is_dir():
        return []  # reading the case refuses a folder, whatever lies in it
    return files_of_segmentation(plan.mask)


def _stored_pixels(content: bytes) -> bytes:
    # Only DICOM comes here, so that other images do without pydicom; the room sets it up.
    from pydicom import dcmread

    import biomarker_cli.dicom.headers  # noqa: F401

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            dataset = dcmread(BytesIO(content))
        return bytes(dataset.get("PixelData") or b"")
    except (ValueError, EOFError, KeyError, AttributeError, NotImplementedError):
        # Reading the case will say what is wrong with the file.
        return b""


def result_key(plan: CasePlan, digest: CaseDigest | None) -> str:
    """Return the key of a case: what it hangs on, in one sha256.

    It covers the contents of the inputs, the case's entry in the study, the
    merged protocols, the engines and the version of this package.
    """
    acquisition = plan.acquisition
    return _sha256_of_json(
        {
            "inputs": digest.content if digest else "",
            "case": plan.case_id,
            "series": plan.series,
            "rois": list(plan.wanted_rois),
            "roi_names": _dumped(plan.roi_names),
            "quantity": plan.quantity,
            "on_violation": plan.on_violation,
            "other_frame_of_reference": plan.other_frame_of_reference,
            "form": _dumped(plan.form),
            "overrides": [_dumped(override) for override in plan.overrides],
            "flags": sorted(plan.flags),
            "device_key": "" if plan.device_key is None else fingerprint(plan.device_key),
            **({"waivers": plan.waivers.canonical()} if plan.waivers else {}),
            "acquisition": acquisition.document.sha256 if acquisition else "",
            "analyses": [
                [a.ident, a.document.sha256, *engine_of(a.protocol)] for a in plan.analyses
            ],
            "version": __version__,
        }
    )


def _dumped(model: Any) -> Any:
    return None if model is None else model.model_dump(mode="json")


def _sha256_of_json(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()
