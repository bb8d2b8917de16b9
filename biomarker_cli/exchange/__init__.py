"""What leaves and what comes in: copies that name nobody, bundles of runs, results as DICOM."""
