"""From a file, or an example, to subjects."""
