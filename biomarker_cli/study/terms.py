"""StudyTerms: what holds for all cases of a study, whoever measures them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from biomarker_cli.model.usability import DEFAULT_POLICY, UsablePolicy
from biomarker_cli.study.keys import canonical, sha256_of_json
from biomarker_cli.study.study_key import fingerprint

if TYPE_CHECKING:
    from biomarker_cli.acquisition.waivers import WaiverSet
    from biomarker_cli.study.sources import RoleProtocols
    from biomarker_cli.study.study_file import Study


@dataclass(frozen=True)
class StudyTerms:
    """What holds for all cases of a study.

    Attributes
    ----------
    study_id : str
    protocols : mapping
        Role -> its protocols.
    waivers : WaiverSet or None
        All that the study accepts.
    refuses : bool
        Whether what the cohort finds on a case refuses it; else it flags it.
    key_fingerprint : str
        What names the key of the study.
    keep : frozenset of str
        What of each case is kept beside its result.
    policy : UsablePolicy
        What flags weigh when rows are pooled.
    report : tuple of str
        Features that a report shows.
    """

    study_id: str
    protocols: Mapping[str, RoleProtocols] = field(default_factory=dict)
    waivers: WaiverSet | None = None
    refuses: bool = True
    key_fingerprint: str = ""
    keep: frozenset[str] = frozenset()
    policy: UsablePolicy = DEFAULT_POLICY
    report: tuple[str, ...] = ()

    @classmethod
    def of(
        cls, study: Study, protocols: Mapping[str, RoleProtocols], waivers: WaiverSet
    ) -> StudyTerms:
        """Return the terms of a study with its protocols and waivers."""
        refuses = study.model.integrity == "refuse"
        key, keep = fingerprint(study.key), frozenset(study.model.keep)
        return cls(
            study.model.id,
            protocols,
            waivers,
            refuses,
            key,
            keep,
            study.policy,
            study.model.report,
        )

    def digests(self) -> dict[str, str]:
        """Return the digest of every protocol by its kind, id and version."""
        found: dict[str, str] = {}
        for used in self.protocols.values():
            for document in used.documents:
                found[f"{document.header.format} {document.ident}"] = document.sha256
        return dict(sorted(found.items()))


def study_sha256(study: Study, waivers: WaiverSet | None) -> str:
    """Return a digest of what moves a result: study file, list, overrides, waivers, passports.

    Of registrations that are accepted it counts which are so today.

    What flags weigh is asked for when the tables are written.

    Parameters
    ----------
    study : Study
    waivers : WaiverSet, optional
        As they hold today: one that has expired since says something else.
    """
    digest = hashlib.sha256(
        sha256_of_json(
            [
                study.model.model_dump(mode="json", exclude={"usable"}),
                [canonical(override) for override in study.overrides],
                [] if waivers is None else waivers.canonical(),
                study.passports.digest if study.passports is not None else "",
                sorted(study.model.registrations.acceptances(datetime.now(UTC).date())),
            ]
        ).encode()
    )
    for entry in study.entries:
        digest.update(repr(replace(entry, line=0)).encode("utf-8", "surrogatepass"))
    return digest.hexdigest()
