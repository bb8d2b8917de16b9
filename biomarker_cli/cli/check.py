"""``biomarker check``: does a scan meet an acquisition protocol."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from biomarker_cli.cli.headers import Headers, read_headers
from biomarker_cli.cli.new_files import require_new_file, write_new_file
from biomarker_cli.cli.options import format_option, paths_argument, quiet_option, verbose_option
from biomarker_cli.cli.output import WIDTH, Listing, note, print_json, say, say_prose
from biomarker_cli.cli.strict_command import strict_command
from biomarker_cli.model.exit_codes import ExitCode
from biomarker_cli.model.wording import SHORT_UID, counted, cut_in_middle, shown

if TYPE_CHECKING:
    from biomarker_cli.acquisition.protocol import AcquisitionProtocol
    from biomarker_cli.acquisition.results import CheckResult
    from biomarker_cli.acquisition.series import SeriesHeaders

_EPILOG = """\b
Examples:
  biomarker check /data/patient/ct --protocol recist-ct
  biomarker check /data/trial --protocol qiba-fdg-1-14 -o checks.csv --junit checks.xml
  biomarker check /data/trial --protocol site.yaml --waivers waivers.yaml --strict
  biomarker check /data/phantom --protocol earl-1-phantom --measured recovery.csv

Exit codes: 0 every error-level rule passes, 4 one fails (with --strict also one
that cannot be judged or whose series is missing), 3 nothing that the protocol
speaks of, 2 a bad protocol.
"""

_SHORTEST_PATH = 20

_ORDER = ("fail", "missing_series", "not_evaluable", "waived", "pass", "not_applicable")


@strict_command(epilog=_EPILOG)
@paths_argument
@click.option(
    "--protocol", required=True, metavar="ID[@V]|FILE", help="Acquisition protocol to hold against."
)
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write checks.csv here.")
@click.option("--junit", type=click.Path(path_type=Path), help="Write JUnit XML here.")
@quiet_option
@verbose_option("series")
@format_option
@click.option("--strict", is_flag=True, help="What cannot be judged is a violation, too.")
@click.option(
    "--waivers",
    type=click.Path(path_type=Path),
    help="Accepted deviations, each with a reason and an expiry.",
)
@click.option(
    "--measured",
    type=click.Path(path_type=Path),
    metavar="FILE.csv",
    help="What no header tells, such as the recovery of a phantom.",
)
@click.option(
    "--locked", is_flag=True, help="Refuse a protocol that differs from ./protocols.lock."
)
@click.pass_context
def check(
    context: click.Context, /, protocol: str, output_format: str, strict: bool, **given: Any
) -> None:
    """Judge every series below PATH by an acquisition protocol.

    A rule passes, fails, or cannot be judged: a tag that is missing or
    implausible is never a pass. Headers alone are read, so that a series that
    makes no volume is judged as well.
    """
    from biomarker_cli.acquisition.protocol import load_acquisition
    from biomarker_cli.acquisition.results import TOLD_BESIDE, exit_code

    loaded = load_acquisition(protocol)
    if given["locked"]:
        _require_locked(loaded)
    _require_new_files(given["output"], given["junit"])
    headers, results = _judge(given["paths"], loaded, given["waivers"], given["measured"])
    for path in _write(results, given["output"], given["junit"]):
        note(f"written: {path}")
    if given["verbose"]:
        _say_each(headers.series, results)
    if output_format == "json":
        if _note(loaded):
            note(f"{loaded.ident}: {_note(loaded)}")
        print_json([r.row() | {key: getattr(r, key) for key in TOLD_BESIDE} for r in results])
    else:
        _print_text(loaded, headers.series, results)
    code = exit_code(results, strict=strict)
    if strict and headers.n_unreadable and code is ExitCode.DONE:
        # A file that cannot be read may be a slice of what was judged.
        code = ExitCode.VIOLATION
    context.exit(code)


def _say_each(series: Sequence[SeriesHeaders], results: Sequence[CheckResult]) -> None:
    """Say what became of each series."""
    outcomes: dict[str, Counter[str]] = {one.series_uid: Counter() for one in series}
    for result in results:
        for uid in filter(None, result.series_uid.split(";")):
            outcomes.setdefault(uid, Counter())[result.outcome.value] += 1
    for uid, counts in outcomes.items():
        told = ", ".join(f"{counts[word]} {word}" for word in _ORDER if counts[word])
        say(f"series {uid}: {told or 'no rule speaks of it'}", err=True)


def _note(protocol: AcquisitionProtocol) -> str:
    """Return what to know of a protocol that is not active, empty where it is."""
    document = protocol.document
    if document.is_retired:
        return "retired: `biomarker protocol list` shows what replaces it"
    if not document.is_draft:
        return ""
    made = "a draft" if document.header.status == "draft" else "extends a draft"
    return f"{made}: its limits are not confirmed in their sources yet"


def _require_new_files(output: Path | None, junit: Path | None) -> None:
    """Refuse outputs that could not be written, before an hour of reading."""
    if output is not None and output == junit:
        raise click.UsageError("-o and --junit name one file")
    for path in filter(None, (output, junit)):
        require_new_file(path)


def _require_locked(protocol: AcquisitionProtocol) -> None:
    from biomarker_cli.protocol.locator import ProtocolKind
    from biomarker_cli.protocol.lock import LOCK_NAME, require_locked

    require_locked(Path(LOCK_NAME), ProtocolKind.ACQUISITION, protocol.document)


def _judge(
    paths: tuple[Path, ...],
    protocol: AcquisitionProtocol,
    waivers: Path | None,
    measured: Path | None,
) -> tuple[Headers, list[CheckResult]]:
    from datetime import UTC, datetime

    from biomarker_cli.acquisition.evaluating import evaluate
    from biomarker_cli.acquisition.measured import load_measured
    from biomarker_cli.acquisition.waivers import (
        apply_waivers,
        load_waivers,
        require_known_rules,
        unused,
    )

    accepted = load_waivers(waivers) if waivers else ()
    require_known_rules(accepted, [protocol])
    told = load_measured(measured) if measured else ()
    headers = read_headers(paths)
    results = evaluate(protocol, headers.series, measured=told)
    for waiver in unused(accepted, results):
        say(
            f"the waiver for {waiver.protocol} {waiver.rule}, series {waiver.series}, "
            "speaks of no row that needs it",
            err=True,
        )
    return headers, apply_waivers(results, accepted, datetime.now(UTC).date())


def _write(results: Sequence[CheckResult], output: Path | None, junit: Path | None) -> list[Path]:
    from biomarker_cli.acquisition.junit import check_xml
    from biomarker_cli.acquisition.results import CHECK_COLUMNS
    from biomarker_cli.tables.cells import csv_text

    texts = []
    if output is not None:
        texts.append((output, csv_text(CHECK_COLUMNS, [result.row() for result in results])))
    if junit is not None:
        texts.append((junit, check_xml(results)))
    for path, text in texts:
        write_new_file(path, text)
    return [path for path, _ in texts]


def _print_text(
    protocol: AcquisitionProtocol,
    series: Sequence[SeriesHeaders],
    results: Sequence[CheckResult],
) -> None:

    header = protocol.document.header
    say(f"{protocol.ident}  {header.title}")
    if _note(protocol):
        say(_note(protocol))
    judged = [r for r in results if r.outcome != "not_applicable"]
    numbers = _print_series(series, {u for r in judged for u in r.series_uid.split(";") if u})
    if not judged:
        what = counted(len(series), "series", "series")
        kinds = ", ".join(sorted({one.modality for one in series}))
        say(f"nothing to check: {what} ({kinds}), none is what the protocol is for")
        return
    _print_table(judged, numbers)
    _print_fixes(judged)
    counts = Counter(r.outcome.value for r in judged)
    say(", ".join(f"{counts[word]} {word}" for word in _ORDER if counts[word]))
    others = len({s.series_uid for s in series}) - len(numbers)
    if others:
        said = counted(others, "other series is", "other series are")
        say(f"{said} not what the protocol is for")


def _print_series(series: Sequence[SeriesHeaders], covered: set[str]) -> dict[str, int]:
    """Print the series that were judged, and return their numbers in the table."""
    numbers: dict[str, int] = {}
    for one in series:
        if one.series_uid not in covered or one.series_uid in numbers:
            continue
        numbers[one.series_uid] = len(numbers) + 1
        n_files = len({frame.path for frame in one.frames})
        uid = cut_in_middle(one.series_uid, SHORT_UID)
        head = f"series {numbers[one.series_uid]}: {one.modality} {uid}, "
        head += f"{counted(n_files, 'file')} in "
        room = max(WIDTH - len(head), _SHORTEST_PATH)
        say(head + cut_in_middle(shown(str(one.frames.first.path.parent)), room))
    return numbers


def _rank(result: CheckResult) -> tuple[int, int]:
    severity = ("error", "warning", "info").index(result.severity)
    return _ORDER.index(result.outcome.value), severity


def _print_table(results: Sequence[CheckResult], numbers: dict[str, int]) -> None:

    columns = {"outcome": True, "severity": True, "rule": True, "what": True, "found": True}
    # What would stand in every row and say nothing is left out.
    columns["severity"] = any(r.severity != "error" for r in results)
    columns["expected"] = True
    columns["series"] = len(numbers) > 1 or not all(r.series_uid for r in results)
    told = [name for name, is_told in columns.items() if is_told]
    table = Listing("", told, whole=("outcome", "severity", "rule"))
    for result in sorted(results, key=_rank):
        uids = [uid for uid in result.series_uid.split(";") if uid]
        names = [str(numbers.get(uid, cut_in_middle(uid, SHORT_UID))) for uid in uids]
        unit = "" if result.unit == "1" else result.unit
        cells = {
            "outcome": result.outcome.value,
            "severity": result.severity,
            "rule": result.rule_id,
            "what": result.title,
            "found": result.observed or "-",
            "expected": f"{result.expected} {unit}".strip(),
            "series": ",".join(names) or result.scope,
        }
        table.add_row(*(cells[name] for name in told))
    table.print()


def _print_fixes(results: Sequence[CheckResult]) -> None:
    """Say once per rule what is wrong and what to do; rules that say the same stand together."""
    told: dict[tuple[tuple[str, str], ...], list[str]] = {}
    seen: set[str] = set()
    for result in sorted(results, key=_rank):
        if result.outcome.value in {"pass", "not_applicable"} or result.rule_id in seen:
            continue
        seen.add(result.rule_id)
        why, fix = result.why, result.fix
        if result.outcome.value == "missing_series":
            why, fix = "", "Send the series, or look with `biomarker scan` why it is not told."
        lines = [("found", result.reason), ("why", why), ("fix", fix)]
        texts = tuple((word, text) for word, text in lines if text)
        if texts:
            told.setdefault(texts, []).append(result.rule_id)
    for texts, rules in told.items():
        say_prose(", ".join(rules))
        for word, text in texts:
            say_prose(text, f"  {word:5} ")
