"""The way of one case: from its plan to its result.

No policy about files or retries stands here; a case is a pure function of its
plan. Reading happens at its start, writing is the study's business.
"""

from typing import TYPE_CHECKING

from biomarker_cli.on_demand import names_on_demand

if TYPE_CHECKING:
    from biomarker_cli.case.analysis import Analysis, load_analysis
    from biomarker_cli.case.comparing import SettingChange, compare_analyses
    from biomarker_cli.case.plan import CasePlan
    from biomarker_cli.case.result import CaseResult, CaseStatus
    from biomarker_cli.case.running import run_case
else:
    __getattr__ = names_on_demand(
        __name__,
        analysis="Analysis load_analysis",
        comparing="SettingChange compare_analyses",
        plan="CasePlan",
        result="CaseResult CaseStatus",
        running="run_case",
    )

__all__ = [
    "Analysis",
    "CasePlan",
    "CaseResult",
    "CaseStatus",
    "SettingChange",
    "compare_analyses",
    "load_analysis",
    "run_case",
]
