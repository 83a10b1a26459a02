"""Every error this project raises on purpose: what is wrong, where, and what to do about it."""


class JoulebenchError(Exception):
    """Root of the project's errors; the message is shown to the user as it is, without a traceback.

    `exit_code` is what the process ends with when the error reaches the command line.
    """

    exit_code = 1


def told(error: BaseException) -> str:
    """The error's message, and what was noted on its way up."""
    return "\n".join([str(error), *getattr(error, "__notes__", ())])


class ConfigError(JoulebenchError):
    """The command line or the configuration asks for something impossible."""

    exit_code = 2


class SetupError(JoulebenchError):
    """An environment, a file or a program that the run needs is missing or wrong."""

    exit_code = 2


class DatasetError(JoulebenchError):
    """A dataset cannot be found, downloaded or trusted."""

    exit_code = 2


class MeterError(JoulebenchError):
    """A meter cannot work on this machine, or did not record what it should have."""


class RunError(JoulebenchError):
    """A worker did not finish, or its result cannot be trusted."""


class EnergyError(JoulebenchError):
    """A recording from which no honest number of joules can be computed."""


class TrackError(JoulebenchError):
    """A run could not be filed in MLflow; its files stay in its folder."""
