"""Tables: columns with names, what a network makes of each, and how later ones must look."""
