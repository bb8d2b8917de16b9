"""``biomarker protocol lint``: may this file be used, and may it be released."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from biomarker_cli.cli.options import format_option
from biomarker_cli.cli.output import print_json, say
from biomarker_cli.cli.protocol.kinds import load_any, protocol_argument
from biomarker_cli.cli.strict_command import strict_command
from biomarker_cli.model.wording import counted

if TYPE_CHECKING:
    from biomarker_cli.acquisition.linting import LintFinding
    from biomarker_cli.protocol.document import ProtocolDocument
    from biomarker_cli.protocol.locator import ProtocolKind

_EPILOG = """\b
Examples:
  biomarker protocol lint site.yaml
  biomarker protocol lint recist-ct@0.1.0 --format json

Exit codes: 0 no error, 2 an error.
"""


@strict_command(epilog=_EPILOG)
@protocol_argument
@format_option
@click.pass_context
def lint(context: click.Context, wanted: str, output_format: str) -> None:
    """Test a protocol: its form, its units, its sources, its own test cases.

    An acquisition protocol and a response criterion run the test cases that stand
    in them. Analysis and registration protocols are read as a run would read them.
    """
    kind, document = load_any(wanted)
    findings = findings_of(kind, document)
    errors = [f for f in findings if f.severity == "error"]
    if output_format == "json":
        print_json([asdict(finding) for finding in findings])
    else:
        for f in findings:
            file = f.file or document.file_name
            place = f"{file}:{f.line}" if f.line else file
            say(f"{place}: {f.severity} {f.code} {f.place}: {f.message}")
        warnings = counted(len(findings) - len(errors), "warning")
        say(f"{document.ident}: {counted(len(errors), 'error')}, {warnings}")
    context.exit(2 if errors else 0)


def findings_of(kind: ProtocolKind, document: ProtocolDocument) -> list[LintFinding]:
    """Return what is wrong with a protocol of any kind."""
    linters = {
        "acquisition": _acquisition,
        "analysis": _analysis,
        "response": _response,
        "registration": _registration,
    }
    return linters[kind.value](document)


def _acquisition(document: ProtocolDocument) -> list[LintFinding]:
    from biomarker_cli.acquisition.linting import lint as lint_acquisition

    return lint_acquisition(document)


def _analysis(document: ProtocolDocument) -> list[LintFinding]:
    from biomarker_cli.acquisition.linting import form_findings, header_findings
    from biomarker_cli.case.analysis import load_analysis
    from biomarker_cli.protocol.errors import ProtocolError

    try:
        load_analysis(str(document.path))
    except ProtocolError as error:
        return form_findings(document, error)
    return list(header_findings(document))


def _response(document: ProtocolDocument) -> list[LintFinding]:
    from biomarker_cli.response.linting import lint_criterion

    return lint_criterion(document)


def _registration(document: ProtocolDocument) -> list[LintFinding]:
    from biomarker_cli.acquisition.linting import form_findings, header_findings
    from biomarker_cli.protocol.errors import ProtocolError
    from biomarker_cli.registration.rules import load_registration

    try:
        load_registration(str(document.path))
    except ProtocolError as error:
        return form_findings(document, error)
    return list(header_findings(document))
