"""The gradient doctor: from a file to a diagnosis. Its public name is `chainrule.check`.

From the ground up; nothing imports what stands above it:

    verdict         the four answers: right, wrong, not checked, partly checked
    findings        what is said; failure: what is chainrule's own fault
    excerpt         the lines that a finding is about
    subjects        code under examination: layers, networks, pairs of functions, chainrule's own
    numbers         true gradients by finite differences, and how wrong ones differ from them
    search          which correction of the source mends them, and which cause it stands for
    properties      what else is held against code: repeated calls, mutation, shapes, overflow
    optimizers      the steps of an optimizer beside the formulas
    intake          from a file, or an example, to subjects
    diagnosis       all of it for one request; heat_map draws it
    process         all of it in processes of its own, with limits, and the judge, who decides
"""
