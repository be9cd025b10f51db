"""The machine that runs programs: its compiling, its threads, training and prediction."""
