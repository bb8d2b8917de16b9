"""The audited override file: header values that a person answers for.

An override replaces the value of an element in every frame of the series it
names. The element is read from then on as if the scanner had written it, except
that plausibility bands are not asked about a value that somebody confirmed.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pydicom.datadict import dictionary_VM, dictionary_VR, tag_for_keyword
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

import biomarker_cli.dicom.headers  # noqa: F401 - sets pydicom up before a value is made
from biomarker_cli.dicom.frames import FrameHeader, Frames
from biomarker_cli.dicom.injection import RADIOPHARMACEUTICALS
from biomarker_cli.model.shifted_dates import KEYWORD as DATES_MODIFIED
from biomarker_cli.model.shifted_dates import SAID, are_shifted
from biomarker_cli.pet.derivation import Derivation
from biomarker_cli.pet.errors import OverrideError, SuvError
from biomarker_cli.pet.rules import Override
from biomarker_cli.protocol.document import Strict
from biomarker_cli.protocol.loading import load_model, shortened

FORMAT = "biomarker-overrides/1"

OF_THE_RADIOPHARMACEUTICAL = frozenset(
    {
        "RadionuclideTotalDose",
        "RadionuclideHalfLife",
        "RadiopharmaceuticalStartTime",
        "RadiopharmaceuticalStartDateTime",
    }
)
"""Elements that live in the item of the Radiopharmaceutical Information Sequence."""

ITEM_NUMBER = RADIOPHARMACEUTICALS
"""Overridden with a number from 1: the item that the image shows."""


class OverrideFile(Strict):
    """The whole file."""

    format: str
    overrides: tuple[Override, ...]


def load_overrides(path: Path) -> tuple[Override, ...]:
    """Read an override file.

    Raises
    ------
    OverrideError
        ``OVERRIDE-INVALID`` with the line and the key that is wrong.
    """
    read = load_model(path, OverrideFile, FORMAT, "OVERRIDE-INVALID", OverrideError)
    for override in read.overrides:
        _require_keyword(override, path.name)
    return read.overrides


def apply_overrides(
    frames: Frames, overrides: Iterable[Override], derivation: Derivation
) -> Frames:
    """Return the frames with the overridden values, and note each in the derivation.

    Parameters
    ----------
    frames : Frames
    overrides : iterable of Override
        Those of other series are left alone.
    derivation : Derivation

    Raises
    ------
    OverrideError
        ``OVERRIDE-INVALID``.
    SuvError
        ``SUV-DATES-SHIFTED`` for a date beside those that were moved.
    """
    header = frames.first
    series = str(header.get("SeriesInstanceUID", ""))
    study = str(header.get("StudyInstanceUID", ""))
    wanted = [
        o
        for o in overrides
        if (o.series_uid and o.series_uid == series) or (o.study_uid and o.study_uid == study)
    ]
    for override in wanted:
        _require_keyword(override, "override file")
        derivation.overrides.append(
            {
                "tag": override.tag,
                "found": _found(header, override.tag),
                "value": override.value,
                "reason": override.reason,
                "who": override.who,
            }
        )
        derivation.flags.add(f"suv_override:{override.tag}")
    require_calendar((o.tag for o in wanted if dictionary_VR(o.tag) in {"DA", "DT"}), header)
    if not wanted:
        return frames
    replaced: dict[int, Dataset] = {}
    for frame in frames:
        if id(frame.dataset) not in replaced:
            replaced[id(frame.dataset)] = _replace(frame.dataset, wanted)
    return Frames(FrameHeader(replaced[id(f.dataset)], f.frame, f.path) for f in frames)


def _require_keyword(override: Override, where: str) -> None:
    if tag_for_keyword(override.tag) is None:
        raise OverrideError(
            "OVERRIDE-INVALID",
            f"{shortened(override.tag, 40)!r} is no DICOM keyword",
            where=where,
            hint="Name the element by its keyword, such as PatientWeight.",
        )


def require_calendar(dated: Iterable[str], header: FrameHeader) -> None:
    """Refuse dates that somebody wrote down for a series whose own were moved.

    Parameters
    ----------
    dated : iterable of str
        What they are called; of none, nothing is refused.
    header : FrameHeader
        As the file has it, before any override.

    Raises
    ------
    SuvError
        ``SUV-DATES-SHIFTED``.
    """
    name = next(iter(dated), "")
    if name and are_shifted(str(header.get(DATES_MODIFIED, ""))):
        raise SuvError(
            "SUV-DATES-SHIFTED",
            f"not assessable: {name} is a date of somebody's record, and {SAID}",
            where=f"{DATES_MODIFIED} (0028,0303)",
            hint="Give the clock time alone (RadiopharmaceuticalStartTime), or correct the source.",
        )


def _found(header: FrameHeader, keyword: str) -> Any:
    if keyword == ITEM_NUMBER:
        return f"{len(header.get(keyword) or ())} items"
    if keyword in OF_THE_RADIOPHARMACEUTICAL:
        items = header.get(RADIOPHARMACEUTICALS) or ()
        return str(items[0].get(keyword, "")) if items else ""
    return str(header.get(keyword, ""))


def _replace(dataset: Dataset, overrides: list[Override]) -> Dataset:
    copy = _shallow(dataset)
    items = [_shallow(item) for item in dataset.get(RADIOPHARMACEUTICALS) or ()]
    for override in overrides:
        if override.tag == ITEM_NUMBER:
            items = [_chosen_item(items, override)]
    for override in overrides:
        if override.tag == ITEM_NUMBER:
            continue
        if override.tag in OF_THE_RADIOPHARMACEUTICAL:
            items = items or [Dataset()]
            for item in items:
                _set(item, override)
        else:
            _set(copy, override)
            for group in ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"):
                if group in copy:
                    items_of = copy[group].value
                    _put(copy, group, Sequence([_without(g, override) for g in items_of]))
    if items:
        _put(copy, RADIOPHARMACEUTICALS, Sequence(items))
    return copy


def _chosen_item(items: list[Dataset], override: Override) -> Dataset:
    number = override.value
    if not isinstance(number, float | int) or not 1 <= number <= len(items):
        raise SuvError(
            "SUV-RADIOPHARMACEUTICALS",
            f"the override names item {number!r} of {len(items)}",
            where=ITEM_NUMBER,
        )
    return items[int(number) - 1]


def _set(dataset: Dataset, override: Override) -> None:
    value: Any = override.value
    if isinstance(value, list) and str(dictionary_VM(override.tag)) == "1":
        raise OverrideError(
            "OVERRIDE-INVALID", f"{override.tag} takes one value", where=override.series_uid
        )
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    try:
        _put(dataset, override.tag, value)
    except (TypeError, ValueError):
        # Numbers of a text element (a time without quotes in the YAML file).
        _put(dataset, override.tag, str(value))


def _put(dataset: Dataset, keyword: str, value: Any) -> None:
    """Set an element anew: a shallow copy shares its elements with the original."""
    tag = tag_for_keyword(keyword)
    if tag is not None and tag in dataset:
        del dataset[tag]
    setattr(dataset, keyword, value)


def _shallow(dataset: Dataset) -> Dataset:
    copy = Dataset()
    copy.update(dict(dataset.items()))
    return copy


def _without(group: Dataset, override: Override) -> Dataset:
    """Return a functional group without the element, so that the top level counts."""
    copy = _shallow(group)
    for element in group:
        if element.VR == "SQ" and element.value and override.tag in element.value[0]:
            macro = _shallow(element.value[0])
            delattr(macro, override.tag)
            _put(copy, element.keyword, Sequence([macro]))
    return copy
