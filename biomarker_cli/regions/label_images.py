"""Read label images: NIfTI, NRRD, MetaImage, and the .seg.nrrd of 3D Slicer.

Every whole number but 0 is a label. A single label without a name is named like
the file. Names come from the header of a .seg.nrrd (see `slicer`), or from a
table beside the file: ``NAME.labels.csv`` with the columns ``value`` and ``name``, and
``registration_id`` and ``registration_status`` where the mask was carried from another image.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from io import StringIO
from pathlib import Path
from typing import NamedTuple

import numpy as np

from biomarker_cli.imaging.boxes import filled_box
from biomarker_cli.imaging.files import IMAGE_SUFFIXES, read_image_file
from biomarker_cli.imaging.geometry import Geometry
from biomarker_cli.imaging.region import Crop
from biomarker_cli.imaging.stored import Contents, content_of
from biomarker_cli.model.arrays import AnyArray
from biomarker_cli.model.quantity import UNITLESS
from biomarker_cli.regions.entries import Drawing, References, RoiEntry, shortened
from biomarker_cli.regions.errors import RegionError
from biomarker_cli.regions.grids import transfer_mask
from biomarker_cli.regions.label_boxes import boxes_of
from biomarker_cli.regions.rules import RegionRules
from biomarker_cli.regions.target import ImageTarget
from biomarker_cli.tables.cells import unescape_cell

_KIND_OF_SUFFIX = {
    ".nii": "nifti",
    ".nii.gz": "nifti",
    ".nrrd": "nrrd",
    ".nhdr": "nrrd",
    ".mha": "mha",
    ".mhd": "mha",
}

MOST_LABELS = 1000
"""More different values than this are an image, not labels; it is also the step
between the numbers of one layer and the next."""


MOST_TABLE_BYTES = 16 * 1024**2
"""A table of 65,535 names is smaller."""

_WHOLE = re.compile(r"\s*[0-9]{1,9}\s*")

_REGISTRATION_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@:+-]{0,119}")


class Label(NamedTuple):
    """A value of a layer, and what it stands for.

    It is not named where the table or header that names the others leaves it out.
    """

    layer: int
    value: int
    name: str
    code: str = ""
    code_meaning: str = ""
    is_named: bool = True
    flags: frozenset[str] = frozenset()

    @property
    def number(self) -> int:
        """The value; in further layers, which may repeat values, 1000 more for each."""
        return self.layer * MOST_LABELS + self.value


@dataclass(frozen=True)
class LabelImage:
    """An image whose whole numbers name structures.

    Attributes
    ----------
    path : Path
    kind : str
    layers : tuple of ndarray of int, shape (z, y, x)
        Structures of different layers may overlap.
    geometry : Geometry
    labels : tuple of Label
    """

    path: Path
    kind: str
    layers: tuple[AnyArray, ...]
    geometry: Geometry
    labels: tuple[Label, ...]
    uid = ""

    @cached_property
    def entries(self) -> tuple[RoiEntry, ...]:
        """The labels, whether they have voxels or not."""
        return tuple(
            RoiEntry(
                number=label.number,
                label=label.name,
                code=label.code,
                code_meaning=label.code_meaning,
                flags=label.flags,
                detail=f"layer {label.layer}, value {label.value}"
                if len(self.layers) > 1
                else f"value {label.value}",
            )
            for label in self.labels
        )

    def references(self, _entry: RoiEntry, /) -> References:
        """Return nothing: these files do not say what they were made on."""
        return References()

    def draw(self, entry: RoiEntry, target: ImageTarget, rules: RegionRules) -> Drawing:
        """Return the voxels of a label on the grid of an image."""
        found = self._by_number.get(entry.number or 0, [])
        if len(found) != 1:
            raise RegionError(
                "REGION-NUMBER-REPEATED",
                f"the value {entry.number} is named more than once",
                where=self.path.name,
            )
        label = found[0]
        box = self._boxes[label.layer].get(label.value)
        crop = Crop(np.zeros((0, 0, 0), dtype=np.bool_))
        if box is not None:
            inside = self.layers[label.layer][box] == label.value
            crop = Crop(inside, (box[0].start, box[1].start, box[2].start))
        # Files store their axes in any order: the slices are those of the image.
        along = int(np.argmax(np.abs(target.geometry.normal @ self.geometry.axes)))
        drawing = transfer_mask(
            crop, self.geometry, target.geometry, rules, shortened(entry.label), along
        )
        if label.is_named:
            return drawing
        return replace(drawing, flags=drawing.flags | {"label_unnamed"})

    @cached_property
    def _by_number(self) -> dict[int, list[Label]]:
        numbers: dict[int, list[Label]] = {}
        for label in self.labels:
            numbers.setdefault(label.number, []).append(label)
        return numbers

    @cached_property
    def _boxes(self) -> tuple[dict[int, tuple[slice, slice, slice]], ...]:
        """The box around each value of each layer."""
        return tuple(
            boxes_of(layer, [label.value for label in self.labels if label.layer == index])
            for index, layer in enumerate(self.layers)
        )


def stem(path: Path) -> str:
    """Return the name of a file without the suffixes of its format."""
    name = path.name
    for suffix in sorted(IMAGE_SUFFIXES, key=len, reverse=True):
        if name.lower().endswith(suffix):
            return name[: -len(suffix)]
    return name


def open_label_image(path: Path, contents: Contents | None = None) -> LabelImage:
    """Open a label image with its names.

    Parameters
    ----------
    path : Path
    contents : mapping, optional
        Bytes of the image and of its table, if they are in memory.

    Raises
    ------
    ImageFileError
        Where the file cannot be read.
    RegionError
        ``REGION-LABELS`` where its values are no labels, ``REGION-LABEL-TABLE``
        where the table beside it cannot be read.
    """
    volume = read_image_file(path, UNITLESS, contents)
    array = whole_numbers(volume.array, path)
    names = _sidecar_names(path, contents)
    present = _values(array, path)
    only = len(present) == 1 and not names
    labels = list(names.values())
    if only:
        labels = [Label(0, present[0], stem(path))]
    elif names:
        labels += _unnamed(0, present, names)
    else:
        labels = [Label(0, value, f"label_{value}") for value in present]
    labels.sort(key=lambda label: label.value)
    suffix = path.name[len(stem(path)) :].lower()
    return LabelImage(path, _KIND_OF_SUFFIX[suffix], (array,), volume.geometry, tuple(labels))


def unnamed_labels(layers: Iterable[AnyArray], labels: Sequence[Label], path: Path) -> list[Label]:
    """Return the values that layers hold beside those that labels name.

    Raises
    ------
    RegionError
        ``REGION-LABELS`` where a layer holds what labels cannot be.
    """
    return [
        label
        for index, layer in enumerate(layers)
        for label in _unnamed(
            index, _values(layer, path), {x.value for x in labels if x.layer == index}
        )
    ]


def _unnamed(layer: int, present: Iterable[int], named: Iterable[int]) -> list[Label]:
    known = set(named)
    return [
        Label(layer, value, f"label_{layer * MOST_LABELS + value}", is_named=False)
        for value in present
        if value not in known
    ]


def whole_numbers(array: AnyArray, path: Path) -> AnyArray:
    """Return an array of integers.

    Raises
    ------
    RegionError
        ``REGION-LABELS`` where a value is not whole.
    """
    if array.dtype.kind == "b":
        return array.astype(np.uint8)
    if array.dtype.kind != "f":
        return array
    # Plane by plane: an image of floats is the largest that there is, and stands in memory.
    whole: AnyArray = np.empty_like(array, dtype=np.int32)
    for plane, into in zip(array, whole, strict=True):
        rounded = np.rint(plane)
        # No number at all equals nothing, and what is beyond labels need not fit into 32 bits.
        if not np.array_equal(rounded, plane) or np.abs(rounded).max(initial=0) >= 2**31:
            raise RegionError(
                "REGION-LABELS",
                "expected whole numbers, found values between or far beyond them",
                where=path.name,
                hint="Cut a probability map into a label image first.",
            )
        into[...] = rounded
    return whole


def _values(array: AnyArray, path: Path) -> list[int]:
    # Most of a mask is background: what is left is sorted in a fraction of the time.
    filled = array[filled_box(array)]
    labelled = np.sort(filled[filled != 0])
    # As np.unique, which loads the masked arrays of numpy to ask whether it has one.
    values = [int(v) for v in (*labelled[:1], *labelled[1:][labelled[1:] != labelled[:-1]])]
    if len(values) > MOST_LABELS or (values and not 0 < values[0] <= values[-1] < 2**16):
        found = f"{len(values)} different values from {values[0]} to {values[-1]}"
        raise RegionError(
            "REGION-LABELS",
            f"expected at most {MOST_LABELS} labels from 1 to 65535, found {found}",
            where=path.name,
            hint="This looks like an image, not like a mask.",
        )
    return values


def label_table_of(path: Path, contents: Contents | None = None) -> Path | None:
    """Return the table of names beside a label image, None where it has none.

    Parameters
    ----------
    path : Path
    contents : mapping, optional
        The files in memory; without it, the disk is asked.

    Raises
    ------
    RegionError
        ``REGION-LABEL-TABLE`` where something else lies in its place: a link that leads
        nowhere, a pipe or a folder.
    """
    table = path.with_name(f"{stem(path)}.labels.csv")
    if contents is not None:
        return table if table in contents else None
    try:
        table.lstat()  # a link that leads nowhere is there
    except (FileNotFoundError, NotADirectoryError):
        return None
    if not table.is_file():
        raise _bad_table(table, "expected a regular file")
    return table


def _sidecar_names(path: Path, contents: Contents | None) -> Mapping[int, Label]:
    sidecar = label_table_of(path, contents)
    if sidecar is None:
        return {}
    expected = "expected the columns value and name, a whole number and a name in each row"
    try:
        content = content_of(sidecar, contents, MOST_TABLE_BYTES + 1)
        if len(content) > MOST_TABLE_BYTES:
            raise _bad_table(sidecar, f"it has more than {MOST_TABLE_BYTES} bytes")
        text = StringIO(bytes(content).decode("utf-8-sig"), newline="")
        rows = csv.DictReader(text, strict=True)
        columns = [name for name in rows.fieldnames or () if name]
        if len(set(columns)) < len(columns):
            raise _bad_table(sidecar, "a column stands twice")
        labels = [_named(row) for row in rows]
    except (
        *(AttributeError, KeyError, OSError, TypeError, UnicodeDecodeError, ValueError),
        csv.Error,
    ) as error:
        raise _bad_table(sidecar, expected) from error
    if not labels:
        raise _bad_table(sidecar, "expected the columns value and name, found no row")
    repeated = max(Counter(label.value for label in labels).values()) > 1
    if repeated or any(not 0 < label.value < 2**16 or not label.name for label in labels):
        raise _bad_table(sidecar, "expected each value from 1 to 65535 once, with a name")
    return {label.value: label for label in labels}


def _named(row: Mapping[str, str]) -> Label:
    """Return the label of a row of the table, with what it says of a registration."""
    label = Label(0, _whole(row["value"]), unescape_cell(row["name"].strip()))
    made_by = (row.get("registration_id") or "").strip()
    status = (row.get("registration_status") or "").strip()
    if not made_by and not status:
        return label
    if not _REGISTRATION_ID.fullmatch(made_by) or status not in {"ok", "accepted"}:
        raise ValueError("a mask is carried by a registration that is ok or accepted")
    accepted = {"registration_accepted"} if status == "accepted" else set()
    return label._replace(flags=frozenset({f"mask_propagated:{made_by}"} | accepted))


def _whole(word: str) -> int:
    if not _WHOLE.fullmatch(word):
        raise ValueError(word[:30])
    return int(word)


def _bad_table(sidecar: Path, message: str) -> RegionError:
    return RegionError("REGION-LABEL-TABLE", message, where=sidecar.name)
