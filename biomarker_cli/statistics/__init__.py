"""Statistics of values under a mask; the percentile rule is said once, here."""
