"""Times of the command line are numbers: no comparison refuses what is none."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from biomarker_cli.cli.main import cli


@pytest.mark.parametrize("option", ["--timeout-per-case", "--wait-for-workers"])
@pytest.mark.parametrize("word", ["nan", "inf", "1e400", "-1"])
def test_what_is_no_time_is_a_usage_error(option, word):
    done = CliRunner().invoke(cli, ["run", "study.yaml", f"{option}={word}"])
    assert done.exit_code == 2
    assert option in done.stderr
