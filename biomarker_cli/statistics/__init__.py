"""Statistics of values under a mask; the percentile rule is said once, here."""

from biomarker_cli.statistics.histogram import HISTOGRAM, histogram_entropy
from biomarker_cli.statistics.intensity import INTENSITY, STATISTICS, intensity_measurements
from biomarker_cli.statistics.percentiles import percentile

__all__ = [
    "HISTOGRAM",
    "INTENSITY",
    "STATISTICS",
    "histogram_entropy",
    "intensity_measurements",
    "percentile",
]
