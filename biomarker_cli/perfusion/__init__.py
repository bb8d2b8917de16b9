"""Perfusion: time axis, T1, concentration, arterial input, DCE and DSC models."""
