"""The nouns every room shares: errors, flags, quantities, features, measurements."""

from biomarker_cli.model.errors import (
    BiomarkerError,
    CaseError,
    ConfigurationError,
    InputNotFoundError,
)
from biomarker_cli.model.exit_codes import ExitCode, worst_exit_code
from biomarker_cli.model.features import FeatureDefinition, FeatureRegistry
from biomarker_cli.model.flags import FLAGS, join_flags
from biomarker_cli.model.measurement import Measurement, MeasurementStatus
from biomarker_cli.model.quantity import QUANTITIES, Quantity

__all__ = [
    "FLAGS",
    "QUANTITIES",
    "BiomarkerError",
    "CaseError",
    "ConfigurationError",
    "ExitCode",
    "FeatureDefinition",
    "FeatureRegistry",
    "InputNotFoundError",
    "Measurement",
    "MeasurementStatus",
    "Quantity",
    "join_flags",
    "worst_exit_code",
]
