"""One data set of the tables of several runs: parts, what they differ in, what is left out."""
