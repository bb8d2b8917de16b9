"""What a scan must be: facts of the header, and the rules of acquisition protocols."""

from biomarker_cli.acquisition.evaluating import SCOPES, evaluate
from biomarker_cli.acquisition.facts import FACTS, FactDefinition
from biomarker_cli.acquisition.header_facts import Fact, header_facts
from biomarker_cli.acquisition.linting import LintFinding, lint
from biomarker_cli.acquisition.protocol import AcquisitionProtocol, load_acquisition
from biomarker_cli.acquisition.results import CHECK_COLUMNS, CheckResult, Outcome, exit_code
from biomarker_cli.acquisition.rules import AcquisitionRules
from biomarker_cli.acquisition.series import SeriesHeaders, iterate_series, series_headers

__all__ = [
    "CHECK_COLUMNS",
    "FACTS",
    "SCOPES",
    "AcquisitionProtocol",
    "AcquisitionRules",
    "CheckResult",
    "Fact",
    "FactDefinition",
    "LintFinding",
    "Outcome",
    "SeriesHeaders",
    "evaluate",
    "exit_code",
    "header_facts",
    "iterate_series",
    "lint",
    "load_acquisition",
    "series_headers",
]
