"""Read the segmentation files of 3D Slicer (.seg.nrrd).

Their header names each segment with its label value, its layer (segments that
overlap lie in different layers) and its terminology.

References
----------
3D Slicer, developer guide, "Segmentations", section "Segmentation file format".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from biomarker_cli.imaging.errors import ImageFileError
from biomarker_cli.imaging.geometry import Geometry
from biomarker_cli.regions.errors import RegionError
from biomarker_cli.regions.label_images import Label, LabelImage, whole_numbers

_SEGMENT = re.compile(r"Segment(\d+)_(?:ID|Name)")
_TERMINOLOGY = re.compile(r"TerminologyEntry:([^|]*)")


def is_slicer_segmentation(path: Path) -> bool:
    """Tell by its name whether a file is a segmentation of 3D Slicer."""
    return path.name.lower().endswith(".seg.nrrd")


def open_slicer_segmentation(path: Path) -> LabelImage:
    """Open a .seg.nrrd with the names of its segments.

    Raises
    ------
    ImageFileError
        ``IMAGE-FILE-UNREADABLE``, ``IMAGE-FILE-GEOMETRY``.
    RegionError
        ``REGION-LABELS`` where the header names no segment, or a layer that
        is not there.
    """
    import SimpleITK as sitk  # noqa: N813 - the name its documentation uses

    try:
        image = sitk.ReadImage(str(path))
    except RuntimeError as error:
        raise ImageFileError(
            "IMAGE-FILE-UNREADABLE",
            "the image file cannot be read",
            where=path.name,
            hint="The file may be cut short or damaged: copy it again and compare its size.",
        ) from error
    if not image.HasMetaDataKey("NRRD_space") or image.GetDimension() != 3:
        raise ImageFileError(
            "IMAGE-FILE-GEOMETRY",
            "the grid of the image cannot be trusted: the NRRD header has no 'space' of three axes",
            where=path.name,
        )
    array = whole_numbers(sitk.GetArrayFromImage(image), path)
    n_layers = image.GetNumberOfComponentsPerPixel()
    layers = tuple(array[..., n] for n in range(n_layers)) if n_layers > 1 else (array,)
    header = {key: image.GetMetaData(key) for key in image.GetMetaDataKeys()}
    geometry = Geometry(
        layers[0].shape, image.GetSpacing(), image.GetOrigin(), image.GetDirection()
    )
    return LabelImage(path, "nrrd", layers, geometry, tuple(_labels(header, n_layers, path)))


def _labels(header: Mapping[str, str], n_layers: int, path: Path) -> list[Label]:
    numbers = sorted({int(m.group(1)) for key in header if (m := _SEGMENT.fullmatch(key))})
    labels = [_label(header, number, n_layers, path) for number in numbers]

    def fits(label: Label) -> bool:
        return 0 <= label.layer < n_layers and 0 < label.value < 2**16

    if not labels or not all(map(fits, labels)):
        raise RegionError(
            "REGION-LABELS",
            f"expected segments with label values from 1 in {n_layers} layers, found "
            + (", ".join(f"{x.name!r} {x.value} in {x.layer}" for x in labels) or "none"),
            where=path.name,
            hint="Save the segmentation with 3D Slicer again.",
        )
    return labels


def _label(header: Mapping[str, str], number: int, n_layers: int, path: Path) -> Label:
    def value(field: str, default: Any) -> str:
        return header.get(f"Segment{number}_{field}", str(default)).strip()

    try:
        # Files of old versions have a layer for each segment and do not say so.
        layer = int(value("Layer", number if n_layers > 1 else 0))
        label_value = int(value("LabelValue", 1))
    except ValueError as error:
        raise RegionError(
            "REGION-LABELS",
            f"layer and label value of segment {number} are no whole numbers",
            where=path.name,
        ) from error
    name = value("Name", value("ID", f"segment {number}"))
    code, meaning = _terminology(value("Tags", ""))
    return Label(layer, label_value, name, code, meaning)


def _terminology(tags: str) -> tuple[str, str]:
    """Return the type (value:scheme, meaning) of ``...~SCT^85756007^Tissue~...``."""
    found = _TERMINOLOGY.search(tags)
    parts = found.group(1).split("~") if found else []
    type_of = parts[2].split("^") if len(parts) > 2 else []
    if len(type_of) != 3 or not type_of[1]:
        return "", ""
    scheme, value, meaning = type_of
    return f"{value}:{scheme}", meaning
