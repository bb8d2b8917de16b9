"""Errors of a cluster: it cannot be used as it is, or it let the run down."""

from biomarker_cli.model.errors import BiomarkerError
from biomarker_cli.model.exit_codes import ExitCode
from biomarker_cli.study.errors import StudyError


class ClusterError(StudyError):
    """A cluster that no case is given to: it is not there, or would measure otherwise."""


class ClusterLostError(BiomarkerError):
    """The cluster went away while cases were measured; the data are not to blame."""

    exit_code = ExitCode.FAILED
