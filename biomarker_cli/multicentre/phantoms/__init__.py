"""Digital phantoms for any program: objects with analytic truth, a sheet, and its judgement."""
