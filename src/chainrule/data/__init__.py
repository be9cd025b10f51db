"""Where examples come from: formulas, files, and a catalog of known sets."""
