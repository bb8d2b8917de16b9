"""The study file: which cases, which protocols, which rules.

A study is a folder with ``study.yaml`` and a list of cases (CSV). Paths in
both are relative to that folder, the study root.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from biomarker_cli.acquisition.waivers import Waiver, load_waivers
from biomarker_cli.model.keys import new_key_text
from biomarker_cli.model.usability import DEFAULT_POLICY, UsablePolicy
from biomarker_cli.pet.rules import Override
from biomarker_cli.protocol.document import Strict
from biomarker_cli.protocol.loading import load_model
from biomarker_cli.regions.rules import RoiNames
from biomarker_cli.study.case_list import CaseEntry, read_cases
from biomarker_cli.study.case_names import IDENTIFIER
from biomarker_cli.study.errors import StudyError
from biomarker_cli.study.mask_sources import is_protocol_file
from biomarker_cli.study.passports import PassportRules, StudyPassports, load_passports
from biomarker_cli.study.registration_terms import RegistrationTerms, require_known_cases
from biomarker_cli.study.study_key import KEY_FILE, key_of_first_run, require_key
from biomarker_cli.study.study_paths import StudyFolders
from biomarker_cli.study.usable_policy import load_policy

FORMAT = "biomarker-study/1"


class StudyRole(Strict):
    """What is done with the images of one role.

    Attributes
    ----------
    acquisition : str
        Acquisition protocol, ``id[@version]`` or a path; empty for none.
    analyses : tuple of str
        Analysis protocols.
    rois : tuple of str
        Canonical names that every case must have; empty means all of the file.
    """

    acquisition: str = ""
    analyses: tuple[str, ...] = Field(min_length=1)
    rois: tuple[str, ...] = ()


class StudyModel(Strict):
    """Content of ``study.yaml``.

    Attributes
    ----------
    device : str
        Whether tables name scanners (StationName, DeviceSerialNumber) as they are,
        or by digests with the key of the study.
    overrides : str
        Audited override file of header values, relative to the study file.
    waivers : str
        Accepted deviations of acquisition rules, relative to the study file.
    usable : str
        Policy of what flags weigh when rows are pooled, relative to the study file.
    lock : str
        Lock that every protocol of the study is held against, relative to the
        study file.
    passports : PassportRules, optional
        Tests that the sites must have passed.
    keep : tuple of str
        What of each case is kept beside its result: ``masks``, ``maps``, ``pictures``.
    registrations : RegistrationTerms
        Registrations that are taken although a check did not pass.
    same_frame_check : str or None
        ``flag``: images of one visit that name one frame of reference are held against
        each other.
    report : tuple of str
        Features that a report shows, as shell patterns; empty for its own choice.
    """

    format: Literal["biomarker-study/1"]
    id: str
    title: str = ""
    cases: str = "cases.csv"
    on_violation: Literal["flag", "exclude"] = "flag"
    integrity: Literal["refuse", "flag"] = "refuse"
    device: Literal["digest", "keep"] = "digest"
    roles: dict[str, StudyRole] = Field(min_length=1)
    rois: RoiNames | None = None
    overrides: str = ""
    waivers: str = ""
    usable: str = ""
    lock: str = ""
    passports: PassportRules | None = None
    keep: tuple[Literal["masks", "maps", "pictures"], ...] = ()
    registrations: RegistrationTerms = RegistrationTerms()
    same_frame_check: Literal["flag"] | None = None
    report: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _passports_are_of_roles(self) -> Self:
        for wanted in self.passports.requires if self.passports else ():
            unknown = [role for role in wanted.roles if role not in self.roles]
            if unknown:
                raise ValueError(f"passports: the study has no role {', '.join(unknown)}")
        return self

    @field_validator("id")
    @classmethod
    def _is_identifier(cls, value: str) -> str:
        if not IDENTIFIER.fullmatch(value):
            raise ValueError("an id has letters, digits, dot, dash and underscore only")
        return value


@dataclass(frozen=True)
class Study:
    """A study as its files say it.

    Attributes
    ----------
    model : StudyModel
    root : Path
        Folder of the study file.
    entries : tuple of CaseEntry
        In the order of the list; of a shard its own.
    listed : tuple of CaseEntry
        Those of the whole study, which a case of a shard may take something from.
    overrides : tuple of Override
    waivers : tuple of Waiver
    policy : UsablePolicy
        What flags weigh when rows are pooled; it moves no number.
    passports : StudyPassports or None
    key : bytes
        Empty where it has not been read; see `study_key`.
    """

    model: StudyModel
    root: Path
    entries: tuple[CaseEntry, ...]
    overrides: tuple[Override, ...] = ()
    waivers: tuple[Waiver, ...] = ()
    policy: UsablePolicy = DEFAULT_POLICY
    passports: StudyPassports | None = None
    key: bytes = field(default=b"", repr=False)
    listed: tuple[CaseEntry, ...] = ()

    @cached_property
    def device_key(self) -> bytes | None:
        """Key that stands in for names of scanners; None where the study keeps them.

        Raises
        ------
        StudyError
            ``STUDY-NO-KEY``.
        """
        if self.model.device == "keep":
            return None
        return self.key or require_key(self.root)


def load_study(path: Path, allowed: Sequence[Path] = ()) -> Study:
    """Read a study file and its list of cases.

    Parameters
    ----------
    path : Path
    allowed : sequence of Path
        Folders outside that of the study in which it may name files.

    Raises
    ------
    StudyError
        ``STUDY-NOT-FOUND``, ``STUDY-INVALID``, ``STUDY-CASES``, ``STUDY-PATH-OUTSIDE``,
        ``STUDY-REGISTRATIONS``, ``USABLE-POLICY``.
    OverrideError
        ``OVERRIDE-INVALID``.
    ProtocolError
        ``WAIVER-INVALID``.
    PassportError
        ``PASSPORT-INVALID``.
    """
    folders = StudyFolders(path.parent.absolute(), tuple(allowed))
    model = read_study_model(path)
    cases = folders.file(model.cases, "cases")
    waivers = folders.file(model.waivers, "waivers") if model.waivers else None
    overrides = folders.file(model.overrides, "overrides") if model.overrides else None
    policy = folders.file(model.usable, "usable") if model.usable else None
    rules = model.passports
    passports = load_passports(rules, folders.file(rules.file, "passports")) if rules else None
    if model.lock:
        folders.file(model.lock, "lock")
    for name, role in model.roles.items():
        for wanted in filter(None, (role.acquisition, *role.analyses)):
            folders.protocol(wanted, f"role {name}")
    entries = read_cases(cases, tuple(model.roles))
    for entry in entries:
        for wanted in filter(is_protocol_file, entry.registration):
            folders.protocol(wanted, f"case {entry.case_id}")
    require_known_cases(model.registrations, entries)
    return Study(
        model=model,
        root=folders.root,
        entries=entries,
        listed=entries,
        overrides=_overrides(overrides) if overrides else (),
        waivers=load_waivers(waivers) if waivers else (),
        policy=load_policy(policy, model.usable) if policy else DEFAULT_POLICY,
        passports=passports,
    )


def _overrides(path: Path) -> tuple[Override, ...]:
    # Its values are made by pydicom, which most studies do without.
    from biomarker_cli.pet.overrides import load_overrides

    return load_overrides(path)


def keeping_pictures(study: Study) -> Study:
    """Return a study that keeps pictures as well: a report of its run shows them."""
    keep = tuple(sorted({*study.model.keep, "pictures"}))
    return replace(study, model=study.model.model_copy(update={"keep": keep}))


def with_key(study: Study, *, writes: bool) -> Study:
    """Return a study with its key, as its first run makes one.

    Parameters
    ----------
    study : Study
    writes : bool
        Whether a key may be written; else one of the moment does where there is none.

    Raises
    ------
    StudyError
        ``STUDY-NO-KEY``.
    """
    if writes or (study.root / KEY_FILE).exists():
        return replace(study, key=key_of_first_run(study.root))
    return replace(study, key=bytes.fromhex(new_key_text().decode()))


def read_study_model(path: Path) -> StudyModel:
    """Read a study file alone.

    Raises
    ------
    StudyError
        ``STUDY-NOT-FOUND``, ``STUDY-INVALID``.
    """
    if not _is_there(path):
        inside = path / "study.yaml"
        raise StudyError(
            "STUDY-NOT-FOUND",
            f"no such study file: {path}",
            hint=f"It is a folder: name {inside}."
            if _is_there(inside)
            else "`biomarker init DIR` writes one for a folder of DICOM.",
        )
    return load_model(path, StudyModel, FORMAT, "STUDY-INVALID", StudyError)


def _is_there(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False  # a name that no file can have
