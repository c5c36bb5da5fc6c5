"""Explanations of single scores, as values; needs no explainer to be read."""

from pydantic import BaseModel, ConfigDict, TypeAdapter


class AnchorExplanation(BaseModel):
    """Why a row was decided as it was: rules on its values that hold the decision, whatever its other values are."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    row: str
    """Name of the example request."""
    probability: float
    decision: int
    """1 where the probability is at or above the bundle's threshold."""
    rules: tuple[str, ...]
    """What must hold of the row, all of it; empty where the decision hardly depends on the row."""
    precision: float
    """Share of the rows drawn under the rules that are decided like this one, 0 to 1."""
    coverage: float
    """Share of the background rows that the rules apply to, 0 to 1."""
    samples: int
    """How many rows were drawn and scored to find the rules."""
    sought_precision: float
    """The rules were to hold with at least this precision; ``precision`` below it says that none were found."""

    @property
    def text(self) -> str:
        """The explanation as one sentence."""
        condition = " and ".join(self.rules) if self.rules else "whatever the values are"
        few = "" if self.precision >= self.sought_precision else f", short of the {self.sought_precision:.0%} sought"
        return (
            f"{self.row}: probability {self.probability:.4f}, decision {self.decision}; {condition}: "
            f"{self.precision:.1%} of rows like that get this decision{few} (applies to {self.coverage:.1%} of rows)"
        )


AllAnchors = TypeAdapter(list[AnchorExplanation])
"""Reads and writes a list of explanations as JSON."""
