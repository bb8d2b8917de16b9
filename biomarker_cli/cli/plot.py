"""``biomarker plot``: pictures of the tables of response assessment, as SVG."""

from __future__ import annotations

from pathlib import Path

import click

from biomarker_cli.cli.options import format_option
from biomarker_cli.cli.output import print_json, say
from biomarker_cli.model.wording import counted

_EPILOG = """\b
Examples:
  biomarker plot waterfall response -o waterfall.svg
  biomarker plot spider response --criterion recist-1.1
  biomarker plot swimmer response --criterion irecist --reader R1

DIR is a folder that `biomarker response -o` wrote. A picture is of one criterion
and one reader; say which where the tables have several.
"""

_SAYS = {
    "waterfall": "Draw the best change from baseline of each subject as a bar.",
    "spider": "Draw the change from baseline of each subject over its days.",
    "swimmer": "Draw the visits of each subject on a lane to its end.",
}


@click.group(epilog=_EPILOG)
def plot() -> None:
    """Draw the tables of response assessment: waterfall, spider or swimmer.

    What is drawn stands in the tables; nothing is computed anew, and a table
    that was edited is refused. Dashed lines are the limits of the criterion.
    """


def _command(kind: str) -> click.Command:
    @click.command(kind, help=_SAYS[kind], epilog=_EPILOG)
    @click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
    @click.option("--criterion", metavar="ID[@V]", default="", help="Which one, of several.")
    @click.option("--reader", metavar="NAME", help="Which one, of several.")
    @click.option(
        "-o",
        "--output",
        metavar="FILE.svg",
        type=click.Path(path_type=Path),
        help=f"File to write [default: {kind}.svg in DIR].",
    )
    @click.option("--overwrite", is_flag=True, help="Replace an earlier picture.")
    @format_option
    def command(
        folder: Path,
        criterion: str,
        reader: str | None,
        output: Path | None,
        output_format: str,
        **switches: bool,
    ) -> None:
        from biomarker_cli.model.outputs import replace_file
        from biomarker_cli.report.response_plots import Wanted, response_picture

        path = output or folder / f"{kind}.svg"
        _require_free(path, overwrite=switches["overwrite"])
        picture = response_picture(kind, folder, Wanted(criterion, reader))
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, picture.svg.encode())
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


def _require_free(path: Path, *, overwrite: bool) -> None:
    from biomarker_cli.model.errors import ConfigurationError

    if path.suffix.lower() != ".svg":
        raise ConfigurationError(
            "OUTPUT-FORMAT", f"expected a name that ends in .svg, found {path.name}"
        )
    if path.exists() and not overwrite:
        raise ConfigurationError(
            "OUTPUT-EXISTS",
            f"the file exists: {path}",
            hint="Choose another name with -o, or say --overwrite.",
        )


for _kind in _SAYS:
    plot.add_command(_command(_kind))
