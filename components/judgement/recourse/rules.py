"""What a proposed row must keep: the table's rules, and those that are asked of proposals alone."""

from collections.abc import Sequence

from components.core.contracts import Field
from components.core.errors import FairleadError
from components.core.row_rule import Rule
from components.core.use_case import UseCase
from components.judgement.row_rules import RowRules


def proposal_rules(use_case: UseCase) -> tuple[Rule, ...]:
    """List the rules of a use case that its counterfactuals are held to.

    A rule that a few rows of the table break (an account that was written off, say) cannot be one of ``data.rules``
    without putting these rows into quarantine. As one of ``explanations.rules`` it binds what is proposed to people.
    """
    return (*use_case.data.rules, *use_case.explanations.rules)


def held(use_case: UseCase, fields: Sequence[Field]) -> RowRules:
    """Hold these rules in memory.

    Args:
        use_case: the rules.
        fields: the inputs; rules of the table that speak of anything else are passed over.

    Raises:
        FairleadError: a rule of ``explanations.rules`` speaks of what is no input, or cannot be run.
    """
    rules = RowRules(proposal_rules(use_case), fields)
    of_table = {rule.name for rule in use_case.data.rules}
    loose = [r for r in proposal_rules(use_case) if r.name not in of_table and r.name not in rules.names]
    if loose:
        inputs = ", ".join(field.name for field in fields)
        raise FairleadError(
            f"explanations.rules: {loose[0].name!r} speaks of what is no input (found {loose[0].expect!r}; allowed: an "
            f"SQL condition over {inputs})"
        )
    return rules
