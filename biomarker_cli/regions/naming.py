"""Which ROI of a file is the one that a study means.

The key within a file is the number (ROINumber, SegmentNumber, label value);
names repeat. A name that fits two ROIs is an error unless the study's map says
which, and a name that fits none is a row that lists what is there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from biomarker_cli.regions.entries import RoiEntry, shortened
from biomarker_cli.regions.errors import RegionError
from biomarker_cli.regions.rules import RoiName, RoiNames

_LISTED = 20
"""ROIs that a message lists at most."""


@dataclass(frozen=True)
class Selection:
    """One row to make: a ROI of the file, or why there is none.

    Attributes
    ----------
    roi_id, roi_name : str
    entry : RoiEntry or None
    problem : RegionError or None
    """

    roi_id: str
    roi_name: str
    entry: RoiEntry | None = None
    problem: RegionError | None = None


def select(
    entries: Sequence[RoiEntry], names: RoiNames | None, wanted: Iterable[str]
) -> list[Selection]:
    """Choose ROIs by the names a study or an analysis gives them.

    Parameters
    ----------
    entries : sequence of RoiEntry
        What the file holds.
    names : RoiNames or None
        Map from canonical names to names of sites.
    wanted : iterable of str
        Canonical names, labels or ids; each gets exactly one row. Without any,
        every ROI of the file gets one.
    """
    requested = list(dict.fromkeys(wanted))
    if not requested:
        return _select_all(entries, names)
    by_id = dict(_ids(entries))
    return [_select_one(entries, by_id, names, name) for name in requested]


def _select_one(
    entries: Sequence[RoiEntry],
    by_id: Mapping[str, RoiEntry],
    names: RoiNames | None,
    wanted: str,
) -> Selection:
    if names is not None and wanted in names:
        found = matching(entries, names[wanted])
    else:
        exact = [by_id[wanted]] if wanted in by_id else []
        found = exact or [entry for entry in entries if entry.label == wanted]
    if len(found) == 1:
        return Selection(wanted, wanted, found[0])
    problem = _ambiguous(wanted, found) if found else _not_found(wanted, entries)
    return Selection(wanted, wanted, problem=problem)


def _select_all(entries: Sequence[RoiEntry], names: RoiNames | None) -> list[Selection]:
    """Return a row for each ROI, by its canonical name where the map has one."""
    chosen: dict[int, str] = {}
    rows: list[Selection] = []
    for canonical in names or ():
        found = matching(entries, names[canonical]) if names else []
        if len(found) > 1:
            rows.append(Selection(canonical, canonical, problem=_ambiguous(canonical, found)))
        elif found:
            chosen.setdefault(entries.index(found[0]), canonical)
    taken = {*chosen.values(), *(row.roi_id for row in rows)}
    for index, (roi_id, entry) in enumerate(_ids(entries)):
        if index in chosen:
            rows.append(Selection(chosen[index], chosen[index], entry))
        else:
            unique = entry.key if roi_id in taken else roi_id
            if unique != roi_id and unique in taken:
                unique = f"{unique}#{index + 1}"
            taken.add(unique)
            rows.append(Selection(unique, entry.label, entry))
    return rows


def _ids(entries: Sequence[RoiEntry]) -> list[tuple[str, RoiEntry]]:
    """Pair each ROI with an id: its label, with the number where that repeats."""
    count = Counter(entry.label for entry in entries)
    taken: set[str] = set()
    pairs = []
    for position, entry in enumerate(entries, start=1):
        alone = entry.label and count[entry.label] == 1
        roi_id = entry.label if alone else entry.key
        if roi_id in taken:
            roi_id = f"{roi_id}#{position}"
        taken.add(roi_id)
        pairs.append((roi_id, entry))
    return pairs


def matching(entries: Iterable[RoiEntry], name: RoiName) -> list[RoiEntry]:
    """Return the ROIs that a map entry may mean; exact names go before patterns."""
    candidates = [e for e in entries if not name.labels or e.number in name.labels]
    if not (name.names or name.patterns or name.codes):
        return candidates
    exact = [e for e in candidates if e.label in name.names]
    if exact:
        return exact
    return [
        e
        for e in candidates
        if e.is_described
        and (
            e.code in name.codes
            or any(fnmatchcase(e.label.casefold(), p.casefold()) for p in name.patterns)
        )
    ]


def _ambiguous(wanted: str, found: Sequence[RoiEntry]) -> RegionError:
    return RegionError(
        "REGION-AMBIGUOUS",
        f"expected one ROI for {shortened(wanted)!r}, found {_listed(found)}",
        hint="Say which by its number: 'labels' in the map of ROI names.",
    )


def _not_found(wanted: str, entries: Sequence[RoiEntry]) -> RegionError:
    return RegionError(
        "REGION-NOT-FOUND",
        f"no ROI for {shortened(wanted)!r}; the file has {_listed(entries)}",
        hint="Add the site's name to the map of ROI names, or correct the request.",
    )


def _listed(entries: Sequence[RoiEntry]) -> str:
    shown = ", ".join(map(str, entries[:_LISTED])) or "no ROI"
    return f"{shown} and {len(entries) - _LISTED} more" if len(entries) > _LISTED else shown
