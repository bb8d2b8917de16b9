"""What each reader drew, brought onto one grid; another grid is refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from biomarker_cli.imaging.files import is_image_file, read_image_file
from biomarker_cli.model.errors import InputNotFoundError
from biomarker_cli.model.quantity import UNITLESS
from biomarker_cli.multicentre.errors import AgreementError
from biomarker_cli.multicentre.readers import Drawn
from biomarker_cli.regions.importing import import_regions
from biomarker_cli.regions.label_images import stem
from biomarker_cli.regions.result import RoiResult
from biomarker_cli.regions.rules import RegionRules
from biomarker_cli.regions.target import ImageTarget

RULES = RegionRules(gaps="none", clipped="error", other_grid="forbid")
"""Gaps are the reader's own; a mask that would be moved or cut is refused."""

ONLY_ROI = "roi"
"""Name of the only ROI of every reader, where their names for it differ."""


def reader_names(given: Sequence[str]) -> dict[str, Path]:
    """Return the path of each reader: ``NAME=PATH``, or a path, whose name it is then.

    Raises
    ------
    AgreementError
        ``READER-REPEATED`` where two have one name, ``READERS-FEW`` for fewer than two.
    """
    found: dict[str, Path] = {}
    for text in given:
        name, equals, path = text.partition("=")
        if not equals or not name or "/" in name:
            name, path = stem(Path(text)), text
        if name in found or name == "majority":
            raise AgreementError(
                "READER-REPEATED",
                f"two readers, or a reader and the majority, have the name {name}",
                hint="Name them: alice=a/mask.nii.gz bob=b/mask.nii.gz",
            )
        found[name] = Path(path)
    if len(found) < 2:
        raise AgreementError("READERS-FEW", "agreement needs two readers, found one")
    return found


def grid_of(paths: Sequence[Path]) -> ImageTarget:
    """Return the grid of the first label image.

    Raises
    ------
    InputNotFoundError
        ``PATH-NOT-FOUND``.
    AgreementError
        ``READERS-NO-GRID`` where none is a label image.
    """
    for path in paths:
        if not path.exists():
            raise InputNotFoundError("PATH-NOT-FOUND", f"no such file: {path}")
    for path in paths:
        if is_image_file(path):
            return ImageTarget.from_volume(read_image_file(path, UNITLESS))
    raise AgreementError(
        "READERS-NO-GRID",
        "contours and DICOM segmentations are voxels of an image, and none is named",
        hint="Add --image PATH.",
    )


def read_readers(
    paths: Mapping[str, Path], target: ImageTarget, wanted: Sequence[str] = ()
) -> dict[str, dict[str, Drawn]]:
    """Return what each reader made of each ROI: by ROI, then by reader.

    Where no reader has more than one ROI, these are one, whatever their names.

    Parameters
    ----------
    paths : mapping
        Segmentation of each reader.
    target : ImageTarget
    wanted : sequence of str
        Only these ROIs; without any, all.

    Raises
    ------
    CaseError
        Where a file cannot be read.
    InputNotFoundError
        ``NOTHING-FOUND`` where no reader drew anything that was asked for.
    """
    results = {
        name: {one.roi_id: _drawn(one) for one in import_regions(path, target, RULES)}
        for name, path in paths.items()
    }
    # A label image speaks of every voxel: a label that it lacks was drawn nowhere.
    absent = {
        name: Drawn("empty" if is_image_file(path) else "missing") for name, path in paths.items()
    }
    return by_roi(results, absent, wanted)


def by_roi(
    drawn: Mapping[str, Mapping[str, Drawn]],
    absent: Mapping[str, Drawn],
    wanted: Sequence[str] = (),
) -> dict[str, dict[str, Drawn]]:
    """Return what each reader made of each ROI, sorted by ROI.

    Where no reader has more than one ROI, these are one, whatever their names.

    Parameters
    ----------
    drawn : mapping
        By reader, then by ROI.
    absent : mapping
        What a reader made of a ROI that is not there.
    wanted : sequence of str
        Only these ROIs; without any, all.

    Raises
    ------
    InputNotFoundError
        ``NOTHING-FOUND`` where no reader drew anything that was asked for.
    """
    names = {roi_id for found in drawn.values() for roi_id in found}
    if not wanted and len(names) > 1 and all(len(found) < 2 for found in drawn.values()):
        drawn = {
            name: dict(zip([ONLY_ROI], found.values(), strict=False))
            for name, found in drawn.items()
        }
        names = {ONLY_ROI}
    names &= set(wanted) or names
    if not names:
        raise InputNotFoundError(
            "NOTHING-FOUND",
            "no reader has such a ROI",
            hint="`biomarker regions FILE --list` shows what a file holds.",
        )
    return {
        roi_id: {name: drawn[name].get(roi_id, absent[name]) for name in drawn}
        for roi_id in sorted(names)
    }


def _drawn(result: RoiResult) -> Drawn:
    if result.status == "ok":
        return Drawn("ok", result.region)
    if result.status == "empty":
        return Drawn("empty")
    status = "failed" if result.status == "failed" else "missing"
    return Drawn(status, reason=f"{result.error_code} {result.error_message}")
