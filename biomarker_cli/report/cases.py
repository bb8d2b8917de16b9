"""What a report says of one case."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from biomarker_cli.acquisition.facts.registry import BURNED_IN
from biomarker_cli.acquisition.results import NOT_MET
from biomarker_cli.drawing.picture_svg import NoPictureError, PictureTile, read_picture
from biomarker_cli.imaging.errors import KeptFileError
from biomarker_cli.model.flags import FLAGS, split_flags
from biomarker_cli.report.acquisition import CaseRule
from biomarker_cli.report.choosing import shown_of_roi
from biomarker_cli.report.derived import DerivedPart, derived_parts
from biomarker_cli.report.identity import ReportIdentity
from biomarker_cli.report.run_reading import ReportedValue, Row, RunTables
from biomarker_cli.tables.errors import TableError
from biomarker_cli.tables.kept import KeptIndex, case_folder, read_index, read_kept


@dataclass(frozen=True)
class Roi:
    """A ROI of a case.

    Attributes
    ----------
    row : mapping
        Of ``rois.csv``.
    message : str
        Why it has no values, as it leaves.
    tiles : tuple of PictureTile
    no_picture : str
        Why it has none; empty where it has some.
    measured : sequence of ReportedValue
        Those that are shown.
    n_more : int
        Those that are not.
    """

    row: Row
    message: str
    tiles: tuple[PictureTile, ...]
    no_picture: str
    measured: Sequence[ReportedValue]
    n_more: int


@dataclass(frozen=True)
class CasePage:
    """What a report says of a case.

    Attributes
    ----------
    number : int
        From 1, in the order of ``cases.csv``.
    row : mapping
    message : str
        Why it failed, as it leaves.
    rois : sequence of Roi
    rules : sequence of CaseRule
    facts : sequence of (str, str, str, str)
        Name, value, unit, elements.
    derived : mapping
        Analysis -> parts of its derivation.
    flags : sequence of (str, str)
        Each with its meaning.
    usable : mapping
        ``yes``, ``caution``, ``no`` -> measurements.
    """

    number: int
    row: Row
    message: str
    rois: Sequence[Roi]
    rules: Sequence[CaseRule]
    facts: Sequence[tuple[str, str, str, str]]
    derived: Mapping[str, Sequence[DerivedPart]]
    flags: Sequence[tuple[str, str]]
    usable: Mapping[str, int]

    @property
    def anchor(self) -> str:
        """Name of the place on a page."""
        return f"case-{self.number}"

    @property
    def deviations(self) -> list[CaseRule]:
        """Rules of error or warning level that are not met."""
        return [rule for rule in self.rules if rule.outcome in NOT_MET]

    @property
    def is_burned_in(self) -> bool:
        """Whether the header of the image says that text is burned into its pixels."""
        told = any(fact == BURNED_IN and "YES" in value for fact, value, _, _ in self.facts)
        return told or any(flag == "burned_in_annotation" for flag, _ in self.flags)

    @property
    def standing(self) -> str:
        """Where it stands: ``failed``, ``deviating``, ``measured``, or its status."""
        status = self.row["status"]
        if status in {"measured", "partial"} and any(
            r.severity == "error" for r in self.deviations
        ):
            return "deviating"
        return status


@dataclass
class CaseReading:
    """Reads cases for a report.

    Attributes
    ----------
    tables : RunTables
    identity : ReportIdentity
    rules : mapping
        Case id -> its rules.
    listed : sequence of str
        Patterns of features that the study lists.
    """

    tables: RunTables
    identity: ReportIdentity
    rules: Mapping[str, Sequence[CaseRule]]
    listed: Sequence[str] = ()
    _flags: dict[str, str] = field(default_factory=dict)

    def page(self, number: int, row: Row) -> CasePage:
        """Return what is said of a case.

        Parameters
        ----------
        number : int
            From 1.
        row : mapping
            Of ``cases.csv``.
        """
        case_id, subject = row["case_id"], row["subject_id"]
        measured: dict[str, list[ReportedValue]] = {}
        usable = {"yes": 0, "caution": 0, "no": 0}
        flags: set[str] = set()
        for one in self.tables.measured(case_id):
            measured.setdefault(one.roi_id, []).append(one)
            usable[one.usable] = usable.get(one.usable, 0) + 1
            flags |= split_flags(one.flags)
        rois = self.tables.rois.get(case_id, ())
        flags.update(*(split_flags(roi["flags"]) for roi in rois))
        pictures = _Pictures(self.tables, row)
        facts = self.tables.facts.get(case_id, ())
        return CasePage(
            number,
            row,
            self.identity.message(row["error_message"], subject),
            [self._roi(roi, measured.get(roi["roi_id"], []), pictures, subject) for roi in rois],
            self.rules.get(case_id, ()),
            [
                (fact["fact"], value, fact["unit"], fact["tags"])
                for fact in facts
                if (value := self.identity.fact(fact, subject))
            ],
            {
                analysis: derived_parts(self.identity.plain(found, subject))
                for analysis, found in self.tables.derivations(case_id).items()
            },
            [(flag, FLAGS.get(flag.partition(":")[0], "")) for flag in sorted(flags)],
            usable,
        )

    def _roi(
        self, row: Row, measured: list[ReportedValue], pictures: _Pictures, subject: str
    ) -> Roi:
        shown, n_more = shown_of_roi(measured, self.listed)
        tiles, why = pictures.of(row["roi_id"])
        return Roi(
            row, self.identity.message(row["error_message"], subject), tiles, why, shown, n_more
        )


class _Pictures:
    """The pictures that a run kept of a case.

    Parameters
    ----------
    tables : RunTables
    row : mapping
        Of ``cases.csv``.
    """

    def __init__(self, tables: RunTables, row: Row) -> None:
        self._folder = case_folder(tables.folder, row["case_id"])
        self._why = ""
        self._index: KeptIndex | None = None
        try:
            index = read_index(self._folder)
            if index.result_key != row["result_key"]:
                self._why = "what is kept is of an earlier result"
            elif "pictures" not in index.kinds:
                self._why = "the run kept no pictures"
            else:
                self._index = index
        except TableError:
            self._why = "the run kept no pictures"
        except KeptFileError as error:
            self._why = f"{error.code}: {error.message}"

    def of(self, roi_id: str) -> tuple[tuple[PictureTile, ...], str]:
        """Return the tiles of a ROI, and why there are none."""
        if self._index is None:
            return (), self._why
        for file in self._index.of_kind("pictures"):
            if file.roi_id == roi_id:
                try:
                    return tuple(read_picture(read_kept(self._folder, file))), ""
                except (TableError, KeptFileError) as error:
                    return (), f"{error.code}: {error.message}"
                except NoPictureError:
                    return (), "KEPT-DAMAGED: the picture is none of ours"
        return (), "the run kept no picture of it"


def case_facts(page: CasePage) -> dict[str, Any]:
    """Return what filters and search of a page know of a case."""
    row = page.row
    words = [row["case_id"], row["manufacturer"], row["model"], row["error_code"], page.standing]
    words += [rule.rule_id for rule in page.deviations]
    words += [flag for flag, _ in page.flags]
    words += [roi.row["roi_id"] for roi in page.rois]
    return {
        "id": row["case_id"],
        "anchor": page.anchor,
        "standing": page.standing,
        "words": " ".join(words).casefold(),
    }
