"""PlannedCase: a case that is ready to be run, or the reason why it is not."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from biomarker_cli.case.inputs import image_paths, mask_paths, paths_of_image
from biomarker_cli.catalogue.files import PASSING_CODES
from biomarker_cli.model.errors import BiomarkerError, CaseError
from biomarker_cli.model.inputs import (
    CHANGED,
    FileSignature,
    InputFiles,
    KnownFile,
    changed,
)
from biomarker_cli.study.errors import StudyError

if TYPE_CHECKING:
    from biomarker_cli.case.other_cases import OtherCase
    from biomarker_cli.case.plan import CasePlan
    from biomarker_cli.catalogue.candidate import VolumeCandidate
    from biomarker_cli.catalogue.index import FileIndex
    from biomarker_cli.pet.rules import Override

UNUSABLE_FLAG = "files_unusable"

UNUSABLE_CODES = frozenset({"FILE-BROKEN-LINK", "FILE-EMPTY", "FILE-INTERNAL", "FILE-TRUNCATED"})
"""What may have been a slice; notes and pictures in a folder are no such thing."""


@dataclass(frozen=True)
class PlannedCase:
    """A case, or the reason why it cannot be run.

    Attributes
    ----------
    plan : CasePlan
    refusal : BiomarkerError or None
        Why the case is refused before it is measured.
    flags : frozenset of str
        All rows carry them, the stored result does not.
    log : str
        Traceback of an unexpected error.
    """

    plan: CasePlan
    refusal: BiomarkerError | None = None
    flags: frozenset[str] = frozenset()
    log: str = ""


def with_inputs(plan: CasePlan, signatures: dict[Path, FileSignature]) -> PlannedCase:
    """Return a case that knows its files and which they are now, or why they cannot be had.

    Parameters
    ----------
    plan : CasePlan
    signatures : dict
        Those that are known are taken as they are, others are looked up.
    """
    try:
        _require_all_seen(plan)
        # Looked up before a header says where its voxels are: another one says another place.
        named = [file for image in plan.images for file in image.files]
        named += filter(None, [plan.mask])
        for other in plan.others:
            named += [*other.image.files, *filter(None, [other.mask])]
        signatures = _looked_up(named, signatures)
        own = dict.fromkeys([*image_paths(plan), *mask_paths(plan.mask)])
        if plan.others:
            plan = _with_paths_of_others(plan)
        paths = tuple(dict.fromkeys([*own, *_paths_of_others(plan)]))
        signatures = _looked_up(paths, signatures)
        known = {path: KnownFile(signatures[path]) for path in paths}
    except CaseError as error:
        # A pipe, voxels outside the folder of their header, a header that cannot be read.
        return PlannedCase(plan, error)
    except OSError as error:
        return PlannedCase(plan, unreadable(error))
    plan = replace(
        plan,
        input_paths=paths,
        n_of_others=len(paths) - len(own),
        inputs=InputFiles(known),
        flags=plan.flags | ({UNUSABLE_FLAG} if _has_unusable(plan) else frozenset()),
    )
    return PlannedCase(plan)


def _looked_up(
    paths: Iterable[Path], signatures: dict[Path, FileSignature]
) -> dict[Path, FileSignature]:
    """Return signatures with those of further paths; what is known is not asked again."""
    return {
        path: FileSignature.of(path.stat()) for path in paths if path not in signatures
    } | signatures


def _with_paths_of_others(plan: CasePlan) -> CasePlan:
    """Return a plan whose other cases know their files."""
    carried, check = plan.carried, plan.frame_check
    if carried is not None:
        carried = replace(carried, source=_with_paths(carried.source))
    if check is not None:
        check = replace(check, other=_with_paths(check.other))
    return replace(plan, carried=carried, frame_check=check)


def _with_paths(other: OtherCase) -> OtherCase:
    images = tuple(dict.fromkeys(paths_of_image(other.image)))
    return replace(other, image_paths=images, mask_paths=tuple(mask_paths(other.mask)))


def _paths_of_others(plan: CasePlan) -> list[Path]:
    carried = plan.carried.input_paths if plan.carried else ()
    checked = plan.frame_check.other.input_paths if plan.frame_check else ()
    return [*carried, *checked]


def _has_unusable(plan: CasePlan) -> bool:
    """Tell whether a file beside the slices is cut short or empty: it may be one of them."""
    folders = {ref.path.parent for c in plan.volumes for ref in c.refs}
    return any(
        candidate.error_code in UNUSABLE_CODES and candidate.refs[0].path.parent in folders
        for candidate in plan.candidates
        if not candidate.is_image
    )


def _require_all_seen(plan: CasePlan) -> None:
    """Refuse an image where a file beside it could not be looked at: it may be a slice."""
    source = plan.carried.source.image.candidates if plan.carried else ()
    for candidate in (*plan.candidates, *source):
        if candidate.error_code not in PASSING_CODES or candidate.is_image:
            continue
        path = candidate.refs[0].path
        if candidate.error_code == CHANGED:
            raise changed(path, "it changed while the run was planned")
        raise _unreadable(candidate.error_message, path.name)


def unreadable(error: OSError) -> CaseError:
    """Return the refusal of a case that has a file which the system does not hand over."""
    return _unreadable(str(error.strerror), Path(str(error.filename or "")).name)


def _unreadable(why: str, name: str) -> CaseError:
    return CaseError(
        "CASE-FILE-UNREADABLE",
        f"a file of the case cannot be read: {why}",
        where=name,
        hint="Check its permissions.",
    )


def recall(plan: CasePlan, index: FileIndex, read: InputFiles) -> None:
    """Tell a plan what is known of its files: from an earlier run, and from planning.

    Parameters
    ----------
    plan : CasePlan
        Whose `inputs` learn it.
    index : FileIndex
    read : InputFiles
        What planning read; its bytes are the case's from now on.
    """
    known = plan.inputs.known
    found = index.digests({path: file.signature for path, file in known.items()})
    known.update((path, KnownFile(known[path].signature, one)) for path, one in found.items())
    plan.inputs.take_over(read)


def overrides_of_one(
    candidates: Iterable[VolumeCandidate], overrides: Sequence[Override]
) -> tuple[Override, ...]:
    """Return the overrides of a case that is alone; a file may hold those of others as well.

    Raises
    ------
    StudyError
        ``OVERRIDE-UNUSED`` where it holds those of others only.
    """
    found = overrides_of(candidates, overrides)
    if overrides and not found:
        raise StudyError(
            "OVERRIDE-UNUSED",
            "none of the overrides names a series or study of this image",
            hint="Correct their UIDs: an override that is not applied would be silent.",
        )
    return found


def overrides_of(
    candidates: Iterable[VolumeCandidate], overrides: Iterable[Override]
) -> tuple[Override, ...]:
    """Return the overrides that name a series or study of the images of a case."""
    named = {uid for c in candidates for uid in (c.series_uid, c.study_uid)}
    return tuple(o for o in overrides if (o.series_uid or o.study_uid) in named)
