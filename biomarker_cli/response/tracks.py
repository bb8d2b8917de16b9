"""Lesions as they are followed over visits, and the rows that propose what became of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from biomarker_cli.imaging.geometry import Geometry
from biomarker_cli.response.ledger import OPEN
from biomarker_cli.response.matching import LesionMatch, Placed, match_lesions
from biomarker_cli.response.placing_lesions import PlacedVisit, points_of

Row = dict[str, Any]

_DECIDED = frozenset({"match", "new"})
_LEFT_OPEN = frozenset({"tie", "conflict", "outside_field_of_view", "vanished"})


@dataclass
class Tracks:
    """The lesions of a subject that are known so far, in the space of the baseline.

    A lesion is compared as it was where it was first seen.

    Attributes
    ----------
    target : Geometry
        Of the baseline.
    lesions : dict
        lesion_id -> its mask.
    uids : dict
        Tracking UID -> lesion_id.
    whole_of : dict
        Part -> the lesion that fell apart.
    """

    target: Geometry
    lesions: dict[str, Placed] = field(default_factory=dict)
    uids: dict[str, str] = field(default_factory=dict)
    whole_of: dict[str, str] = field(default_factory=dict)
    _given: set[str] = field(default_factory=set)
    _found_with_parts: set[str] = field(default_factory=set)

    def add(self, lesion_id: str, placed: Placed, uid: str) -> None:
        """Take a lesion that was not known before."""
        self.lesions[lesion_id] = replace(placed, name=lesion_id)
        if uid:
            self.uids.setdefault(uid, lesion_id)

    def free_name(self, roi_id: str, timepoint: str) -> str:
        """Return a name for a ROI that is none of the known lesions, and never given again."""
        name, n = roi_id, 1
        while name in self.lesions or name in self._given:
            name = f"{roi_id}.{timepoint}" if n == 1 else f"{roi_id}.{timepoint}.{n}"
            n += 1
        self._given.add(name)
        return name

    def fall_apart(self, part: str, whole: str, *, is_found: bool) -> None:
        """Take a part of a lesion; `is_found` where the lesion has a ROI beside it."""
        self.whole_of[part] = whole
        if is_found:
            self._found_with_parts.add(whole)

    def followed(self) -> list[Placed]:
        """Return the lesions that a visit may show: in their parts where they fell apart."""
        apart = set(self.whole_of.values()) - self._found_with_parts
        return [one for name, one in self.lesions.items() if name not in apart]


@dataclass(frozen=True, eq=False)
class VisitProposal:
    """What is proposed of a visit.

    Attributes
    ----------
    ledger : list of dict
        Rows of the ledger, without what they have in common.
    matches : list of dict
        Rows of ``matches.csv``, likewise.
    """

    ledger: list[Row]
    matches: list[Row]


def propose_visit(
    tracks: Tracks, visit: PlacedVisit, timepoint: str, uids: Mapping[str, str]
) -> VisitProposal:
    """Return what is proposed of a visit; its new lesions are known from then on.

    Parameters
    ----------
    tracks : Tracks
    visit : PlacedVisit
    timepoint : str
    uids : mapping
        ROI -> tracking UID, of ROIs that have one.
    """
    found = match_lesions(tracks.followed(), visit.rois)
    kinds = {id(one): _kind(one, tracks, visit, uids) for one in found}
    placed = {one.name: one for one in visit.rois}
    ledger: list[Row] = []
    for roi in sorted(placed):
        of_roi = [one for one in found if one.roi == roi]
        ledger.append(_roi_row(roi, of_roi, kinds, tracks, timepoint, found))
    ledger += list(_lesion_rows(found, kinds))
    matches = [_match_row(one, kinds[id(one)], tracks, uids) for one in found]
    for row in ledger:
        lesion = row["lesion_id"]
        if row.get("roi_id") and not lesion.startswith(OPEN):
            if lesion not in tracks.lesions:
                tracks.add(lesion, placed[row["roi_id"]], "")
            uid = uids.get(row["roi_id"])
            if uid:
                tracks.uids.setdefault(uid, lesion)
    return VisitProposal(ledger, matches)


def _kind(one: LesionMatch, tracks: Tracks, visit: PlacedVisit, uids: Mapping[str, str]) -> str:
    known = tracks.uids.get(uids.get(one.roi, ""), "")
    if one.kind in _DECIDED and known and known != one.lesion:
        return "conflict"
    if one.kind == "gone":
        lesion = tracks.lesions[one.lesion]
        seen = visit.shows(points_of(lesion, tracks.target))
        return "vanished" if seen else "outside_field_of_view"
    if one.kind == "new" and one.roi in visit.unseen:
        return "outside_field_of_view"
    return one.kind


def _roi_row(
    roi: str,
    of_roi: Sequence[LesionMatch],
    kinds: Mapping[int, str],
    tracks: Tracks,
    timepoint: str,
    found: Sequence[LesionMatch],
) -> Row:
    decided = [one for one in of_roi if kinds[id(one)] == "match"]
    if decided:
        (one,) = decided
        row: Row = {"lesion_id": one.lesion, "state": "measured", "roi_id": roi}
        if one.lesion in tracks.whole_of:
            row |= {"state": "split_from", "into": tracks.whole_of[one.lesion]}
        return row | {"basis": f"proposed: {_figures(one)}"}
    if [kinds[id(one)] for one in of_roi] == ["new"]:
        return {
            "lesion_id": tracks.free_name(roi, timepoint),
            "state": "measured",
            "roi_id": roi,
            "basis": "proposed: no lesion known before lies here: new, or not drawn before",
        }
    if [one.kind for one in of_roi] == ["split"]:
        (one,) = of_roi
        whole = tracks.whole_of.get(one.lesion, one.lesion)
        name = tracks.free_name(roi, timepoint)
        tracks.fall_apart(name, whole, is_found=_is_found(one.lesion, found, kinds))
        return {
            "lesion_id": name,
            "state": "split_from",
            "into": whole,
            "roi_id": roi,
            "basis": f"proposed: part of {one.lesion}, {_figures(one)}",
        }
    said = "; ".join(f"{kinds[id(one)]} {one.lesion} {_figures(one)}".rstrip() for one in of_roi)
    basis = f"proposed: nothing, a person decides: {said}"
    return {"lesion_id": f"{OPEN}{roi}", "roi_id": roi, "basis": basis}


def _is_found(lesion: str, found: Sequence[LesionMatch], kinds: Mapping[int, str]) -> bool:
    return any(one.lesion == lesion and kinds[id(one)] == "match" for one in found)


def _lesion_rows(found: Sequence[LesionMatch], kinds: Mapping[int, str]) -> Iterator[Row]:
    """Yield a row for each lesion that has no ROI of its own."""
    for one in found:
        kind = kinds[id(one)]
        if one.kind == "gone":
            why = "the visit does not show its place"
            if kind == "vanished":
                why = "no ROI of the visit lies here: absent, too small, or not drawn"
            yield {"lesion_id": one.lesion, "basis": f"proposed: nothing, {why}"}
    for lesion in sorted({one.lesion for one in found if one.kind == "merge"}):
        masses = [one for one in found if one.lesion == lesion]
        into = [
            other.lesion
            for other in found
            if other.roi == masses[0].roi and kinds[id(other)] == "match"
        ]
        row = {"lesion_id": lesion, "basis": f"proposed: part of a mass, {_figures(masses[0])}"}
        if len(masses) == 1 and into:
            row |= {"state": "merged_into", "into": into[0]}
        yield row


def _figures(one: LesionMatch) -> str:
    if one.figures is None:
        return ""
    return f"Dice {one.figures.dice:.2f}, {one.figures.distance_mm:.1f} mm"


def _match_row(one: LesionMatch, kind: str, tracks: Tracks, uids: Mapping[str, str]) -> Row:
    row: Row = {
        "lesion_id": one.lesion,
        "roi_id": one.roi,
        "kind": kind,
        "status": "open" if kind in _LEFT_OPEN else "proposed",
        "note": "; ".join(_notes(one, kind, tracks, uids)),
    }
    if one.figures is not None:
        row |= {
            "dice": one.figures.dice,
            "distance_mm": one.figures.distance_mm,
            "lesion_in_roi": one.figures.lesion_in_roi,
            "roi_in_lesion": one.figures.roi_in_lesion,
            "cost": one.figures.cost,
        }
    return row


def _notes(one: LesionMatch, kind: str, tracks: Tracks, uids: Mapping[str, str]) -> Iterator[str]:
    known = tracks.uids.get(uids.get(one.roi, ""), "")
    if known:
        yield f"tracking UID of {known}" if kind == "conflict" else "tracking UID agrees"
    if one.roi in tracks.lesions and one.lesion and one.roi != one.lesion:
        yield f"its name is that of {one.roi}"
