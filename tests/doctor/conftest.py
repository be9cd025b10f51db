"""Cases and observed runs are files to be checked, not modules to be imported: some of them train
without an end."""

collect_ignore = ["cases", "observed"]
