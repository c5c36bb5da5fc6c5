"""The rules of a use case over several inputs of a row, held in memory: what is proposed must not break them."""

import re
import sqlite3
from collections.abc import Sequence
from contextlib import closing

import numpy as np
import numpy.typing as npt

from components.core.contracts import Columns, Field
from components.core.errors import FairleadError
from components.core.row_rule import Rule
from components.features.rows import number_of_rows
from components.training.v2_request import json_values

_WORD = re.compile(r'near "(\w+)": syntax error')


class RowRules:
    """Those of a use case's rules that speak of inputs alone; rules on outcomes cannot be asked of a request.

    >>> rules = [Rule(name="share", column="part", expect="part <= whole"),
    ...          Rule(name="later", column="end", expect="end > begin")]
    >>> known = RowRules(rules, [Field(name="part", kind="float"), Field(name="whole", kind="float")])
    >>> known.names
    ('share',)
    >>> known.kept({"part": np.array([1.0, 3.0, np.nan]), "whole": np.array([2.0, 2.0, 2.0])})
    array([ True, False,  True])

    Args:
        rules: SQL conditions; they are run by SQLite.
        fields: the inputs.

    Raises:
        FairleadError: SQLite does not understand a rule.
    """

    def __init__(self, rules: Sequence[Rule], fields: Sequence[Field]) -> None:
        self._fields = tuple(fields)
        self._conditions = {rule.name: text for rule in rules if (text := self._condition(rule)) is not None}

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the rules that are held."""
        return tuple(self._conditions)

    def kept(self, rows: Columns) -> npt.NDArray[np.bool_]:
        """Tell for n rows which of them keep every rule, shape (n,); what cannot be known counts as kept."""
        if not self._conditions:
            return np.ones(number_of_rows(rows), dtype=bool)
        values = [json_values(rows[field.name], field) for field in self._fields]
        condition = " AND ".join(f"COALESCE(({text}), 1)" for text in self._conditions.values())
        with closing(self._table()) as connection:
            marks = ", ".join("?" * len(self._fields))
            connection.executemany(f"INSERT INTO request VALUES ({marks})", zip(*values, strict=True))  # noqa: S608
            # Our own configuration, in a database that holds these rows alone.
            found = connection.execute(f"SELECT {condition} FROM request ORDER BY rowid").fetchall()  # noqa: S608
        return np.array([bool(kept) for (kept,) in found])

    def _condition(self, rule: Rule) -> str | None:
        """Write a rule as SQLite reads it; None where it speaks of what is no input."""
        text, quoted = rule.expect, set[str]()
        with closing(self._table()) as connection:
            while True:
                try:
                    connection.execute(f"SELECT ({text}) FROM request")  # noqa: S608  as above
                    return text
                except sqlite3.OperationalError as error:
                    if "no such column" in str(error):
                        return None
                    # A column may be called as a word of SQLite's own is, such as default; in quotes it is a column.
                    word = _WORD.match(str(error))
                    if word is None or word[1] in quoted:
                        raise FairleadError(f"rule {rule.name!r}: {rule.expect!r} cannot be run: {error}") from error
                    quoted.add(word[1])
                    text = re.sub(rf"(?<!`)\b{word[1]}\b(?!`)", f"`{word[1]}`", text)

    def _table(self) -> sqlite3.Connection:
        connection = sqlite3.connect(":memory:")
        names = ", ".join('"' + field.name.replace('"', '""') + '"' for field in self._fields)
        connection.execute(f"CREATE TABLE request ({names})")
        return connection
