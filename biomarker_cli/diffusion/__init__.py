"""Diffusion sets, direction mean, ADC and its neighbours."""
