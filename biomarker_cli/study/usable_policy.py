"""The policy file of a study: what its flags weigh when rows are pooled.

::

    format: biomarker-usable/1
    flags:
      draft_protocol: info
      acq_fail:RECIST-CT-001: caution

A flag that is not named weighs what the product says (`model.severities`). Nothing is
measured anew for it: tables alone are made of it.
"""

from __future__ import annotations

from collections.abc import Collection
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator

from biomarker_cli.acquisition.protocol import AcquisitionProtocol
from biomarker_cli.model.severities import SEVERITIES, WITH_ARGUMENT, Severity
from biomarker_cli.model.usability import UsablePolicy
from biomarker_cli.protocol.document import Strict
from biomarker_cli.protocol.loading import load_sealed_model, shortened
from biomarker_cli.study.errors import StudyError

FORMAT = "biomarker-usable/1"

_CODE = "USABLE-POLICY"
_OF_A_RULE = frozenset({"acq_fail", "acq_not_evaluable", "acq_waived", "mask_source_acq_fail"})
_LONGEST = 60


def _known_flag(flag: str) -> str:
    head, colon, argument = flag.partition(":")
    if head not in SEVERITIES:
        near = get_close_matches(head, SEVERITIES, n=1)
        meant = f", did you mean {near[0]}" if near else ""
        raise ValueError(f"there is no flag {shortened(flag, _LONGEST)!r}{meant}")
    if colon and (head not in WITH_ARGUMENT or not argument):
        raise ValueError(f"{head} takes no such argument")
    return flag


class PolicyFile(Strict):
    """The whole file."""

    format: Literal["biomarker-usable/1"]
    title: str = ""
    flags: dict[Annotated[str, AfterValidator(_known_flag)], Severity]


def load_policy(path: Path, name: str) -> UsablePolicy:
    """Read a policy file.

    Parameters
    ----------
    path : Path
    name : str
        What the study calls it; the manifest does as well.

    Raises
    ------
    StudyError
        ``USABLE-POLICY`` with the line and the flag that is wrong.
    """
    read, sha256 = load_sealed_model(path, PolicyFile, FORMAT, _CODE, StudyError)
    return UsablePolicy(tuple(sorted(read.flags.items())), name, sha256)


def require_known_arguments(
    policy: UsablePolicy, protocols: Collection[AcquisitionProtocol]
) -> None:
    """Refuse a flag of a rule that no protocol of the study has: it would weigh nothing.

    Raises
    ------
    StudyError
        ``USABLE-POLICY``.
    """
    known = {rule.id for protocol in protocols for rule in protocol.content.rules}
    for flag, _ in policy.own:
        head, _, argument = flag.partition(":")
        if head in _OF_A_RULE and argument and argument not in known:
            near = get_close_matches(argument, known, n=1)
            raise StudyError(
                _CODE,
                f"the policy names {shortened(flag, _LONGEST)}, a rule that no acquisition "
                "protocol of the study has",
                where=policy.file,
                hint=f"Did you mean {head}:{near[0]}?" if near else "",
            )
        if head not in _OF_A_RULE and argument:
            _require_element(flag, argument, policy)


def _require_element(flag: str, argument: str, policy: UsablePolicy) -> None:
    from pydicom.datadict import tag_for_keyword

    if tag_for_keyword(argument) is None:
        raise StudyError(
            _CODE,
            f"the policy names {shortened(flag, _LONGEST)}, which is no DICOM keyword",
            where=policy.file,
            hint="Name the element by its keyword, such as PatientWeight.",
        )
