"""``biomarker plot``: one figure of a run or of an assessment, as SVG or PNG."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from biomarker_cli.cli.new_files import require_new_file
from biomarker_cli.cli.options import format_option
from biomarker_cli.cli.output import print_json, say
from biomarker_cli.cli.strict_command import strict_command
from biomarker_cli.model.wording import counted

_EPILOG = """\b
Examples:
  biomarker plot sites results --feature adc.intensity.median --roi GTV
  biomarker plot change results --feature suvbw.uptake.max -o change.png
  biomarker plot bland-altman retest --feature 'adc.*median' --roi GTV
  biomarker plot waterfall response -o waterfall.svg
  biomarker plot swimmer response --criterion irecist --reader R1

A picture is of one feature of one ROI, or of one criterion and one reader; say
which where the tables have several. The name of the file says SVG or PNG.
"""

_OF_RUNS = {
    "change": "Draw a feature over the visits of each subject.",
    "sites": "Draw a feature by site, outliers marked.",
    "bland-altman": "Draw the difference of two repeats over their mean.",
}
_OF_RESPONSE = {
    "waterfall": "Draw the best change from baseline of each subject as a bar.",
    "spider": "Draw the change from baseline of each subject over its days.",
    "swimmer": "Draw the visits of each subject on a lane to its end.",
}


_Command = Callable[..., None]


@click.group(epilog=_EPILOG)
def plot() -> None:
    """Draw one figure: of a run (change, sites, bland-altman) or of response.

    What is drawn stands in the tables, and a run or an assessment that was
    edited is refused. The same tables give the same bytes.
    """


def _output_options(kind: str) -> Callable[[_Command], _Command]:
    """Return what gives a command the options of the file that it writes."""

    def give(command: _Command) -> _Command:
        output = click.option(
            "-o",
            "--output",
            metavar="FILE.svg|.png",
            type=click.Path(path_type=Path),
            help=f"File to write [default: {kind}.svg in DIR].",
        )
        overwrite = click.option("--overwrite", is_flag=True, help="Replace an earlier picture.")
        return output(overwrite(format_option(command)))

    return give


def _of_run(kind: str) -> click.Command:
    takes_tables = kind == "bland-altman"

    @click.argument(
        "paths",
        metavar="TABLE..." if takes_tables else "DIR",
        nargs=-1 if takes_tables else 1,
        required=True,
        type=click.Path(path_type=Path),
    )
    @click.option("--feature", metavar="PATTERN", default="", help="Which one, of several.")
    @click.option("--roi", metavar="PATTERN", default="", help="Which one, of several.")
    @click.option("--role", metavar="ROLE", default="", help="Which image role, of several.")
    @click.option("--analysis", metavar="ID[@V]", default="", help="Which one, of several.")
    @_output_options(kind)
    def command(paths: Path | tuple[Path, ...], output: Path | None, **given: Any) -> None:
        from biomarker_cli.report.run_plots import WantedValues, repeats_figure, run_figure

        names = ("feature", "roi", "role", "analysis")
        wanted = WantedValues(*(given[name] for name in names))
        tables = paths if isinstance(paths, tuple) else (paths,)
        folder = tables[0] if tables[0].is_dir() else tables[0].parent
        path = _free(output or folder / f"{kind}.svg", overwrite=given["overwrite"])
        if takes_tables:
            figure = repeats_figure(tables, wanted, given["repeat"])
        else:
            figure = run_figure(kind, tables[0], wanted)
        _write(path, figure.svg)
        if given["output_format"] == "json":
            print_json(
                {"file": str(path), "kind": kind, "title": figure.title}
                | {"columns": list(figure.columns), "rows": [list(row) for row in figure.rows]}
            )
            return
        say(figure.title)
        for sentence in figure.said:
            say(sentence)
        say(f"written: {path}", err=True)

    if takes_tables:
        repeat = click.option(
            "--repeat",
            metavar="COLUMN",
            default="",
            help="Column that tells the repeats.  [default: repeat_id, else timepoint]",
        )
        command = repeat(command)
    return strict_command(kind, help=_OF_RUNS[kind], epilog=_EPILOG)(command)


def _of_response(kind: str) -> click.Command:
    @strict_command(kind, help=_OF_RESPONSE[kind], epilog=_EPILOG)
    @click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
    @click.option("--criterion", metavar="ID[@V]", default="", help="Which one, of several.")
    @click.option("--reader", metavar="NAME", help="Which one, of several.")
    @_output_options(kind)
    def command(
        folder: Path,
        criterion: str,
        reader: str | None,
        output: Path | None,
        output_format: str,
        **switches: bool,
    ) -> None:
        from biomarker_cli.report.response_plots import Wanted, response_picture

        path = _free(output or folder / f"{kind}.svg", overwrite=switches["overwrite"])
        picture = response_picture(kind, folder, Wanted(criterion, reader))
        _write(path, picture.svg)
        if output_format == "json":
            said = {"file": str(path), "kind": kind, "criterion": picture.criterion}
            more = {"reader": picture.reader, "subjects": picture.n_subjects}
            print_json(said | more | {"left_out": list(picture.left_out)})
            return
        say(f"{picture.criterion}: {counted(picture.n_subjects, 'subject')}")
        if picture.left_out:
            say(f"without a value to show: {', '.join(picture.left_out)}")
        say(f"written: {path}", err=True)

    return command


def _free(path: Path, *, overwrite: bool) -> Path:
    """Return a path that may be written."""
    from biomarker_cli.model.errors import ConfigurationError

    if path.suffix.lower() not in {".svg", ".png"}:
        raise ConfigurationError(
            "OUTPUT-FORMAT", f"expected a name that ends in .svg or .png, found {path.name}"
        )
    if not overwrite:
        require_new_file(path)
    return path


def _write(path: Path, svg: str) -> None:
    from biomarker_cli.drawing.figure_png import FigureTooLargeError, figure_png
    from biomarker_cli.model.outputs import replace_file
    from biomarker_cli.report.errors import ReportError

    try:
        content = figure_png(svg) if path.suffix.lower() == ".png" else svg.encode()
    except FigureTooLargeError as error:
        raise ReportError(
            "PLOT-TOO-LARGE", f"the picture would have {error}", hint="Write it as .svg."
        ) from error
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, content)


for _kind in _OF_RUNS:
    plot.add_command(_of_run(_kind))
for _kind in _OF_RESPONSE:
    plot.add_command(_of_response(_kind))
