"""PET: standardised uptake values and what is measured on them."""
