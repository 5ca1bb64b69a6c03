"""A table of text, so that a page, CSV and Markdown say the same."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Table:
    """A header and rows of text; marked are cells, (row, column), that differ from the paper."""

    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    marked: frozenset[tuple[int, int]] = field(default_factory=frozenset)

    def csv(self) -> str:
        """The table as CSV; a mark is a star."""
        file = io.StringIO()
        writer = csv.writer(file, lineterminator="\n")
        writer.writerows([self.header, *self._starred()])
        return file.getvalue()

    def markdown(self) -> str:
        """The table as Markdown, where names cannot make cells or HTML of their own."""
        lines = [self.header, ["---"] * len(self.header), *self._starred()]
        return "".join(f"| {' | '.join(map(_markdown, line))} |\n" for line in lines)

    def transposed(self) -> "Table":
        """Rows as columns: the first column is the header."""
        lines = list(zip(self.header, *self.rows, strict=True))
        marked = frozenset((j - 1, i + 1) for i, j in self.marked)
        return Table(lines[0], lines[1:], marked)

    def _starred(self) -> list[list[str]]:
        return [
            [f"{cell} *" if (i, j) in self.marked else cell for j, cell in enumerate(row)]
            for i, row in enumerate(self.rows)
        ]


def _markdown(cell: str) -> str:
    escaped = cell.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")
    return " ".join(escaped.split())
