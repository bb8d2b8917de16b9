"""Diffusion sets, trace-weighted signal (mean over directions), ADC and its neighbours."""
