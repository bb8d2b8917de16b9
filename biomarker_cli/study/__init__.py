"""A study: its file, its cases, the runner, the result store and the tables."""

from typing import TYPE_CHECKING

from biomarker_cli.on_demand import names_on_demand

if TYPE_CHECKING:
    from biomarker_cli.study.errors import StudyError
    from biomarker_cli.study.initialise import initialise_study
    from biomarker_cli.study.planned import PlannedCase
    from biomarker_cli.study.planning import plan_study
    from biomarker_cli.study.runner import RunOptions, RunReport, StudyRun, run_study
    from biomarker_cli.study.single import SingleCase, plan_single
    from biomarker_cli.study.store import ResultStore
    from biomarker_cli.study.study_file import Study, load_study
else:
    __getattr__ = names_on_demand(
        __name__,
        errors="StudyError",
        initialise="initialise_study",
        planned="PlannedCase",
        planning="plan_study",
        runner="RunOptions RunReport StudyRun run_study",
        single="SingleCase plan_single",
        store="ResultStore",
        study_file="Study load_study",
    )

__all__ = [
    "PlannedCase",
    "ResultStore",
    "RunOptions",
    "RunReport",
    "SingleCase",
    "Study",
    "StudyError",
    "StudyRun",
    "initialise_study",
    "load_study",
    "plan_single",
    "plan_study",
    "run_study",
]
