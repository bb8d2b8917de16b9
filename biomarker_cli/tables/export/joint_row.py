"""One row of the joint table, as the cases of its visit speak."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from biomarker_cli.model.flags import split_flags
from biomarker_cli.model.usability import USABLE_WORDS, worst
from biomarker_cli.model.wording import quoted
from biomarker_cli.tables.cells import is_finite_number
from biomarker_cli.tables.export.joint_cases import JointCase
from biomarker_cli.tables.export.joint_layout import JointColumn, JointLayout, quantity_of

ABSENT = (
    "site_id",
    "subject_id",
    "timepoint",
    "roi_id",
    "column",
    "case_id",
    "reason",
    "flags",
)
"""Columns of the file that says why cells are empty."""

_ENDED_WITHOUT = frozenset({"failed", "excluded", "waiting"})


@dataclass
class JointRow:
    """A visit and a ROI, as it is read.

    Attributes
    ----------
    roi_id : str
        Empty for a visit that has no ROI at all.
    cases : sequence of JointCase
        Of the visit.
    layout : JointLayout
    filled : frozenset of str
        Words of `usable` whose values are filled in.
    values : list of str
        Cells of the features.
    speakers : dict
        Place -> the cases that have spoken of it.
    reasons : dict
        Place -> why its cell is empty, and the flags of the measurement.
    usable, flags : dict
        Quantity -> words, and joined flags, of its measurements.
    """

    roi_id: str
    cases: Sequence[JointCase]
    layout: JointLayout
    filled: frozenset[str]
    values: list[str]
    speakers: dict[int, list[str]] = field(default_factory=dict)
    reasons: dict[int, tuple[str, str]] = field(default_factory=dict)
    usable: dict[str, set[str]] = field(default_factory=dict)
    flags: dict[str, set[str]] = field(default_factory=dict)

    @classmethod
    def of(
        cls, roi_id: str, cases: Sequence[JointCase], layout: JointLayout, filled: frozenset[str]
    ) -> JointRow:
        """Return a row that nobody has spoken of."""
        return cls(roi_id, cases, layout, filled, [""] * len(layout.columns))

    @property
    def n_values(self) -> int:
        """Cells that are filled."""
        return sum(map(bool, self.values))

    @property
    def n_ambiguous(self) -> int:
        """Cells that two cases speak of."""
        return sum(len(cases) > 1 for cases in self.speakers.values())

    def take(self, case: JointCase, cells: Sequence[str]) -> str:
        """Take a row of measurements.csv; return what is wrong with it, empty for nothing."""
        _, _, analysis, feature, value, unit, status, flags, usable = cells
        column = JointColumn(quantity_of(feature, case.modality), analysis, feature, unit)
        if status == "ok":
            place = self.layout.places.get(column)
        else:
            place = self.layout.first_unit.get(column.without_unit)
        speakers = [] if place is None else self.speakers.setdefault(place, [])
        if place is None or case.case_id in speakers:
            return f"{quoted(feature)} in {quoted(unit)} has no place of its own"
        if status == "ok" and (usable not in USABLE_WORDS or not is_finite_number(value)):
            return f"a value {quoted(value)} that is {quoted(usable)}"
        speakers.append(case.case_id)
        self.flags.setdefault(column.quantity, set()).add(flags)
        if status == "ok":
            self.usable.setdefault(column.quantity, set()).add(usable)
        if len(speakers) > 1:
            # Neither is taken: which one is meant, nobody said.
            self.values[place] = ""
            self.reasons[place] = ("ambiguous", "")
        elif status != "ok":
            self.reasons[place] = (status, flags)
        elif usable not in self.filled:
            self.reasons[place] = (f"usable_{usable}", flags)
        else:
            self.values[place] = value
        return ""

    def cells(self) -> list[str]:
        """Return the cells of the row."""
        head = [*self._visit, self.roi_id]
        for quantity in self.layout.quantities:
            flags = frozenset[str]().union(*map(split_flags, self.flags.get(quantity, ())))
            usable = worst(self.usable[quantity]) if quantity in self.usable else "no"
            cases, status = self._status(quantity)
            head += [";".join(cases), status, usable, ";".join(sorted(flags))]
        return [*head, *self.values]

    def absent(self) -> Iterator[list[str]]:
        """Yield a row for each cell that is empty, or for a quantity that nobody speaks of."""
        key = [*self._visit, self.roi_id]
        for quantity in self.layout.quantities:
            places = self.layout.of_quantity[quantity]
            if not any(place in self.speakers for place in places):
                cases, status = self._status(quantity)
                yield [*key, quantity, ";".join(cases), status, ""]
                continue
            for place in places:
                if not self.values[place]:
                    reason, flags = self.reasons.get(place, ("not_measured", ""))
                    cases = self.speakers.get(place, [])
                    yield [*key, self.layout.names[place], ";".join(cases), reason, flags]

    @property
    def _visit(self) -> list[str]:
        return self.cases[0].case_id.split("/")[:3]

    def _status(self, quantity: str) -> tuple[list[str], str]:
        """Return the cases that speak of a quantity, or should, and how it stands."""
        places = self.layout.of_quantity[quantity]
        cases = sorted({case for place in places for case in self.speakers.get(place, ())})
        if not cases:
            silent = [c for c in self.cases if c.role in self.layout.roles[quantity]]
            words = {self._silence(case) for case in silent}
            return [case.case_id for case in silent], ";".join(sorted(words)) or "no_case"
        n_filled = sum(bool(self.values[place]) for place in places)
        if any(len(self.speakers.get(place, ())) > 1 for place in places):
            return cases, "ambiguous"
        if n_filled == len(places):
            return cases, "ok"
        return cases, "partial" if n_filled else "no_value"

    def _silence(self, case: JointCase) -> str:
        """Return why a case says nothing of the ROI."""
        if case.status in _ENDED_WITHOUT:
            return f"case_{case.status}"
        region = case.rois.get(self.roi_id)
        if region is None:
            return "no_region"
        return "not_measured" if region == "ok" else f"region_{region}"
