"""The ways in which a command ends early on purpose."""


class UserError(Exception):
    """What the user wants cannot be done; the message is one line that says what and why."""


class Busy(UserError):
    """Another process holds the lock of the folder."""


class Diverged(UserError):
    """The losses of a training are no finite numbers any more."""


class Interrupted(BaseException):
    """A signal stops the run; this is no Exception, so that no library swallows it."""

    def __init__(self, signum: int) -> None:
        super().__init__(f"stopped by signal {signum}")
        self.signum = signum
