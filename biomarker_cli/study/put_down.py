"""A result is put down where it was measured: written whole, beside its place in the store.

The run gives it its name, which takes no time: so one process alone decides what is in
the store, and waits for no disk. What cannot be put down is sent to the run, which stores
it or says why it cannot.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from biomarker_cli.case.inputs import digests_of_parts
from biomarker_cli.study.cohort_case import ToldResult
from biomarker_cli.study.keys import key_parts
from biomarker_cli.study.packed import pack
from biomarker_cli.study.store import ResultStore

if TYPE_CHECKING:
    from biomarker_cli.case.plan import CasePlan
    from biomarker_cli.study.finished import FinishedResult


@dataclass(frozen=True)
class PutDown:
    """A result that was put down.

    Attributes
    ----------
    part : Path
        Where it lies.
    told : ToldResult
    """

    part: Path
    told: ToldResult


def put_down(plan: CasePlan, result: FinishedResult) -> FinishedResult:
    """Put a result down as its plan says; what is returned of it is what the run needs.

    Where it cannot be put down, it is returned as it is.
    """
    order = plan.store
    if order is None:
        return result
    key = {} if result.met_change else key_parts(plan, result.inputs)
    digests = digests_of_parts(plan, result.inputs)
    packed, dictionaries = pack(result, order.study_id, key, order.names, digests)
    try:
        sealed, part = ResultStore(order.run).save_beside(packed, dictionaries)
    except OSError:
        return result
    done = PutDown(part, ToldResult.of(sealed))
    return replace(result, lines={}, dictionaries={}, log="", put_down=done)
