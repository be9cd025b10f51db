"""An optimizer's steps beside the formulas.

steps               runs several, and says how they differ
formulas            the right ones, and those with one usual mistake
"""
