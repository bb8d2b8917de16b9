"""What a study says of registrations: which it takes although a check did not pass.

An acceptance speaks of one case, and holds up to and including its day of expiry, as
waivers do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator, Field, field_validator

from biomarker_cli.case.other_cases import Acceptance
from biomarker_cli.protocol.document import Strict
from biomarker_cli.protocol.yaml_nodes import CONTROL
from biomarker_cli.study.errors import StudyError

if TYPE_CHECKING:
    from biomarker_cli.study.case_list import CaseEntry


def _require_one_line(text: str) -> str:
    if not text.strip() or CONTROL.search(text) or len(text.splitlines()) != 1:
        raise ValueError("expected words on one line")
    return text.strip()


Said = Annotated[str, Field(max_length=500), AfterValidator(_require_one_line)]
"""What a person says; it stands in a cell of a table."""


class AcceptedRegistration(Strict):
    """One registration that a person takes.

    `case` is the case whose mask is carried; `approver` is a function or a pseudonym, not a
    person's name; `registration_id` is the one that was looked at, empty for any.
    """

    case: str = Field(min_length=1)
    reason: Said
    approver: Said
    expires: str
    registration_id: str = ""

    @field_validator("expires")
    @classmethod
    def _is_date(cls, value: str) -> str:
        return date.fromisoformat(value).isoformat()


class RegistrationTerms(Strict):
    """Section `registrations` of ``study.yaml``."""

    accept: tuple[AcceptedRegistration, ...] = ()

    def acceptances(self, today: date) -> Mapping[str, Acceptance]:
        """Return what holds on a day, by case id."""
        return {
            one.case: Acceptance(one.reason, one.approver, one.registration_id)
            for one in self.accept
            if date.fromisoformat(one.expires) >= today
        }


def require_known_cases(terms: RegistrationTerms, entries: Sequence[CaseEntry]) -> None:
    """Refuse an acceptance that would be silent: of no case, or of one that carries no mask.

    Raises
    ------
    StudyError
        ``STUDY-REGISTRATIONS``.
    """
    # A row that is refused fails by itself, whatever is accepted of it.
    carrying = {e.case_id: bool(e.mask_from) or e.refusal is not None for e in entries}
    named = [one.case for one in terms.accept]
    unknown = sorted({name for name in named if name not in carrying})
    own = sorted({name for name in named if name in carrying and not carrying[name]})
    twice = sorted({name for name in named if named.count(name) > 1})
    for names, what in (
        (unknown, "cases that the study has not"),
        (own, "cases that have no mask_from"),
        (twice, "cases more than once"),
    ):
        if names:
            raise StudyError(
                "STUDY-REGISTRATIONS",
                f"registrations: accept names {what}: {', '.join(names[:5])}",
                hint="Correct its case ids, site/subject/timepoint/role.",
            )
