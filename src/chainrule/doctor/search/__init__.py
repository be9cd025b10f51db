"""Which correction of the source makes wrong gradients right, and which cause it stands for.

subject_diagnosis   from a subject to findings
correcting          tries out the corrections that `rewrites` proposes
raising             what makes a backward pass raise an exception, and what is wrong behind that
choice              which of those that work is reported, and how certainly
causes              which cause it stands for
"""
