"""The rules of acquisition in a report: as a matrix by site, and of one case."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from biomarker_cli.report.identity import ReportIdentity
from biomarker_cli.report.run_reading import Row, RunTables

WORST_FIRST = ("fail", "missing_series", "not_evaluable", "waived", "pass", "not_applicable")

SYMBOLS: Mapping[str, str] = {
    "fail": "✕",
    "missing_series": "○",
    "not_evaluable": "?",
    "waived": "~",
    "pass": "✓",
    "not_applicable": "–",
    "mixed": "±",
}
"""Outcome -> its sign, which never stands without its word."""


@dataclass(frozen=True)
class RuleText:
    """What a protocol says of a rule.

    Attributes
    ----------
    title, why, fix : str
    """

    title: str = ""
    why: str = ""
    fix: str = ""


@dataclass(frozen=True)
class RuleCell:
    """A rule at a site.

    Attributes
    ----------
    word : str
        Worst outcome, of `WORST_FIRST`; empty where no case was judged.
    said : str
        How many of how many.
    """

    word: str = ""
    said: str = ""


@dataclass(frozen=True)
class RuleLine:
    """A line of the matrix.

    Attributes
    ----------
    rule_id, protocol, severity, expected : str
    text : RuleText
    cells : tuple of RuleCell
        One for each site.
    n_bad, n_waived, n_judged : int
        Checks that are not met, those that a person waived, and all that were judged.
    """

    rule_id: str
    protocol: str
    severity: str
    expected: str
    text: RuleText
    cells: tuple[RuleCell, ...]
    n_bad: int
    n_waived: int
    n_judged: int


class RuleTexts:
    """Titles and fixes of rules, from the protocols as they were when the run was made."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str, str], dict[str, RuleText]] = {}

    def of(self, check: Row) -> RuleText:
        """Return what the protocol says of the rule of a check; empty where it is not here."""
        key = check["protocol_id"], check["protocol_version"], check["protocol_sha256"]
        if key not in self._known:
            self._known[key] = _texts(*key)
        return self._known[key].get(check["rule_id"], RuleText())


def _texts(ident: str, version: str, sha256: str) -> dict[str, RuleText]:
    from biomarker_cli.acquisition.protocol import load_acquisition
    from biomarker_cli.model.errors import BiomarkerError

    # An id from a table may look like a path: a shipped protocol alone is meant.
    if not ident or set(ident) & set("/\\.") or not version:
        return {}
    try:
        protocol = load_acquisition(f"{ident}@{version}")
    except (BiomarkerError, OSError):
        return {}
    if protocol.document.sha256 != sha256:
        return {}
    return {rule.id: RuleText(rule.title, rule.why, rule.fix) for rule in protocol.content.rules}


def rule_matrix(tables: RunTables, texts: RuleTexts) -> list[RuleLine]:
    """Return a line for each rule of a case, those that most cases break first.

    What is judged across cases belongs to no site: it stands beside the matrix.

    Parameters
    ----------
    tables : RunTables
    texts : RuleTexts
    """
    grouped: dict[tuple[str, str], _Counts] = {}
    for check in tables.checks:
        case = tables.case_of.get(check["case_id"])
        if case is None:
            continue
        key = f"{check['protocol_id']}@{check['protocol_version']}", check["rule_id"]
        counts = grouped.setdefault(key, _Counts(check))
        counts.by_site[case["site_id"]][check["outcome"]] += 1
    lines = [counts.line(key[0], tables.sites, texts) for key, counts in grouped.items()]
    return sorted(
        lines, key=lambda line: (-line.n_bad, -line.n_waived, line.protocol, line.rule_id)
    )


@dataclass
class _Counts:
    first: Row
    by_site: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))

    def line(self, protocol: str, sites: Sequence[str], texts: RuleTexts) -> RuleLine:
        """Return the line of the matrix."""
        total: Counter[str] = sum(self.by_site.values(), Counter())
        judged = total.total() - total["not_applicable"]
        return RuleLine(
            self.first["rule_id"],
            protocol,
            self.first["severity"],
            f"{self.first['expected']} {self.first['unit']}".strip(),
            texts.of(self.first),
            tuple(_cell(self.by_site.get(site, Counter())) for site in sites),
            # What a person waived is no break: it is shown as what it is.
            judged - total["pass"] - total["waived"],
            total["waived"],
            judged,
        )


def _cell(counts: Counter[str]) -> RuleCell:
    word = next((one for one in WORST_FIRST if counts[one]), "")
    if not word:
        return RuleCell()
    judged = counts.total() - counts["not_applicable"]
    return RuleCell(word, f"{counts[word]} of {judged}" if judged else "")


@dataclass(frozen=True)
class CaseRule:
    """A rule of a case.

    Attributes
    ----------
    rule_id, severity, outcome, observed, expected, tags : str
    text : RuleText
    """

    rule_id: str
    severity: str
    outcome: str
    observed: str
    expected: str
    tags: str
    text: RuleText


def rules_by_case(
    tables: RunTables, texts: RuleTexts, identity: ReportIdentity
) -> dict[str, list[CaseRule]]:
    """Return the rules of each case, those that are not met first; of the cohort under ""."""
    found: dict[str, list[CaseRule]] = defaultdict(list)
    for check in tables.checks:
        case = tables.case_of.get(check["case_id"])
        subject = case["subject_id"] if case else ""
        observed = identity.text(check["observed"], subject)
        found[check["case_id"]].append(
            CaseRule(
                check["rule_id"],
                check["severity"],
                check["outcome"],
                f"{observed} {check['unit']}".strip() if observed else "nothing",
                f"{identity.text(check['expected'], subject)} {check['unit']}".strip(),
                check["tags"],
                texts.of(check),
            )
        )
    for rules in found.values():
        rules.sort(key=lambda rule: (WORST_FIRST.index(rule.outcome), rule.rule_id))
    return dict(found)
