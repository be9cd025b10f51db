"""From a network to a program: the layers' own code, followed line by line and written down.

`network` begins; it follows a `session` forward and backward through the layers. A layer's code
is read from its `source` and followed by `statements`, `expressions`, `calls` and `arithmetic`,
where a value is known or a symbol (`symbols`, `spelling`). What is left goes to a `writer`;
functions that stand above the program are `helpers`, the optimizer's step is an `update`. In
the end `passes` make the lines read as if written by hand, `names` and `layout` turn them into
text, `assembly` puts the text together, and a `program` is checked against the network.
"""
