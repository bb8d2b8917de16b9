"""What a scan must be: facts of the header, and the rules of acquisition protocols."""

from typing import TYPE_CHECKING

from biomarker_cli.on_demand import names_on_demand

if TYPE_CHECKING:
    from biomarker_cli.acquisition.diffing import RuleChange, compare_protocols
    from biomarker_cli.acquisition.drafting import draft_protocol
    from biomarker_cli.acquisition.evaluating import SCOPES, evaluate, evaluate_examined
    from biomarker_cli.acquisition.facts import FACTS, FactDefinition
    from biomarker_cli.acquisition.header_facts import Fact, facts_by_series, header_facts
    from biomarker_cli.acquisition.junit import junit_xml
    from biomarker_cli.acquisition.kept import has_wide_rules, keep_readings, kept_series
    from biomarker_cli.acquisition.linting import LintFinding, lint
    from biomarker_cli.acquisition.matching import Match, match_protocols
    from biomarker_cli.acquisition.measured import (
        MEASURED_COLUMNS,
        MeasuredFact,
        load_measured,
        phantom_rows,
    )
    from biomarker_cli.acquisition.protocol import AcquisitionProtocol, load_acquisition
    from biomarker_cli.acquisition.reading import tags_of
    from biomarker_cli.acquisition.results import CHECK_COLUMNS, CheckResult, Outcome, exit_code
    from biomarker_cli.acquisition.rules import AcquisitionRules
    from biomarker_cli.acquisition.series import SeriesHeaders, series_headers, series_of
    from biomarker_cli.acquisition.waivers import (
        Waiver,
        WaiverSet,
        apply_waivers,
        load_waivers,
        require_known_rules,
        unused,
    )
else:
    __getattr__ = names_on_demand(
        __name__,
        diffing="RuleChange compare_protocols",
        drafting="draft_protocol",
        evaluating="SCOPES evaluate evaluate_examined",
        facts="FACTS FactDefinition",
        header_facts="Fact facts_by_series header_facts",
        junit="junit_xml",
        kept="has_wide_rules keep_readings kept_series",
        linting="LintFinding lint",
        matching="Match match_protocols",
        measured="MEASURED_COLUMNS MeasuredFact load_measured phantom_rows",
        protocol="AcquisitionProtocol load_acquisition",
        reading="tags_of",
        results="CHECK_COLUMNS CheckResult Outcome exit_code",
        rules="AcquisitionRules",
        series="SeriesHeaders series_headers series_of",
        waivers="Waiver WaiverSet apply_waivers load_waivers require_known_rules unused",
    )

__all__ = [
    "CHECK_COLUMNS",
    "FACTS",
    "MEASURED_COLUMNS",
    "SCOPES",
    "AcquisitionProtocol",
    "AcquisitionRules",
    "CheckResult",
    "Fact",
    "FactDefinition",
    "LintFinding",
    "Match",
    "MeasuredFact",
    "Outcome",
    "RuleChange",
    "SeriesHeaders",
    "Waiver",
    "WaiverSet",
    "apply_waivers",
    "compare_protocols",
    "draft_protocol",
    "evaluate",
    "evaluate_examined",
    "exit_code",
    "facts_by_series",
    "has_wide_rules",
    "header_facts",
    "junit_xml",
    "keep_readings",
    "kept_series",
    "lint",
    "load_acquisition",
    "load_measured",
    "load_waivers",
    "match_protocols",
    "phantom_rows",
    "require_known_rules",
    "series_headers",
    "series_of",
    "tags_of",
    "unused",
]
