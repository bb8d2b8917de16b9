"""CaseSource: where a run has its cases from, one at a time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from biomarker_cli.acquisition.protocol import AcquisitionProtocol
    from biomarker_cli.case.analysis import Analysis
    from biomarker_cli.case.plan import CasePlan
    from biomarker_cli.catalogue.index import FileIndex
    from biomarker_cli.protocol.document import ProtocolDocument
    from biomarker_cli.registration.rules import RegistrationProtocol
    from biomarker_cli.study.planned import PlannedCase


class Mark(NamedTuple):
    """What the survey of a case is made of.

    Attributes
    ----------
    digest : str
        Empty where it is not known.
    paths : frozenset of str
        Files that are in it.
    """

    digest: str
    paths: frozenset[str]


NO_MARK = Mark("", frozenset())


@dataclass(frozen=True)
class RoleProtocols:
    """What the images of a role are held against, and how they are measured.

    Attributes
    ----------
    acquisition : AcquisitionProtocol or None
    analyses : tuple of Analysis
    registrations : mapping
        How masks of other cases come to the images of the role, by what the study calls it.
    """

    acquisition: AcquisitionProtocol | None
    analyses: tuple[Analysis, ...]
    registrations: Mapping[str, RegistrationProtocol] = field(default_factory=dict)

    @property
    def documents(self) -> tuple[ProtocolDocument, ...]:
        """The protocols as files: of the analyses, the acquisition, and registrations."""
        acquisition = (self.acquisition.document,) if self.acquisition is not None else ()
        registrations = (one.document for one in self.registrations.values())
        return (*(analysis.document for analysis in self.analyses), *acquisition, *registrations)


class CaseSource(Protocol):
    """The cases of a run, in their order; a place counts from 0.

    Attributes
    ----------
    index : FileIndex or None
        Learns what was read of the files.
    overrides : tuple of str
        Header values that a person answers for; each must be of a case.
    """

    @property
    def index(self) -> FileIndex | None:
        """What is known of files."""

    @property
    def overrides(self) -> tuple[str, ...]:
        """Header values that a person answers for."""

    def __len__(self) -> int:
        """Return how many cases there are."""

    def case_ids(self) -> Iterable[str]:
        """Yield the ids of the cases."""

    def mark(self, place: int) -> Mark:
        """Return a digest of all that the survey of a case is made of."""

    def planned(self, place: int) -> PlannedCase:
        """Return the plan of a case, with what is known of its files."""

    def is_lasting(self, place: int) -> bool:
        """Tell whether planning a case again, while no file changes, gives the same."""

    def mask_patients(self, plan: CasePlan) -> set[str]:
        """Return the digests of the PatientIDs that the segmentation of a case names."""

    def keep(self, place: int, case: PlannedCase) -> None:
        """Keep a plan until it is asked for again, as far as there is room."""

    def end_of_survey(self) -> None:
        """Let go of what no plan holds."""
