"""The program of a network as formulas.

`letters` writes names, `expressions` and `statements` write code, and `document` puts them into
a LaTeX document, section by section.
"""
