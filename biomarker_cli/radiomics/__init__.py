"""Room: radiomics."""
