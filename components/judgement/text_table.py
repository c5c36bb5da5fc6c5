"""A plain-text table with aligned columns, for errors and terminals."""

from collections.abc import Sequence


def text_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Lay cells out under their headings, columns parted by `` | ``.

    >>> print(text_table(["gate", "value"], [["auc", "0.7"], ["lift", "2"]]))
    gate | value
    -----+------
    auc  | 0.7
    lift | 2
    """
    widths = [max(len(row[i]) for row in [header, *rows]) for i in range(len(header))]
    lines = [" | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in [header, *rows]]
    rule = "-+-".join("-" * width for width in widths)
    return "\n".join(line.rstrip() for line in [lines[0], rule, *lines[1:]])


def number(value: float | None) -> str:
    """Write a number in at most six significant digits, and a missing one as ``-``.

    >>> number(0.123456789), number(3.0), number(None)
    ('0.123457', '3', '-')
    """
    return "-" if value is None else f"{value:.6g}"
