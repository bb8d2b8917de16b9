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

from biomarker_cli.imaging.nrrd import read_nrrd
from biomarker_cli.imaging.refusals import unreadable
from biomarker_cli.imaging.stored import Contents, content_of
from biomarker_cli.regions.errors import RegionError
from biomarker_cli.regions.label_images import (
    Label,
    LabelImage,
    label_table_of,
    unnamed_labels,
    whole_numbers,
)

_SEGMENT = re.compile(r"Segment(\d{1,9})_(?:ID|Name)", re.ASCII)
_WHOLE = re.compile(r"\d{1,9}", re.ASCII)
_TERMINOLOGY = re.compile(r"TerminologyEntry:([^|]*)")


def is_slicer_segmentation(path: Path) -> bool:
    """Tell by its name whether a file is a segmentation of 3D Slicer."""
    return path.name.lower().endswith(".seg.nrrd")


def open_slicer_segmentation(path: Path, contents: Contents | None = None) -> LabelImage:
    """Open a .seg.nrrd with the names of its segments.

    Parameters
    ----------
    path : Path
    contents : mapping, optional
        Bytes of the files, if they are in memory.

    Raises
    ------
    ImageFileError
        As for any NRRD file.
    RegionError
        ``REGION-LABELS`` where the header names no segment, or a layer that
        is not there; ``REGION-LABEL-TABLE`` where a table beside it names them too.
    """
    try:
        image = read_nrrd(path, content_of(path, contents), contents)
    except OSError as error:
        raise unreadable(path, error.strerror or type(error).__name__) from error
    table = label_table_of(path, contents)
    if table is not None:
        raise RegionError(
            "REGION-LABEL-TABLE",
            "the header of the segmentation names its segments already",
            where=table.name,
            hint="Remove the table, or rename the segments in 3D Slicer.",
        )
    array = whole_numbers(image.array, path)
    array = array if array.ndim == 4 else array[..., None]
    layers = tuple(array[..., n] for n in range(array.shape[3]))
    labels = _labels(image.pairs, len(layers), path)
    labels += unnamed_labels(layers, labels, path)
    return LabelImage(path, "nrrd", layers, image.geometry, tuple(labels))


def _labels(header: Mapping[str, str], n_layers: int, path: Path) -> list[Label]:
    numbers = sorted({int(m[1]) for key in header if (m := _SEGMENT.fullmatch(key))})
    # Files of old versions have a layer for each segment, and say neither layer nor value.
    is_old = len(numbers) == n_layers and not any(
        f"Segment{number}_{field}" in header
        for number in numbers
        for field in ("Layer", "LabelValue")
    )
    labels = [_label(header, number, n_layers, is_old, path) for number in numbers]

    def fits(label: Label) -> bool:
        return 0 <= label.layer < n_layers and 0 < label.value < 2**16

    if not labels or not all(map(fits, labels)):
        found = ", ".join(f"{x.name!r} {x.value} in {x.layer}" for x in labels[:20]) or "none"
        expected = f"expected segments with label values from 1 in {n_layers} layers"
        raise _invalid(f"{expected}, found {found}", path)
    return labels


def _invalid(what: str, path: Path) -> RegionError:
    hint = "Save the segmentation with 3D Slicer again."
    return RegionError("REGION-LABELS", what, where=path.name, hint=hint)


def _label(
    header: Mapping[str, str], number: int, n_layers: int, is_old: bool, path: Path
) -> Label:
    def value(field: str, default: str = "") -> str:
        return header.get(f"Segment{number}_{field}", default).strip()

    # The one layer of a file need not be named; the value of a segment must be.
    layer = str(number) if is_old else value("Layer", "0" if n_layers == 1 else "")
    label_value = "1" if is_old else value("LabelValue")
    if not _WHOLE.fullmatch(layer) or not _WHOLE.fullmatch(label_value):
        raise _invalid(f"layer and label value of segment {number} are no whole numbers", path)
    name = value("Name", value("ID", f"segment {number}"))
    code, meaning = _terminology(value("Tags"))
    if any("\udc80" <= letter <= "\udcff" for letter in name + code + meaning):
        raise _invalid(f"the name of segment {number} is no text in UTF-8", path)
    return Label(int(layer), int(label_value), name, code, meaning)


def _terminology(tags: str) -> tuple[str, str]:
    """Return the type (value:scheme, meaning) of ``...~SCT^85756007^Tissue~...``."""
    found = _TERMINOLOGY.search(tags)
    parts = found.group(1).split("~") if found else []
    type_of = parts[2].split("^") if len(parts) > 2 else []
    if len(type_of) != 3 or not type_of[1]:
        return "", ""
    scheme, value, meaning = type_of
    return f"{value}:{scheme}", meaning
