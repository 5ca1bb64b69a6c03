"""The ways in which a command ends early on purpose."""


class UserError(Exception):
    """What was asked for cannot be done; the message is one line that says what and why."""


class Busy(UserError):
    """Another process is training the run."""


class Interrupted(BaseException):
    """A signal asked the run to stop; no Exception, so that no library swallows it."""

    def __init__(self, signum: int) -> None:
        super().__init__(f"stopped by signal {signum}")
        self.signum = signum
