"""How the findings of the privacy check are told: what figures mean, sentences and tables."""

from collections.abc import Sequence

from components.judgement.check_report import Figure, Table
from components.judgement.privacy.attribute import Inferred
from components.judgement.privacy.membership import ATTACKS

MEANINGS = {
    "membership_auc": "How well an attack tells training rows from others, as AUC: 0.5 is guessing. Of each attack, "
    "and of the worst as all, whose low end allows for the choice (Bonferroni). Half of the rows on either side are "
    "bad. Rows that differ by time differ without any memory too: see membership_gain.",
    "membership_gain": "By how much the AUC of an attack exceeds that of the same attack on a model of the same kind "
    "which has seen none of the rows: what is left is memory, not the split (DeLong et al. 1988).",
    "membership_advantage": "Members found less others taken for members, as shares; 0 is guessing (Yeom et al. 2018).",
    "membership_tpr_at_1pct_fpr": "Share of members that an attack finds where it takes one other row in a hundred for "
    "one; 0.01 is guessing (Carlini et al. 2022). n counts members.",
    "attribute_inference_gain": "Share of rows of which a sensitive column is guessed rightly from all other inputs, "
    "the outcome and the score, less that without the score (Yeom et al. 2018, section 5).",
    "generalisation_gap": "How much better the model does on training rows: log loss of test less train, in nats; AUC "
    "of train less test (DeLong et al. 1988).",
    "generalisation_gap_beyond_split": "Log loss in nats that the model saves on training rows beside models which "
    "have not seen them, less what it saves on other rows: the gap without what comes of the split.",
}
"""Figure → what it is, in a sentence, with its source."""


def meanings(figures: Sequence[Figure]) -> dict[str, str]:
    """Say what each of the figures is."""
    return {f.name: MEANINGS[f.name] for f in figures}


def membership_words(figures: Sequence[Figure], by_time: bool) -> list[str]:
    """Tell how well training rows can be told from others.

    Args:
        figures: of all attacks.
        by_time: whether training rows are older than the others.
    """
    by_name = {(f.name, f.of): f.estimate for f in figures}
    area, advantage = by_name["membership_auc", "all"], by_name["membership_advantage", "all"]
    words = [
        f"The best of the attacks tells training rows from others with an AUC of {area} and an advantage of "
        f"{advantage} over guessing."
    ]
    gain = by_name["membership_gain", "all"]
    if gain.value is not None:
        words.append(
            f"Beside the same attacks on a model that has not seen these rows, the largest gain in AUC is {gain}."
        )
    if by_time:
        words.append(
            "Training rows are older than the others, so part of what attacks tell is the time; gates read the gain "
            "over a model that has seen neither."
        )
    return words


def attribute_words(guessed: Sequence[Inferred]) -> list[str]:
    """Tell what the score gives away of sensitive columns; nothing where none was guessed."""
    known = [g for g in guessed if g.gain.value is not None]
    if not known:
        return []
    told = "; ".join(f"{g.column} {g.gain}" for g in known)
    return [f"With the score, this much more of the rows is guessed rightly than from the other inputs alone: {told}."]


def attack_table(figures: Sequence[Figure], attacks: Sequence[str]) -> Table:
    """Put the attacks into a table, the worst of them last."""
    by_name = {(f.name, f.of): f.estimate for f in figures}
    names = ["membership_auc", "membership_gain", "membership_advantage", "membership_tpr_at_1pct_fpr"]

    def cell(name: str, of: str) -> str:
        return str(by_name[name, of]) if (name, of) in by_name else "-"

    return Table(
        title="Who was in the training rows?",
        header=("attack", "AUC", "beyond a blind model", "advantage", "found at 1 % false alarms"),
        rows=tuple((of, *(cell(name, of) for name in names)) for of in (*attacks, "all")),
        note="; ".join(f"{name}: {ATTACKS[name]}" for name in attacks) + "; all: the worst of them.",
    )


def attribute_tables(guessed: Sequence[Inferred]) -> list[Table]:
    """Put the sensitive columns into a table; no table where there are none."""
    if not guessed:
        return []
    return [
        Table(
            title="What does the score tell of a person?",
            header=("column", "values", "always the most frequent", "from the other inputs", "gain by the score"),
            rows=tuple((g.column, str(g.values), _share(g.usual), _share(g.without), str(g.gain)) for g in guessed),
            note="Shares of training rows, half of them bad; values with fewer than 50 rows are left out.",
        )
    ]


def _share(value: float | None) -> str:
    return "no data" if value is None else f"{value:.4f}"
