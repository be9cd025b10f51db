"""Edits of source, and the rules by which code is made wrong or right.

what is edited  functions: of running code, compiled anew; edits: a change of a tree that can be
                taken back; text_edits: a change of a text
corrections     arithmetic_corrections, derivative_corrections, structure_corrections, put
                together in corrections; in_scope: what they may write
mutants         expression_mistakes, statement_mistakes, put together in mutants
"""
