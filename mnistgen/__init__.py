"""Train, measure and compare small generative models of handwritten digits.

Commands check their input before anything heavy is imported. So these import no torch: this
package, the commands, api, cli, config, files, tracking (but for its checkpoints), plots.tables,
sweeps, system, and of training its begin, session, resume and signals. What does the work is
imported where it is called.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mnistgen.api import Run, compose, load, run, runs, sweep, train, write_report
    from mnistgen.errors import Diverged, UserError

__version__ = "0.1.0"

__all__ = [
    "Diverged", "Run", "UserError", "compose", "load", "run", "runs", "sweep", "train",
    "write_report",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    """Import a name of the package once it is used."""
    if name not in __all__:
        raise AttributeError(f"module 'mnistgen' has no attribute {name!r}")
    from mnistgen import api

    return getattr(api, name)


def __dir__() -> list[str]:
    return [*globals(), *__all__]
