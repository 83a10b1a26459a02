"""One module for each framework and way of using it; see `src.workloads.training.trainer` for what each offers."""
