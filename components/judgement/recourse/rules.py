"""What a proposed row must keep: the table's rules, and those that are asked of proposals alone."""

from components.core.use_case import Rule, UseCase


def proposal_rules(use_case: UseCase) -> tuple[Rule, ...]:
    """List the rules of a use case that its counterfactuals are held to.

    A rule that a few rows of the table break (an account that was written off, say) cannot be one of ``data.rules``
    without putting these rows into quarantine. As one of ``explanations.rules`` it binds what is proposed to people.
    """
    return (*use_case.data.rules, *getattr(use_case.explanations, "rules", ()))
