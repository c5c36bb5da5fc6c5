from components.core.use_case import UseCase
from components.judgement.recourse.rules import proposal_rules


def test_proposals_keep_the_rules_of_the_table_and_those_for_proposals(case: UseCase, sba: UseCase) -> None:
    assert proposal_rules(sba)[: len(sba.data.rules)] == sba.data.rules
    assert [r.name for r in proposal_rules(case)] == [*(r.name for r in sba.data.rules), "half_is_guaranteed"]
