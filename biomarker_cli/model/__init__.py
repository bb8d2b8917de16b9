"""The nouns every room shares: errors, flags, quantities, features, measurements."""
