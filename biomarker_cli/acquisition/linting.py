"""Lint a protocol: its own test cases, its sources, its history."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from biomarker_cli.acquisition.drafting import UNWRITTEN_FIX
from biomarker_cli.acquisition.evaluating import evaluate_examined
from biomarker_cli.acquisition.examined import from_example
from biomarker_cli.acquisition.protocol import AcquisitionProtocol, typed
from biomarker_cli.acquisition.rules import Example
from biomarker_cli.protocol.document import ProtocolDocument
from biomarker_cli.protocol.errors import ProtocolError
from biomarker_cli.protocol.loading import load_document, problems
from biomarker_cli.protocol.locator import ProtocolKind, shipped_versions
from biomarker_cli.protocol.places import place_of
from biomarker_cli.protocol.versions import Version
from biomarker_cli.protocol.yaml_nodes import KeyPath
from biomarker_cli.protocol.yaml_source import read_yaml


@dataclass(frozen=True, slots=True)
class LintFinding:
    """One thing that is wrong, or could be better, in a protocol file.

    Attributes
    ----------
    severity : str
        ``error`` or ``warning``.
    code : str
        Stable word, such as ``recalled-source``.
    place : str
        Rule id, test, or key.
    line : int
        In the file, 0 where it is none of its lines.
    message : str
    file : str
        Which the line is of: the protocol's own, or one that it extends.
    """

    severity: str
    code: str
    place: str
    line: int
    message: str
    file: str = ""


def finding_at(
    document: ProtocolDocument, path: KeyPath, severity: str, *, code: str, place: str, message: str
) -> LintFinding:
    """Return a finding with the file and the line in which a key of the merged content stands."""
    found = place_of(document.places, path)
    return LintFinding(severity, code, place, found.line, message, found.file)


def lint(document: ProtocolDocument) -> list[LintFinding]:
    """Return what is wrong with an acquisition protocol, errors first.

    Parameters
    ----------
    document : ProtocolDocument

    Returns
    -------
    list of LintFinding
        Empty where the file may be released.
    """
    try:
        protocol = typed(document)
    except ProtocolError as error:
        return form_findings(document, error)
    found = [
        *header_findings(document),
        *_rule_findings(protocol),
        *_test_findings(protocol),
        *_history_findings(protocol),
    ]
    return sorted(found, key=lambda f: (f.severity != "error", f.line, f.place))


def form_findings(document: ProtocolDocument, error: ProtocolError) -> list[LintFinding]:
    """Return what is wrong with the form of a protocol, each with its file and line."""
    cause = error.__cause__
    if not isinstance(cause, ValidationError):
        return [LintFinding("error", "invalid", "file", 0, str(error), document.file_name)]
    return [
        LintFinding("error", "invalid", one.key, one.place.line, one.message, one.place.file)
        for one in problems(cause, document)
    ]


def _error(document: ProtocolDocument, code: str, place: str, message: str) -> LintFinding:
    return finding_at(document, (place,), "error", code=code, place=place, message=message)


def header_findings(document: ProtocolDocument) -> Iterator[LintFinding]:
    """Yield what is wrong with the header of a protocol of either kind."""
    header = document.header
    if header.status == "active":
        for source in header.source:
            if source.confirmed.by == "recall":
                yield _error(
                    document,
                    "recalled-source",
                    "source",
                    f"an active protocol needs sources confirmed in text: {source.doc}",
                )
        if "^" in header.extends:
            yield _error(
                document,
                "floating-parent",
                "extends",
                f"an active protocol names one version of its parent, not {header.extends}",
            )
        for parent in document.ancestors:
            if parent.header.status == "draft":
                yield _error(document, "draft-parent", "extends", f"{parent.ident} is a draft")
    if header.version not in {change.version for change in header.changelog}:
        yield _error(
            document, "changelog", "changelog", f"there is no entry for version {header.version}"
        )
    in_house = document.path.parent.parent.name == _kind(document).value
    if in_house and (document.path.stem, document.path.parent.name) != (header.version, header.id):
        yield _error(document, "file-name", "version", f"the file is called {document.path.name}")


def _kind(document: ProtocolDocument) -> ProtocolKind:
    kinds = {kind.format_name: kind for kind in ProtocolKind}
    return kinds[document.header.format]


def own_rules(document: ProtocolDocument) -> tuple[str, ...]:
    """Return the ids of the rules that stand in the file itself, repeats included."""
    data, _ = read_yaml(document.path)
    return tuple(str(item["id"]) for item in data.get("rules", ()) if "id" in item)


def _of_rule(
    document: ProtocolDocument, rule_id: str, severity: str, code: str, message: str
) -> LintFinding:
    ids = [item.get("id") for item in document.data.get("rules", ())]
    path: KeyPath = ("rules", ids.index(rule_id)) if rule_id in ids else ("rules",)
    return finding_at(document, path, severity, code=code, place=rule_id, message=message)


def _rule_findings(protocol: AcquisitionProtocol) -> Iterator[LintFinding]:
    document = protocol.document
    own = own_rules(document)
    for rule_id in sorted({i for i in own if own.count(i) > 1}):
        yield _of_rule(document, rule_id, "error", "reused-id", "the id stands twice")
    tested = {rule_id for test in protocol.content.tests for rule_id in test.expect}
    for rule in protocol.content.rules:
        if UNWRITTEN_FIX in rule.fix:
            message = "the fix is still the draft's: write what to do at the scanner"
            yield _of_rule(document, rule.id, "warning", "unwritten-fix", message)
        if rule.id not in own:
            continue
        if rule.id not in tested:
            yield _of_rule(document, rule.id, "error", "untested", "no test case names the rule")
        if rule.severity == "error" and not rule.fix:
            message = "an error-level rule should say what to do"
            yield _of_rule(document, rule.id, "warning", "no-fix", message)


def _test_findings(protocol: AcquisitionProtocol) -> Iterator[LintFinding]:
    for index, test in enumerate(protocol.content.tests):
        for rule_id, wanted, found in failing(protocol, test):
            yield finding_at(
                protocol.document,
                ("tests", index),
                "error",
                code="test-fails",
                place=rule_id,
                message=f"test {index + 1} {test.title}: "
                f"expected {wanted}, found {found or 'no row'}",
            )


def failing(protocol: AcquisitionProtocol, test: Example) -> Iterator[tuple[str, str, str]]:
    """Yield (rule id, expected, found) of every expectation that a test case does not meet.

    A case that was written to fail a limit by a value that cannot be (a weight
    of 0) is met where the limit refuses the value; of a header it is not evaluable.
    """
    results = _outcomes(protocol, test, weigh=True)
    for rule_id, wanted in test.expect.items():
        found = results.get(rule_id, ())
        if found == wanted:
            continue
        if "fail" in wanted and _outcomes(protocol, test, weigh=False).get(rule_id) == wanted:
            continue
        yield rule_id, ", ".join(wanted), ", ".join(found)


def _outcomes(
    protocol: AcquisitionProtocol, test: Example, *, weigh: bool
) -> dict[str, tuple[str, ...]]:
    numbered = enumerate(test.all_series(), start=1)
    series = [from_example(one, number, weigh=weigh) for number, one in numbered]
    found: dict[str, tuple[str, ...]] = {}
    for result in evaluate_examined(protocol, series):
        found[result.rule_id] = (*found.get(result.rule_id, ()), result.outcome.value)
    return found


def _history_findings(protocol: AcquisitionProtocol) -> Iterator[LintFinding]:
    """Yield rule ids that an earlier released version had for another fact."""
    document = protocol.document
    facts = {rule.id: rule.fact for rule in protocol.content.rules}
    for version, path in _other_versions(document):
        earlier = typed(load_document(ProtocolKind.ACQUISITION, str(path)))
        if earlier.document.is_draft:
            continue
        for rule in earlier.content.rules:
            if rule.id in facts and facts[rule.id] != rule.fact:
                message = f"version {version} has this id for another fact ({rule.fact})"
                yield _of_rule(document, rule.id, "error", "reused-id", message)


def _other_versions(document: ProtocolDocument) -> list[tuple[Version, Path]]:
    if not document.path.is_file():
        return []
    own = Version.parse(document.header.version)
    versions = shipped_versions(ProtocolKind.ACQUISITION, document.header.id)
    return [(version, path) for version, path in versions.items() if version < own]


def origins(document: ProtocolDocument) -> tuple[dict[str, str], tuple[str, ...]]:
    """Return where each rule comes from, and the inherited rules that are disabled.

    Returns
    -------
    dict of str
        Rule id -> empty, ``overrides`` or the ``id@version`` of the ancestor.
    tuple of str
        Ids of disabled rules.
    """
    own = set(own_rules(document))
    found = dict.fromkeys(own, "")
    for ancestor in document.ancestors:
        for rule_id in own_rules(ancestor):
            if rule_id in own:
                found[rule_id] = f"overrides {ancestor.ident}"
            else:
                found.setdefault(rule_id, ancestor.ident)
    return found, tuple(str(i) for i in document.data.get("disable", ()))
