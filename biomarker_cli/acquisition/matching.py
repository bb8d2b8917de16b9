"""Which protocol fits some data best."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from biomarker_cli.acquisition.evaluating import evaluate_examined
from biomarker_cli.acquisition.examined import from_headers
from biomarker_cli.acquisition.protocol import AcquisitionProtocol, load_acquisition
from biomarker_cli.acquisition.results import Outcome
from biomarker_cli.acquisition.series import SeriesHeaders
from biomarker_cli.protocol.locator import ProtocolKind, list_protocols


@dataclass(frozen=True, slots=True)
class Match:
    """How a protocol fares on some series.

    Attributes
    ----------
    ident : str
        ``id@version``.
    n_series : int
        Series that it speaks about.
    n_pass, n_fail, n_not_evaluable, n_missing_series : int
        Outcomes of its rules.
    score : float
        Passes over everything that was to be judged, 0 to 1.
    title : str
        Of the protocol.
    is_draft : bool
        Whether its limits are unconfirmed.
    """

    ident: str
    n_series: int
    n_pass: int
    n_fail: int
    n_not_evaluable: int
    n_missing_series: int
    score: float
    title: str
    is_draft: bool


def newest_protocols() -> list[AcquisitionProtocol]:
    """Return the version of every shipped protocol that its bare id means, no retired one."""
    ids = sorted({path.parent.name for path in list_protocols(ProtocolKind.ACQUISITION)})
    return [one for one in map(load_acquisition, ids) if not one.document.is_retired]


def match_protocols(
    series: Sequence[SeriesHeaders], protocols: Sequence[AcquisitionProtocol] | None = None
) -> list[Match]:
    """Rank protocols on series, the best first; those that speak of none are left out.

    Parameters
    ----------
    series : sequence of SeriesHeaders
    protocols : sequence of AcquisitionProtocol, optional
        Shipped ones by default.

    Notes
    -----
    Ordered by score, then by the number of rules that passed: among protocols
    that all pass, the one that asks for more fits better.
    """
    examined = [from_headers(one) for one in series]
    found = []
    for protocol in newest_protocols() if protocols is None else protocols:
        results = evaluate_examined(protocol, examined)
        applied = [r for r in results if r.outcome is not Outcome.NOT_APPLICABLE]
        counts = Counter(r.outcome for r in applied)
        covered = {r.series_uid for r in applied if r.series_uid}
        if covered:
            found.append(
                Match(
                    protocol.ident,
                    len(covered),
                    counts[Outcome.PASS],
                    counts[Outcome.FAIL],
                    counts[Outcome.NOT_EVALUABLE],
                    counts[Outcome.MISSING_SERIES],
                    counts[Outcome.PASS] / len(applied),
                    protocol.document.header.title,
                    protocol.document.is_draft,
                )
            )
    return sorted(found, key=lambda m: (-m.score, -m.n_pass, m.ident))
