"""The command ``biomarker``: its commands, and what an error looks like.

A command is loaded when it runs, and imports the rooms it uses inside its body, so
that ``--help`` answers at once; a test holds that.
"""

from __future__ import annotations

import errno
import io
import os
import platform
import sys
import traceback
import warnings
from typing import NoReturn, TextIO

import click

from biomarker_cli.cli.interrupting import MESSAGE, code_of, end_on_signals
from biomarker_cli.cli.on_demand import CommandsOnDemand
from biomarker_cli.cli.output import prepare_streams, print_error, say, say_lines
from biomarker_cli.model.errors import (
    BiomarkerError,
    ConfigurationError,
    FileSystemError,
    InputNotFoundError,
)
from biomarker_cli.model.exit_codes import ExitCode
from biomarker_cli.model.version import __version__
from biomarker_cli.model.wording import bounded

_EPILOG = """\b
Examples:
  biomarker scan /data/trial
  biomarker run study.yaml -o results

Exit codes: 0 done, 2 usage or bad protocol, 3 nothing found, 4 protocol
violation, 5 partly failed, 6 all failed, 7 out of tolerance, 1 internal error.
"""


COMMANDS = CommandsOnDemand(
    __package__,
    {
        "init": "init:init",
        "scan": "scan:scan",
        "check": "check:check",
        "regions": "regions:regions",
        "extract": "extract:extract",
        "register": "register:register",
        "suv-explain": "suv_explain:suv_explain",
        "bvalues": "bvalues:bvalues",
        "timepoints": "timepoints:timepoints",
        "run": "run:run",
        "merge": "merge:merge",
        "status": "status:status",
        "study": "study:study",
        "verify": "verify:verify",
        "compare": "compare:compare",
        "repeatability": "repeatability:repeatability",
        "change": "change:change",
        "samplesize": "samplesize:samplesize",
        "reference": "reference:reference",
        "readers": "readers:readers",
        "review": "review:review",
        "combat": "combat:combat",
        "pool": "pool:pool",
        "join": "join:join",
        "associate": "associate:associate",
        "export": "export:export",
        "import": "importing:importing",
        "fetch": "fetch:fetch",
        "send": "send:send",
        "deidentify": "deidentify:deidentify",
        "report": "report:report",
        "bundle": "bundle:bundle",
        "plot": "plot:plot",
        "phantom": "phantom:phantom",
        "response": "response:response",
        "passport": "passport:passport",
        "protocol": "protocol:protocol",
        "doctor": "doctor:doctor",
    },
)


def _print_version(context: click.Context, parameter: click.Parameter, value: bool) -> None:
    """Print version and build: one version that was changed in place is another program."""
    del parameter
    if value and not context.resilient_parsing:
        from biomarker_cli.model.version import code_digest

        say(f"biomarker {__version__}, build {code_digest()}, Python {platform.python_version()}")
        context.exit()


@click.group(
    commands=COMMANDS,
    epilog=_EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_version,
    help="Show the version with a digest of the installed code, and exit.",
)
def cli() -> None:
    """Turn DICOM series of many centres into imaging biomarkers that may be pooled.

    Series are checked against a versioned acquisition protocol, meet their
    segmentation, become a quantity (HU, SUV, ADC) and are measured by a
    versioned analysis protocol. Tables are CSV; every number says where it
    came from, and what cannot be trusted does not leave.
    """


def main() -> NoReturn:
    """Run the command line and exit with a code of the contract."""
    prepare_streams()
    end_on_signals()
    try:
        result = cli.main(prog_name="biomarker", standalone_mode=False)
        sys.exit(result if isinstance(result, int) else ExitCode.DONE)
    except click.exceptions.Exit as error:
        sys.exit(error.exit_code)
    except click.ClickException as error:
        _print_usage_error(error)
        sys.exit(ExitCode.USAGE)
    except (click.Abort, KeyboardInterrupt) as error:
        say(MESSAGE, err=True)
        # An interrupt inside code made from text, such as a dataclass being defined by
        # an import, is remembered by CPython, and `python -m` then dies of the signal
        # whatever the exit code. Code made from text that ends well is forgotten.
        eval("None")  # noqa: S307 - a constant
        sys.exit(code_of(error))
    except BiomarkerError as error:
        print_error(error)
        sys.exit(error.exit_code)
    except OSError as error:
        # A disk that is full, a folder that may not be written: nothing for a defect report.
        refusal = file_error(error)
        print_error(refusal)
        sys.exit(refusal.exit_code)
    except Exception as error:  # noqa: BLE001 - the last handler: it names the defect and exits 1
        _print_traceback()
        say(f"internal error: {type(error).__name__}: {bounded(str(error))}", err=True)
        say("  next   set BIOMARKER_DEBUG=1 for the traceback, and report it", err=True)
        sys.exit(ExitCode.INTERNAL)


def file_error(error: OSError) -> BiomarkerError:
    """Return what the system refused as an error with a code."""
    _print_traceback()
    what = error.strerror or type(error).__name__
    where = str(error.filename or "")
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return FileSystemError(
            "DISK-FULL",
            what,
            where=where,
            hint="Make room and run the same command again: `run` goes on where it stopped.",
        )
    if error.errno in {errno.EACCES, errno.EPERM, errno.EROFS}:
        return FileSystemError(
            "FILE-ACCESS",
            what,
            where=where,
            hint="Ask for the right to read or write there, or choose another folder with -o.",
        )
    if error.errno in {errno.EEXIST, errno.ENOTDIR, errno.EISDIR}:
        return ConfigurationError(
            "PATH-KIND",
            what,
            where=where,
            hint="A file stands where a folder is asked for, or a folder where a file is.",
        )
    if error.errno == errno.ENOENT:
        return InputNotFoundError(
            "FILE-GONE", what, where=where, hint="Check the path: was it moved as the command ran?"
        )
    return FileSystemError(
        "FILE-SYSTEM",
        what,
        where=where,
        hint="Check the path and the disk, and run the same command again.",
    )


def _print_traceback() -> None:
    if os.environ.get("BIOMARKER_DEBUG"):
        say_lines(traceback.format_exc(), err=True)


def _print_usage_error(error: click.ClickException) -> None:
    """Print what click says of a command line; a file name may stand in it."""
    text = io.StringIO()
    error.show(file=text)
    say_lines(text.getvalue(), err=True)


def _say_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """Print a warning of a library: it may quote a header."""
    del filename, lineno, file, line
    say(f"warning  {category.__name__}: {bounded(str(message))}", err=True)


# When the module is imported: the workers of a run do that, and never call `main`.
warnings.showwarning = _say_warning
