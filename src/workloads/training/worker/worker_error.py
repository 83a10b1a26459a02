"""Root of the errors that the measured process raises on purpose; it may not import the project's own root."""


class WorkerError(Exception):
    """Shown as it is, without a traceback: what is wrong, where, and what to do about it."""
