import pytest

from components.core.errors import FairleadError
from components.core.row_rule import Rule
from components.core.use_case import UseCase
from components.features.rows import request_fields
from components.judgement.recourse.rules import held, proposal_rules


def test_proposals_keep_the_rules_of_the_table_and_those_for_proposals(case: UseCase, sba: UseCase) -> None:
    assert proposal_rules(sba)[: len(sba.data.rules)] == sba.data.rules
    assert [r.name for r in proposal_rules(case)] == [*(r.name for r in sba.data.rules), "half_is_guaranteed"]
    assert held(case, request_fields(case)).names == ("guarantee_not_above_loan", "half_is_guaranteed")


def test_a_rule_for_proposals_that_could_not_be_held_is_told(case: UseCase) -> None:
    loose = Rule(name="is_repaid", column="y", expect="y = 0")
    explanations = case.explanations.model_copy(update={"rules": (loose,)})
    with pytest.raises(FairleadError, match=r"speaks of what is no input \(found 'y = 0'; allowed: .*GrAppv"):
        held(case.model_copy(update={"explanations": explanations}), request_fields(case))
