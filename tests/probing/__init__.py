"""Going out and looking, against servers in this process."""
