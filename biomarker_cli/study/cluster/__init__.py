"""Many machines: cases measured by the workers of a Dask cluster."""
