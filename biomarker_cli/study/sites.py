"""Which site a series is of: told by the folders it lies in, or by an element of its header."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import translate
from pathlib import PurePath
from typing import Protocol

from biomarker_cli.dicom.frames import FrameHeader
from biomarker_cli.model.wording import quoted
from biomarker_cli.study.case_names import LONGEST_ID, problem_of_id
from biomarker_cli.study.errors import StudyError

UNKNOWN_SITE = "SITE"
"""What stands where no site is told: a word to be corrected."""

_GAP = "{site}"
_TAG = re.compile(r"\(?([0-9A-Fa-f]{4}),?\s?([0-9A-Fa-f]{4})\)?")
_PATIENT_GROUP = 0x0010


class SiteRule(Protocol):
    """How the site of a series is told."""

    def name(self, path: PurePath, header: FrameHeader) -> str:
        """Return the name of the site, empty where none is told.

        Parameters
        ----------
        path : PurePath
            Of a file, relative to the folder of the data.
        header : FrameHeader
            Of a file of the series.
        """


@dataclass(frozen=True)
class SiteOfFolder:
    """The part of a path at ``{site}`` in a pattern.

    Attributes
    ----------
    parts : tuple of re.Pattern
        One for each folder from the top; what lies deeper may be called anything.
    """

    parts: tuple[re.Pattern[str], ...]

    def name(self, path: PurePath, _header: FrameHeader) -> str:
        """Return what stands at the place of the site; see `SiteRule.name`."""
        if len(path.parts) < len(self.parts):
            return ""
        found = ""
        for pattern, part in zip(self.parts, path.parts, strict=False):
            matched = pattern.fullmatch(part)
            if matched is None:
                return ""
            found = matched.groupdict().get("site") or found
        return found


@dataclass(frozen=True)
class SiteOfElement:
    """The value of an element.

    Attributes
    ----------
    keyword : str
    """

    keyword: str

    def name(self, _path: PurePath, header: FrameHeader) -> str:
        """Return the value of the element; see `SiteRule.name`."""
        return str(header.get(self.keyword, "")).strip()


def site_rule(text: str) -> SiteRule:
    """Return the rule that a user gives: a pattern of folders, a keyword or a tag.

    Raises
    ------
    StudyError
        ``STUDY-SITE-FROM``.
    """
    return _folder_rule(text) if _GAP in text or "/" in text else _element_rule(text)


def _folder_rule(text: str) -> SiteOfFolder:
    if text.count(_GAP) != 1:
        raise _refused(text, f"expected {_GAP} once")
    parts = text.strip("/").split("/")
    if text.startswith("/") or {"", ".", ".."} & set(parts):
        raise _refused(text, "expected the names of folders below DIR, such as {site}/*")
    return SiteOfFolder(tuple(map(_pattern, parts)))


def _pattern(part: str) -> re.Pattern[str]:
    first, gap, last = part.partition(_GAP)
    site = "(?P<site>.+)" if gap else ""
    return re.compile(f"(?s:{_expression(first)}{site}{_expression(last)})")


def _expression(pattern: str) -> str:
    # The end of a text is written \z from Python 3.14 on.
    said = translate(pattern).removeprefix("(?s:")
    return said.removesuffix(r")\Z").removesuffix(r")\z")


def _element_rule(text: str) -> SiteOfElement:
    from pydicom.datadict import dictionary_VR, keyword_for_tag, tag_for_keyword

    numbers = _TAG.fullmatch(text.strip())
    tag = int(numbers[1] + numbers[2], 16) if numbers else tag_for_keyword(text.strip())
    keyword = "" if tag is None else keyword_for_tag(tag)
    if tag is None or not keyword:
        raise _refused(text, "it is no folder pattern, no keyword and no tag of DICOM")
    if int(tag) >> 16 == _PATIENT_GROUP:
        raise _refused(text, "it tells who a patient is, not of which site")
    if dictionary_VR(tag) == "SQ":
        raise _refused(text, "it is a sequence")
    return SiteOfElement(keyword)


def _refused(text: str, why: str) -> StudyError:
    return StudyError(
        "STUDY-SITE-FROM",
        f"{quoted(text)}: {why}",
        hint="Examples: --site-from '{site}/*', --site-from InstitutionName, "
        "--site-from 0012,0030.",
    )


def site_ids(names: Iterable[str]) -> Mapping[str, str]:
    """Return the identifier of each site: its name in letters that may name files.

    Raises
    ------
    StudyError
        ``STUDY-SITE-FROM`` where two sites would have one identifier.
    """
    found = {name: _identifier(name) for name in sorted(set(names) - {""})}
    by_id: dict[str, list[str]] = defaultdict(list)
    for name, ident in found.items():
        by_id[ident.casefold()].append(name)
    for same in by_id.values():
        if len(same) > 1:
            both = " and ".join(map(quoted, same[:2]))
            raise StudyError(
                "STUDY-SITE-FROM",
                f"{both} would both be the site {found[same[0]]}",
                hint="An identifier has letters, digits, dot, dash and underscore: rename one.",
            )
    return {"": UNKNOWN_SITE, **found}


def _identifier(name: str) -> str:
    ident = re.sub(r"[^A-Za-z0-9._-]+", "-", name).lstrip("._-").rstrip(".-")[:LONGEST_ID]
    if not ident or problem_of_id(ident):
        raise StudyError(
            "STUDY-SITE-FROM",
            f"no identifier can be made of the site {quoted(name)}",
            hint="An identifier has letters, digits, dot, dash and underscore: rename it, or "
            "tell the sites by something else.",
        )
    return ident
