"""The grey level co-occurrence matrix (IBSI-1, section 3.6)."""

from __future__ import annotations

from biomarker_cli.radiomics.features.registry import AGGREGATED_BY_DIRECTION, define_family

_ROWS = (
    ("joint_maximum", "GYBY", "MaximumProbability"),
    ("joint_average", "60VM", "JointAverage"),
    ("joint_variance", "UR99", "SumSquares"),
    ("joint_entropy", "TU9B", "JointEntropy"),
    ("difference_average", "TF7R", "DifferenceAverage"),
    ("difference_variance", "D3YU", "DifferenceVariance"),
    ("difference_entropy", "NTRS", "DifferenceEntropy"),
    ("sum_average", "ZGXS", "SumAverage"),
    ("sum_variance", "OEEB", ""),
    ("sum_entropy", "P6QZ", "SumEntropy"),
    ("angular_second_moment", "8ZQL", "JointEnergy"),
    ("contrast", "ACUI", "Contrast"),
    ("dissimilarity", "8S9J", ""),
    ("inverse_difference", "IB1Z", "Id"),
    ("normalised_inverse_difference", "NDRX", "Idn"),
    ("inverse_difference_moment", "WF0Z", "Idm"),
    ("normalised_inverse_difference_moment", "1QCO", "Idmn"),
    ("inverse_variance", "E8JP", "InverseVariance"),
    ("correlation", "NI2N", "Correlation"),
    ("autocorrelation", "QWB0", "Autocorrelation"),
    ("cluster_tendency", "DG8W", "ClusterTendency"),
    ("cluster_shade", "7NFM", "ClusterShade"),
    ("cluster_prominence", "AE86", "ClusterProminence"),
    ("information_correlation_1", "R8DG", "Imc1", "First measure of information correlation"),
    ("information_correlation_2", "JN9H", "Imc2", "Second measure of information correlation"),
    ("maximal_correlation_coefficient", "", "MCC"),
)

GLCM = define_family(
    "glcm",
    _ROWS,
    reference="IBSI-1 v11, section 3.6",
    aggregations=AGGREGATED_BY_DIRECTION,
    pyradiomics_class="glcm",
)
"""Definitions by name and aggregation."""
