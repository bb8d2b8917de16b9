"""Plan what a case takes from other cases of its subject: a mask to carry, an image to compare.

A case that takes something has the files of the other among its inputs: it waits for no
other case, and is measured anew where they change.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from biomarker_cli.case.other_cases import CarryOrder, FrameOrder, OtherCase, SourceRules
from biomarker_cli.case.plan import CasePlan, ImagePlan
from biomarker_cli.imaging.files import is_image_file
from biomarker_cli.model.errors import BiomarkerError
from biomarker_cli.regions.importing import referred_to
from biomarker_cli.study.mask_sources import is_transform

if TYPE_CHECKING:
    from collections.abc import Mapping

    from biomarker_cli.acquisition.waivers import WaiverSet
    from biomarker_cli.case.other_cases import Acceptance
    from biomarker_cli.catalogue.candidate import VolumeCandidate
    from biomarker_cli.catalogue.catalogue import Catalogue
    from biomarker_cli.registration.rules import RegistrationProtocol
    from biomarker_cli.study.case_list import CaseEntry
    from biomarker_cli.study.named_files import NamedFiles
    from biomarker_cli.study.sources import RoleProtocols
    from biomarker_cli.study.study_file import Study

_GIVEN_ALONE = "none"
"""Protocol whose limits a transform is held against that is named without one."""

FRAME_PROTOCOLS = ("rigid-same-modality", "rigid-mr-ct")
"""How images of one frame of reference are aligned: of one modality, and of two."""

CatalogueOf = Callable[["CaseEntry"], "Catalogue"]


def protocol_named(entry: CaseEntry) -> str:
    """Return the registration protocol of a case, as its row calls it."""
    return next((one for one in entry.registration if not is_transform(one)), _GIVEN_ALONE)


def _transform_named(entry: CaseEntry) -> str:
    return next(filter(is_transform, entry.registration), "")


def image_plan(named: NamedFiles, entry: CaseEntry, catalogue: Catalogue, name: str) -> ImagePlan:
    """Return the image of a row of the list.

    Parameters
    ----------
    named : NamedFiles
    entry : CaseEntry
    catalogue : Catalogue
        Of its folders.
    name : str
        What the image is to the case that measures it.
    """
    found = (named.of(image) for image in entry.images)
    files = tuple(file.path for file in found if file.is_image)
    return ImagePlan(name, catalogue.candidates, files, entry.series_uid, entry.quantity)


class OtherCases:
    """The cases of a study, for one that takes something from another.

    Parameters
    ----------
    study : Study
    named : NamedFiles
        What its rows name.
    catalogue_of : callable
        Gives what lies in the folders of a row.
    protocols : mapping
        Those of each role.
    waivers : WaiverSet
        Of the study.
    """

    def __init__(
        self,
        study: Study,
        named: NamedFiles,
        catalogue_of: CatalogueOf,
        protocols: Mapping[str, RoleProtocols],
        waivers: WaiverSet,
    ) -> None:
        self._study = study
        self._named = named
        self._catalogue_of = catalogue_of
        self._protocols = protocols
        self._waivers = waivers
        today = datetime.now(UTC).date()
        self._acceptances = study.model.registrations.acceptances(today)

    @cached_property
    def _by_id(self) -> Mapping[str, CaseEntry]:
        return {entry.case_id: entry for entry in self._study.listed}

    def of(self, entry: CaseEntry) -> list[CaseEntry]:
        """Return the rows of the cases that one may take something from."""
        found = [self._by_id[entry.mask_from]] if entry.mask_from else []
        if self._study.model.same_frame_check and not entry.mask_from:
            found += self._of_visit(entry)
        return found

    @cached_property
    def _by_visit(self) -> Mapping[tuple[str, str, str], list[CaseEntry]]:
        """The rows of each visit that can be used, whatever their order in the list is."""
        found: dict[tuple[str, str, str], list[CaseEntry]] = {}
        for case_id in sorted(self._by_id):
            entry = self._by_id[case_id]
            if entry.refusal is None:
                found.setdefault(_visit(entry), []).append(entry)
        return found

    def _of_visit(self, entry: CaseEntry) -> list[CaseEntry]:
        """Return the other rows of a visit."""
        rows = self._by_visit.get(_visit(entry), [])
        return [other for other in rows if other.role != entry.role]

    def acceptance_of(self, entry: CaseEntry) -> Acceptance | None:
        """Return who takes the registration of a case today whatever its checks say."""
        return self._acceptances.get(entry.case_id) if entry.mask_from else None

    def files_named(self, entry: CaseEntry) -> list[tuple[str, str]]:
        """Return the paths that a case needs of others, each with whose it is."""
        if not entry.mask_from:
            return []
        source = self._by_id[entry.mask_from]
        named = [(name, source.case_id) for name in (*source.images, source.mask)]
        return [one for one in [*named, (_transform_named(entry), entry.case_id)] if one[0]]

    def added(self, plan: CasePlan, entry: CaseEntry) -> CasePlan:
        """Return the plan of a case with what it takes from others.

        Where the other case has no mask yet, this one has none: it waits as well.

        Parameters
        ----------
        plan : CasePlan
        entry : CaseEntry
        """
        protocols = self._protocols[entry.role].registrations
        if entry.mask_from:
            source = self._by_id[entry.mask_from]
            if not source.mask:
                return plan
            named = _transform_named(entry)
            other = self._other(source, self._study.root / source.mask)
            order = CarryOrder(
                other,
                protocols[protocol_named(entry)],
                self._study.root / named if named else None,
                self.acceptance_of(entry),
                self._rules(source.role, other),
            )
            return replace(plan, carried=order)
        if self._study.model.same_frame_check and plan.mask is not None:
            return replace(plan, frame_check=self._frame_order(plan, entry, protocols))
        return plan

    def _rules(self, role: str, source: OtherCase) -> SourceRules | None:
        """Return what the image of a case that lends its mask is checked against."""
        used = self._protocols[role]
        if used.acquisition is None:
            return None
        series = {volume.series_uid for volume in source.image.volumes}
        waivers = self._waivers.concerning(used.acquisition, series)
        return SourceRules(
            used.acquisition,
            waivers if waivers.waivers else None,
            any(analysis.room.EVERY_VOLUME for analysis in used.analyses),
        )

    def _other(self, entry: CaseEntry, mask: Path | None = None) -> OtherCase:
        image = image_plan(self._named, entry, self._catalogue_of(entry), entry.case_id)
        return OtherCase(entry.case_id, image, mask, entry.other_frame_of_reference)

    def _frame_order(
        self, plan: CasePlan, entry: CaseEntry, protocols: Mapping[str, RegistrationProtocol]
    ) -> FrameOrder | None:
        """Return the image that a case is held against.

        That which the mask was drawn on, where it is not the image of the case, else one of
        another modality: a contour that was copied may name the series it was copied to.
        """
        own = plan.primary.volumes
        drawn_on = _series_of_mask(plan)
        others = [self._other(one) for one in self._of_visit(entry)]
        others = [one for one in others if _claims_frame(own, one.image)]
        of_mask = [one for one in others if _series(one.image.volumes) & drawn_on]
        modalities = {one.modality for one in own}
        elsewhere = [one for one in others if not _modalities(one.image.volumes) & modalities]
        chosen = next(iter([*of_mask, *elsewhere]), None)
        if chosen is None:
            return None
        alike = bool(_modalities(chosen.image.volumes) & modalities)
        return FrameOrder(chosen, protocols[FRAME_PROTOCOLS[0 if alike else 1]])


def _visit(entry: CaseEntry) -> tuple[str, str, str]:
    return entry.site_id, entry.subject_id, entry.timepoint


def _series_of_mask(plan: CasePlan) -> frozenset[str]:
    """Return the series that the mask of a case was drawn on; none where it does not tell."""
    if plan.mask is None or is_image_file(plan.mask):
        return frozenset()
    try:
        return referred_to(plan.mask)[0]
    except BiomarkerError:
        return frozenset()  # its case says what is wrong with it
    except OSError:
        return frozenset()


def _claims_frame(own: tuple[VolumeCandidate, ...], other: ImagePlan) -> bool:
    """Tell whether two images are different series that name one frame of reference."""
    frames = {one.frame_of_reference_uid for one in own} - {""}
    shared = frames & {one.frame_of_reference_uid for one in other.volumes}
    return bool(shared) and not other.files and not _series(own) & _series(other.volumes)


def _series(volumes: tuple[VolumeCandidate, ...]) -> set[str]:
    return {one.series_uid for one in volumes}


def _modalities(volumes: tuple[VolumeCandidate, ...]) -> set[str]:
    return {one.modality for one in volumes}
