"""Where examples come from: formulas, files, and a catalog of known sets.

From a name or a path to batches:

    loading        the one door: a name or a path goes in, a `Dataset` comes out
    reading        what a name or a path stands for: synthetic formulas, the catalog (and download),
                   or files, each with one of the readers
    preparation    from what files hold to what a network takes: pixels, tables, given arrays
    splits         what is held out; repeats: examples that are held out and trained on all the same
    examples       images and arrays, prepared; tabular: tables, prepared
    dataset        arrays with targets, in parts, dealt out in batches
    training       what an epoch of training reads; export: written as CSV
"""
