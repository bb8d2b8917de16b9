"""A criterion with its rules made ready to judge."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType

from biomarker_cli.protocol.document import ProtocolDocument
from biomarker_cli.protocol.loading import load_document, validate_section
from biomarker_cli.protocol.locator import ProtocolKind
from biomarker_cli.response.criterion_file import CallRule, CriterionFile
from biomarker_cli.response.expressions import Expression


@dataclass(frozen=True)
class ReadyRule:
    """A rule with its condition compiled."""

    rule: CallRule
    when: Expression


@dataclass(frozen=True)
class Criterion:
    """A criterion with its identity, ready to judge."""

    file: CriterionFile
    document: ProtocolDocument

    @property
    def ident(self) -> str:
        """``id@version``."""
        return self.document.ident

    @cached_property
    def target(self) -> tuple[ReadyRule, ...]:
        """Rules of the targets."""
        return _ready(self.file.target)

    @cached_property
    def overall(self) -> tuple[ReadyRule, ...]:
        """Rules of the overall response."""
        return _ready(self.file.overall)

    @cached_property
    def quantities(self) -> Mapping[str, Expression]:
        """Named values of a visit."""
        parsed = {name: Expression.parse(text) for name, text in self.file.quantities.items()}
        return MappingProxyType(parsed)

    @cached_property
    def flags(self) -> tuple[tuple[str, Expression], ...]:
        """Flags with their conditions."""
        return tuple((rule.flag, Expression.parse(rule.when)) for rule in self.file.flags)

    @cached_property
    def measurable(self) -> Mapping[bool, Expression]:
        """Condition of a node (True) and of another lesion (False), where there is one."""
        texts = {True: self.file.targets.measurable_node, False: self.file.targets.measurable_other}
        return {kind: Expression.parse(text) for kind, text in texts.items() if text}

    @cached_property
    def names(self) -> frozenset[str]:
        """Every name that a rule or a quantity reads."""
        rules = [ready.when for ready in (*self.target, *self.overall)]
        return frozenset().union(*(one.names for one in (*rules, *self.quantities.values())))

    @cached_property
    def ranks(self) -> Mapping[str, int]:
        """Rank of each call of the targets, in the order of the rules of the best response."""
        order = [*dict.fromkeys(self.file.best.order)]
        names = {rule.call for rule in self.file.target}
        ordered = [call for call in (_PLAIN + tuple(order)) if call in names]
        return {call: place for place, call in enumerate(dict.fromkeys(ordered))}

    @cached_property
    def calls(self) -> frozenset[str]:
        """Every overall call that it knows."""
        return frozenset({*self.file.best.order, *self.file.pending.calls})


_PLAIN = ("CR", "PR", "MR", "SD", "PD")
"""Calls of targets from the best to the worst, as most criteria name them."""


def _ready(rules: Iterable[CallRule]) -> tuple[ReadyRule, ...]:
    return tuple(ReadyRule(rule, Expression.parse(rule.when)) for rule in rules)


def load_criterion(wanted: str) -> Criterion:
    """Load ``id[@version]`` or a file.

    Raises
    ------
    ProtocolError
        Where the criterion is absent or invalid.
    """
    document = load_document(ProtocolKind.RESPONSE, wanted)
    return Criterion(validate_section(CriterionFile, document), document)
