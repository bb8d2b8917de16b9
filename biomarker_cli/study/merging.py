"""Measure a shard of a study, and make one run of all shards."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from biomarker_cli.catalogue.index import FileIndex, key_version
from biomarker_cli.model.version import __version__, code_digest
from biomarker_cli.study.cohort import Cohort
from biomarker_cli.study.cohort_case import CohortCase, Decision
from biomarker_cli.study.decisions import decide_cases
from biomarker_cli.study.errors import StudyError
from biomarker_cli.study.finishing import finish
from biomarker_cli.study.integrity import examine_cohort
from biomarker_cli.study.judged import JudgedResults
from biomarker_cli.study.keeping import Keeping
from biomarker_cli.study.locking import beside_others, exclusive
from biomarker_cli.study.measuring import Measuring
from biomarker_cli.study.run_log import JSON_LINES, RunLog
from biomarker_cli.study.runner import (
    RunOptions,
    RunProgress,
    RunReport,
    StudyRun,
    executor_of,
    report_of,
)
from biomarker_cli.study.shards import (
    FOLDER,
    Shard,
    ShardFile,
    ShardMade,
    begin_shard,
    damaged,
    end_shard,
    lines_of,
    no_shards,
    read_shards,
)
from biomarker_cli.study.store import ResultStore
from biomarker_cli.study.study_file import Study, load_study, with_key
from biomarker_cli.study.study_protocols import resolve_protocols, resolve_waivers
from biomarker_cli.study.surveying import require_overrides_used, survey_study
from biomarker_cli.study.terms import StudyTerms, study_sha256


@dataclass(frozen=True)
class StudyPart:
    """A shard of a study.

    Attributes
    ----------
    shard : Shard
    study : Study
        The whole one.
    study_file : Path
    """

    shard: Shard
    study: Study
    study_file: Path

    @property
    def own(self) -> Study:
        """The study with the cases of the shard alone."""
        entries = tuple(e for e in self.study.entries if self.shard.has(e.case_id))
        return replace(self.study, entries=entries)


def run_shard(
    part: StudyPart,
    study: StudyRun,
    folder: Path,
    options: RunOptions,
    progress: RunProgress | None = None,
) -> RunReport:
    """Measure what is due of a shard; no table is written.

    What the cohort finds is found by `merge_shards`: a shard measures what it can.

    Parameters
    ----------
    part : StudyPart
    study : StudyRun
        Of the cases of the shard.
    folder : Path
        The same for all shards.
    options : RunOptions
    progress : RunProgress, optional

    Raises
    ------
    StudyError
        ``OUTPUT-EXISTS``, ``RUN-BUSY``, ``RUN-NO-LOCKS``.
    """
    progress = progress or RunProgress()
    store = ResultStore(folder)
    mended = store.open_for(study.terms.study_id)
    below = folder / FOLDER
    below.mkdir(exist_ok=True)
    with (
        beside_others(store.results_folder),
        exclusive(below, f".{part.shard.stem}.lock"),
        RunLog(below / f"{part.shard.stem}.jsonl") as log,
        study.index_open(),
        study.cohort(below / part.shard.stem).held() as cohort,
    ):
        begin_shard(folder, part.shard)
        store.list_if_new(study.terms.study_id, [e.case_id for e in part.study.entries])
        survey_study(study.source, cohort, progress.planned)
        keeping = Keeping(folder, study.terms.keep)
        decide_cases(cohort, study.source, store, study.terms.study_id, options.rules, keeping)
        log.planned(cohort)
        measuring = Measuring(study.terms.study_id, study.source, cohort, store, log, keeping)
        measuring.run(executor_of(options), progress)
        made = made_with(part.study, study.terms)
        end_shard(folder, part.shard, made, part.study_file, cohort)
    judged = JudgedResults(cohort, store, study.terms.study_id)
    remarks = [*filter(None, [mended]), *measuring.remarks]
    report = report_of(judged, [], folder, remarks, strict=options.strict)
    return report.without(measuring.later.not_kept)


def made_with(study: Study, terms: StudyTerms) -> ShardMade:
    """Return what a shard of a study is made with here and now."""
    return ShardMade(
        study=terms.study_id,
        study_sha256=study_sha256(study, terms.waivers),
        program=f"{__version__} ({code_digest()})",
        protocols=terms.digests(),
        study_key=terms.key_fingerprint,
        person_key=key_version(),
    )


def merge_shards(
    folder: Path,
    study_file: Path | None = None,
    allowed: tuple[Path, ...] = (),
    *,
    strict: bool = False,
) -> RunReport:
    """Judge the cohort of all shards, and write the tables of the whole study.

    Neither images nor segmentations are opened.

    Parameters
    ----------
    folder : Path
        Of the run.
    study_file : Path, optional
        By default where the shards had it from.
    allowed : tuple of Path
        Folders outside that of the study in which it may name files.
    strict : bool
        An acquisition rule that is broken or cannot be judged gives exit code 4.

    Raises
    ------
    StudyError
        ``SHARD-MISSING``, ``SHARD-UNLIKE``, ``SHARD-DAMAGED``, ``RUN-BUSY``, ``RUN-RESULT-LOST``,
        ``OVERRIDE-UNUSED``.
    """
    store = ResultStore(folder)
    if not store.results_folder.is_dir():
        raise no_shards(folder)
    with exclusive(store.results_folder):
        store.remove_unfinished()
        shards = read_shards(folder)
        study = _study_of(shards[0], folder, study_file, allowed)
        protocols = resolve_protocols(study)
        terms = StudyTerms.of(study, protocols, resolve_waivers(study, protocols))
        _require_made_alike(shards[0], made_with(study, terms), folder)
        return _merged(study, terms, shards, store, strict=strict)


def _require_made_alike(file: ShardFile, here: ShardMade, folder: Path) -> None:
    differing = file.made.differs(here)
    if differing:
        raise StudyError(
            "SHARD-UNLIKE",
            f"the shards were not made with what is here now: {'; '.join(differing)}",
            where=str(folder / FOLDER),
            hint="Run the shards again, or merge with the study and program that they were made "
            "with.",
        )


def _merged(
    study: Study, terms: StudyTerms, shards: list[ShardFile], store: ResultStore, *, strict: bool
) -> RunReport:
    folder = store.folder
    cache = FileIndex.of_user().folder
    with (
        RunLog(folder / JSON_LINES) as log,
        Cohort.of_folder(folder, cache, refuses=terms.refuses).held() as cohort,
    ):
        _gather(cohort, study, shards, folder)
        examine_cohort(cohort)
        _drop_refused(cohort)
        judged = JudgedResults(cohort, store, terms.study_id)
        wide = finish(terms, judged, folder, ())
        Keeping(folder).remove_others(entry.case_id for entry in study.entries)
        log.ended()
    return report_of(judged, wide, folder, (), strict=strict)


def _study_of(
    file: ShardFile, folder: Path, study_file: Path | None, allowed: tuple[Path, ...]
) -> Study:
    path = study_file or folder / file.study_file
    if study_file is None and not path.is_file():
        raise StudyError(
            "STUDY-NOT-FOUND",
            f"the study file of the shards is not there: {path}",
            hint="Name it with --study.",
        )
    return with_key(load_study(path, allowed), writes=False)


def _gather(cohort: Cohort, study: Study, shards: Iterable[ShardFile], folder: Path) -> None:
    """Take up the cases of all shards: each case of the study, once."""
    places = {entry.case_id: place for place, entry in enumerate(study.entries)}
    used: set[str] = set()
    n_cases = 0
    for file in shards:
        for said in lines_of(folder, file):
            try:
                survey = cohort.take_exported(said, places)
            except (KeyError, TypeError, ValueError) as error:
                path = folder / FOLDER / f"{file.shard.stem}.cases"
                raise damaged(path, f"a line is of no case of the study ({error})") from error
            used.update(survey.overrides)
            n_cases += 1
    if n_cases != len(places):
        raise StudyError(
            "SHARD-MISSING",
            f"the shards hold {n_cases} cases, the study has {len(places)}",
            where=str(folder / FOLDER),
            hint="Run the shards again: their files were mixed up.",
        )
    require_overrides_used((o.identity for o in study.overrides), used)
    cohort.close_survey()


def _drop_refused(cohort: Cohort) -> None:
    """Forget the results of what the cohort refuses; others stay as their shards left them."""
    refused: list[CohortCase] = [case for case in cohort.cases() if case.refusal is not None]
    for case in refused:
        assert case.refusal is not None  # noqa: S101 - chosen by it
        cohort.drop_result(case.number)
        cohort.decide(case.number, Decision("refuse", case.refusal.code))
