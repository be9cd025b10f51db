"""Understanding other people's code: what it defines, how it is called, where its gradients are.

Nothing here knows a layer of chainrule: the doctor, `HandWritten` and `explain` stand on it.

    the file        loading runs it; backward_code finds where it computes gradients
    words           names; gradient_names: how people call things, and their gradients
    a function      source, expressions, derivative_forms: what it says; watching: what it runs
    a call          conventions, calling, outputs; randomness frozen, effort counted
    what is left    state: the arrays of an object; gradients: which of them belongs to which
"""
