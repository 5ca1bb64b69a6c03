"""A table of text, so that a page, CSV and Markdown say the same."""

import csv
import io
from collections.abc import Collection, Sequence
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


def show(table: Table, *, bold: Collection[int] = ()) -> None:
    """Print a table on standard output; `bold` are the numbers of the rows that stand out."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table as Screen

    screen = Screen(*map(escape, table.header))
    for number, row in enumerate(table.rows):
        screen.add_row(*map(escape, row), style="bold" if number in bold else None)
    console = Console()
    if not console.is_terminal:
        console.width = max(200, 50 + 24 * len(table.header))  # nothing has to be squeezed
    console.print(screen)


def _markdown(cell: str) -> str:
    escaped = cell.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")
    return " ".join(escaped.split())
