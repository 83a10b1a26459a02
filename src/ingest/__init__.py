"""Filing EnergiBridge recordings that were made elsewhere, so that a report can compare them."""
