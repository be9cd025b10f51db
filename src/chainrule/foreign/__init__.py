"""Understanding other people's code: what it defines, how it is called, where its gradients are.

Nothing here knows a layer of chainrule: the doctor, `HandWritten` and `explain` stand on it.

    naming          roles of arguments and methods; gradient_names, parameter_names
    a file          loading runs it; imports and backward_code read what it imports, and where it
                    computes gradients
    a function      source, expressions, derivative_forms: what it says; watching: what it runs;
                    branches: which ways through it there are; offered_words: what somebody may
                    choose; places_run: what has run
    a run           observing watches a file that trains; names, loops: what of it can run again;
                    missing_modules, missing_data, made_up_tables stand in for what is not there
    a call          conventions, calling, outputs; randomness is frozen, effort counted
    what is left    state: the arrays of an object; gradients: which belongs to which parameter
    all of it       adopted: code of the labs' styles as forward(x) and backward(dy, memory);
                    adopted_network: whole networks; adopted_averages: whose gradients are means
    why not         errors
"""
