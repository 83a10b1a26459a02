"""One module for each framework and way of using it; see `src.worker.trainer` for what each offers."""
