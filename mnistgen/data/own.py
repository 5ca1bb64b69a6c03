"""What data sets of one's own files share: they are read once a process, and may change in it."""

from abc import abstractmethod
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from mnistgen.data import splits
from mnistgen.data.module import Arrays, DataModule


class OwnFiles(DataModule):
    """Images of any size in files at `root`, which become grey ones of 28 x 28 pixels.

    With `resize=False` they must be of that size.
    """

    kind: ClassVar[str]  # what `root` is to be

    def __init__(self, *, resize: bool = True, **options: Any) -> None:
        super().__init__(**options)
        self.resize = resize

    @abstractmethod
    def read(self, root: Path, stamp: str) -> Arrays:
        """The data set at `root`; the stamp is another one once a file has changed."""

    def arrays(self) -> Arrays:
        """The data set, read once a process, and anew by a new object once a file has changed.

        Raises UserError, which names what is damaged or not to be used.
        """
        return self._arrays

    @cached_property
    def _arrays(self) -> Arrays:
        root = splits.given(self.root, self.kind)
        return self.read(root, splits.stamp(root))
