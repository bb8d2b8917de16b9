"""The grey level co-occurrence matrix (IBSI-1, section 3.6)."""

from __future__ import annotations

from biomarker_cli.radiomics.features.registry import AGGREGATED_BY_DIRECTION, define_family

_ROWS = (
    ("joint_maximum", "Joint maximum", "GYBY", "MaximumProbability"),
    ("joint_average", "Joint average", "60VM", "JointAverage"),
    ("joint_variance", "Joint variance", "UR99", "SumSquares"),
    ("joint_entropy", "Joint entropy", "TU9B", "JointEntropy"),
    ("difference_average", "Difference average", "TF7R", "DifferenceAverage"),
    ("difference_variance", "Difference variance", "D3YU", "DifferenceVariance"),
    ("difference_entropy", "Difference entropy", "NTRS", "DifferenceEntropy"),
    ("sum_average", "Sum average", "ZGXS", "SumAverage"),
    ("sum_variance", "Sum variance", "OEEB", ""),
    ("sum_entropy", "Sum entropy", "P6QZ", "SumEntropy"),
    ("angular_second_moment", "Angular second moment", "8ZQL", "JointEnergy"),
    ("contrast", "Contrast", "ACUI", "Contrast"),
    ("dissimilarity", "Dissimilarity", "8S9J", ""),
    ("inverse_difference", "Inverse difference", "IB1Z", "Id"),
    ("normalised_inverse_difference", "Normalised inverse difference", "NDRX", "Idn"),
    ("inverse_difference_moment", "Inverse difference moment", "WF0Z", "Idm"),
    (
        "normalised_inverse_difference_moment",
        "Normalised inverse difference moment",
        "1QCO",
        "Idmn",
    ),
    ("inverse_variance", "Inverse variance", "E8JP", "InverseVariance"),
    ("correlation", "Correlation", "NI2N", "Correlation"),
    ("autocorrelation", "Autocorrelation", "QWB0", "Autocorrelation"),
    ("cluster_tendency", "Cluster tendency", "DG8W", "ClusterTendency"),
    ("cluster_shade", "Cluster shade", "7NFM", "ClusterShade"),
    ("cluster_prominence", "Cluster prominence", "AE86", "ClusterProminence"),
    ("information_correlation_1", "First measure of information correlation", "R8DG", "Imc1"),
    ("information_correlation_2", "Second measure of information correlation", "JN9H", "Imc2"),
    ("maximal_correlation_coefficient", "Maximal correlation coefficient", "", "MCC"),
)

GLCM = define_family(
    "glcm",
    _ROWS,
    reference="IBSI-1 v11, section 3.6",
    aggregations=AGGREGATED_BY_DIRECTION,
    pyradiomics_class="glcm",
)
"""Definitions by name and aggregation."""
