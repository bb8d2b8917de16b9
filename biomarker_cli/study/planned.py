"""PlannedCase: a case that is ready to be run, or the reason why it is not."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from biomarker_cli.model import CaseError
from biomarker_cli.study.digests import CaseDigest, digest_inputs, result_key

if TYPE_CHECKING:
    from biomarker_cli.case import CasePlan
    from biomarker_cli.catalogue import VolumeCandidate
    from biomarker_cli.model import BiomarkerError
    from biomarker_cli.pet import Override


@dataclass(frozen=True)
class PlannedCase:
    """A case with its key, or with the reason why it cannot be run.

    Attributes
    ----------
    plan : CasePlan
    key : str
        sha256 of everything that moves a number of the case.
    digest : CaseDigest or None
    refusal : BiomarkerError or None
        Why the case is refused before it is measured.
    """

    plan: CasePlan
    key: str
    digest: CaseDigest | None = None
    refusal: BiomarkerError | None = None


def digested(plan: CasePlan) -> PlannedCase:
    """Return a case with the digest of its files, or refused where one cannot be taken.

    Parameters
    ----------
    plan : CasePlan
        Whose paths exist.
    """
    refusal: CaseError
    try:
        digest = digest_inputs(plan)
    except CaseError as error:
        # A pipe, voxels outside the folder of their header, a header that cannot be read.
        refusal = error
    except OSError as error:
        refusal = CaseError(
            "CASE-FILE-UNREADABLE",
            f"a file of the case cannot be read: {error.strerror}",
            where=Path(str(error.filename or "")).name,
            hint="Check its permissions.",
        )
    else:
        return PlannedCase(plan, result_key(plan, digest), digest)
    return PlannedCase(plan, result_key(plan, None), None, refusal)


def overrides_of(
    candidates: Iterable[VolumeCandidate], overrides: Iterable[Override]
) -> tuple[Override, ...]:
    """Return the overrides that name a series or study of the images of a case."""
    named = {uid for c in candidates for uid in (c.series_uid, c.study_uid)}
    return tuple(o for o in overrides if (o.series_uid or o.study_uid) in named)
