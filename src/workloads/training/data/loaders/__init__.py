"""Where datasets come from: one module for each `dataset.source`, with the functions of `dataset.Loader`."""
