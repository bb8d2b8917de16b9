"""The protocols of a study: found, held against its lock, and their waivers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from biomarker_cli.acquisition.protocol import load_acquisition
from biomarker_cli.acquisition.waivers import WaiverSet, require_known_rules
from biomarker_cli.case.analysis import load_analysis
from biomarker_cli.protocol.errors import ProtocolError
from biomarker_cli.protocol.locator import ProtocolKind
from biomarker_cli.protocol.lock import require_locked
from biomarker_cli.registration.rules import RegistrationProtocol, load_registration
from biomarker_cli.study.errors import StudyError
from biomarker_cli.study.other_planning import FRAME_PROTOCOLS, protocol_named
from biomarker_cli.study.sources import RoleProtocols
from biomarker_cli.study.study_file import Study
from biomarker_cli.study.usable_policy import require_known_arguments


def resolve_protocols(study: Study) -> dict[str, RoleProtocols]:
    """Return the protocols of each role of a study.

    Raises
    ------
    ProtocolError
        Where a protocol is absent or invalid, or is not what the study's lock holds.
    StudyError
        ``STUDY-REGION-RULES`` where the analyses of a role disagree on how
        segmentations become voxels; ``STUDY-PROTOCOL-CLASH`` where two protocols
        share id and version; ``USABLE-POLICY`` where the policy names a rule that none
        of them has.
    """
    found = {name: _resolve(name, study) for name in study.model.roles}
    _require_one_content(list(found.values()))
    _require_locked(study, found.values())
    used = [one.acquisition for one in found.values() if one.acquisition is not None]
    require_known_arguments(study.policy, used)
    return found


def resolve_waivers(study: Study, protocols: Mapping[str, RoleProtocols]) -> WaiverSet:
    """Return the waivers of a study as they hold today.

    Raises
    ------
    ProtocolError
        ``WAIVER-RULE`` where a waiver names a rule that its protocol does not have.
    """
    used = [p.acquisition for p in protocols.values() if p.acquisition is not None]
    require_known_rules(study.waivers, used)
    return WaiverSet(study.waivers, datetime.now(UTC).date())


def _resolve(name: str, study: Study) -> RoleProtocols:
    try:
        return _load_protocols(name, study)
    except ProtocolError as error:
        # An id has no file to name: the role of the study that asks for it is the place.
        where = error.where or f"study {study.model.id}, role {name}"
        raise ProtocolError(error.code, error.message, where=where, hint=error.hint) from error


def _load_protocols(name: str, study: Study) -> RoleProtocols:
    role = study.model.roles[name]
    analyses = tuple(load_analysis(_beside(study.root, wanted)) for wanted in role.analyses)
    rules = {analysis.protocol.regions for analysis in analyses}
    if len(rules) > 1:
        raise StudyError(
            "STUDY-REGION-RULES",
            f"the analyses of the role {name!r} differ in their regions section",
            hint="Give each its own role: a region of a case has one definition.",
        )
    wanted = role.acquisition
    acquisition = load_acquisition(_beside(study.root, wanted)) if wanted else None
    return RoleProtocols(acquisition, analyses, _load_registrations(name, study))


def _load_registrations(role: str, study: Study) -> dict[str, RegistrationProtocol]:
    """Return the registration protocols of the cases of a role, by the names they have there."""
    wanted = {}
    for entry in study.listed:
        if entry.role == role and entry.mask_from:
            wanted[protocol_named(entry)] = f"{study.model.cases}:{entry.line}"
    if study.model.same_frame_check:
        wanted |= dict.fromkeys(FRAME_PROTOCOLS, "same_frame_check")
    found = {}
    for name, where in sorted(wanted.items()):
        try:
            found[name] = load_registration(_beside(study.root, name))
        except ProtocolError as error:
            raise ProtocolError(
                error.code, error.message, where=error.where or where, hint=error.hint
            ) from error
    return found


def _require_one_content(protocols: Sequence[RoleProtocols]) -> None:
    """Refuse two protocols of one name: their numbers would stand under one id."""
    seen: dict[tuple[str, str], str] = {}
    for used in protocols:
        for document in used.documents:
            key = document.header.format, document.ident
            if seen.setdefault(key, document.sha256) != document.sha256:
                raise StudyError(
                    "STUDY-PROTOCOL-CLASH",
                    f"the study names two protocols {document.ident} that differ in content",
                    hint="Give the changed one a version or an id of its own.",
                )


def _require_locked(study: Study, protocols: Iterable[RoleProtocols]) -> None:
    if not study.model.lock:
        return
    path = study.root / study.model.lock
    for used in protocols:
        if used.acquisition is not None:
            require_locked(path, ProtocolKind.ACQUISITION, used.acquisition.document)
        for analysis in used.analyses:
            require_locked(path, ProtocolKind.ANALYSIS, analysis.document)
        for registration in used.registrations.values():
            require_locked(path, ProtocolKind.REGISTRATION, registration.document)


def _beside(root: Path, wanted: str) -> str:
    """Return a protocol as it is located: a file is named relative to the study root."""
    return str(root / wanted) if wanted.endswith((".yaml", ".yml")) else wanted
