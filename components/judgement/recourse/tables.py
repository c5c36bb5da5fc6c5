"""What the check ``recourse`` shows to people: tables and charts."""

from collections import Counter
from collections.abc import Sequence

from components.judgement.check_report import Chart, Figure, Table
from components.judgement.recourse import charts
from components.judgement.recourse.letter import Letter
from components.judgement.recourse.reasoned import Reasoned
from components.judgement.recourse.texts import Texts
from components.judgement.recourse.ways_out import WaysOut


def tables(letters: Sequence[Letter], ways: WaysOut, against: Sequence[Sequence[str]], texts: Texts) -> list[Table]:
    """Show a few letters, what ways out change, and what speaks against some, where anything does."""
    changed = Counter(c.input for found in ways.counterfactuals for c in found.changes)
    told = [
        Table(
            title="What declined people would be told",
            header=("row", "risk", "why", "what could change it"),
            rows=tuple(map(_letter, letters)),
            note="Drawn by the seed: with a way out, and one without, where there are such rows.",
        ),
        Table(
            title="What ways out change",
            header=("input", "ways out"),
            rows=tuple((texts.called(name), str(count)) for name, count in ranked(changed)),
        ),
    ]
    broken = Counter(text for texts_of_one in against for text in texts_of_one)
    if broken:
        rows = tuple((text, str(count)) for text, count in ranked(broken))
        told.append(Table(title="Ways out that cannot be taken", header=("why", "ways out"), rows=rows))
    return told


def drawn(figures: Sequence[Figure], reasoned: Reasoned, texts: Texts) -> list[Chart]:
    """Draw who has a way out, and how often each reason is told."""
    found = [f for f in figures if f.name == "recourse_found"]
    told = []
    if any(f.estimate.value is not None for f in found):
        svg = charts.by_group(found, "declined rows with a way out, %")
        note = "With 95 % intervals; in brackets the declined rows."
        told.append(Chart(title="Who has a way out", svg=svg, note=note))
    named = ranked(Counter(texts.called(reason.subject) for one in reasoned.told for reason in one.principal))
    if named:
        svg = charts.counted([name for name, _ in named], [count for _, count in named], "declined rows told so")
        told.append(Chart(title="Why rows are declined", svg=svg, note=f"Of {len(reasoned.told):,} declined rows."))
    return told


def ranked(counts: Counter[str]) -> list[tuple[str, int]]:
    """Order by count, equal ones by name: never by the order in which they turned up.

    >>> ranked(Counter(["b", "a", "c", "c"]))
    [('c', 2), ('a', 1), ('b', 1)]
    """
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def _letter(one: Letter) -> tuple[str, ...]:
    why = " ".join(f"{i}. {text}" for i, text in enumerate(one.reasons, 1))
    change = "; ".join(one.changes) or "nothing that was found"
    return one.row, f"{one.probability:.1%}", why, f"{change}. {one.in_time}" if one.in_time else change
