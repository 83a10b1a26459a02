"""Hydra looks for plugins in this namespace only; the sweeper's work is in `src`."""
