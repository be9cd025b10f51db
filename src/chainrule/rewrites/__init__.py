"""Edits of source, and one catalogue of rules by which code is made wrong or right.

    what is edited  functions: of running code, compiled anew; edits: of a tree, to be taken back;
                    text_edits: of a text
    a rule          rules says what it is, causes what it stands for
    the rules       signs, factors, products, sums, derivatives, loops, images; left_out and
                    updates help them to say what goes wrong, scope and forward_factors what may be
                    written
    together        catalogue; from it corrections of a function, and mutants of a file

`docs/rules.md` says how to add a rule.
"""
