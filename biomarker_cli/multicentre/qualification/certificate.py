"""The certificate that a qualification gives: of what, on what, with which deviations."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from biomarker_cli.model.errors import InputNotFoundError
from biomarker_cli.multicentre.errors import CertificateError
from biomarker_cli.multicentre.qualification.checks import KnownCheck, SuiteResult
from biomarker_cli.multicentre.qualification.qualifying import Qualification
from biomarker_cli.tables.certificates import FORMAT
from biomarker_cli.tables.installation import this_installation
from biomarker_cli.tables.sealed_files import digest, read_sealed, sealed

_ID_DIGITS = 16

_OF_THE_DAY = frozenset({"created", "id", "sha256"})
"""What the id does not hang on: the same installation has one id on every day."""


def certificate_of(qualification: Qualification) -> dict[str, Any]:
    """Return the certificate of a qualification, sealed.

    Its ``id`` depends on installation, machine and findings alone; ``sha256`` is over all
    of it.
    """
    content: dict[str, Any] = {
        "format": FORMAT,
        "verdict": qualification.verdict,
        "is_whole": qualification.request.is_whole,
        "installation": this_installation(),
        "suites": [_suite(suite) for suite in qualification.suites],
        "causes": [
            {"certainty": cause.certainty, "text": cause.text} for cause in qualification.causes
        ],
    }
    ident = certificate_id(content)
    created = datetime.now(UTC).isoformat(timespec="seconds")
    return sealed({**content, "id": ident, "created": created})


def certificate_id(content: dict[str, Any]) -> str:
    """Return the id of the content of a certificate."""
    rest = {name: value for name, value in content.items() if name not in _OF_THE_DAY}
    return digest(rest)[:_ID_DIGITS]


def read_certificate(path: Path) -> dict[str, Any]:
    """Return a certificate from its file.

    Raises
    ------
    InputNotFoundError
        ``PATH-NOT-FOUND``.
    CertificateError
        ``CERTIFICATE-INVALID`` where it is none, or is not as it was written.
    """
    if not path.is_file():
        raise InputNotFoundError(
            "PATH-NOT-FOUND", f"no such file: {path}", hint="Check the spelling."
        )
    found = read_sealed(path, FORMAT)
    if found is None or found.get("id") != certificate_id(found):
        raise CertificateError(
            "CERTIFICATE-INVALID",
            "the file is no certificate, or was altered after it was written",
            where=str(path),
            hint="Write it anew with `biomarker verify --certificate FILE`.",
        )
    return found


def _suite(suite: SuiteResult) -> dict[str, Any]:
    return {
        "name": suite.name,
        "n_checks": len(suite.checks),
        "n_out_of_tolerance": len(suite.failures),
        "skipped": list(suite.skipped),
        "worst": None if suite.worst is None else told(suite.worst),
    }


def told(check: KnownCheck) -> dict[str, Any]:
    """Return a check as JSON holds it; a deviation without end is null."""
    return {
        "suite": check.suite,
        "check": check.expected.name,
        "expected": check.expected.value,
        "found": _finite(check.found),
        "tolerance": check.expected.tolerance,
        "deviation": _finite(check.deviation),
        "excess": _finite(check.excess),
        "unit": check.expected.unit,
        "problem": check.problem,
    }


def _finite(value: float | str | None) -> float | str | None:
    return None if isinstance(value, float) and not math.isfinite(value) else value
