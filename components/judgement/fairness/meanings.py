"""What the figures of the check are, a sentence each."""

from collections.abc import Mapping

_AGAINST = (
    "Of a group: minus that of the privileged group, or of the one with the largest share of favourable decisions "
    "where none is set. Of an attribute: the widest gap between any two groups, with an interval that holds for all "
    "pairs at once (studentised range; Agresti and others, Biometrics 64, 2008)."
)

MEANINGS: Mapping[str, str] = {
    "selection_rate": (
        "Share of the group's rows with the favourable decision (not flagged). Interval: Wilson, JASA 22, 1927."
    ),
    "demographic_parity_difference": f"Share with the favourable decision. {_AGAINST} Interval: Newcombe, 1998.",
    "demographic_parity_ratio": (
        "Share with the favourable decision, divided by that of the group it is held against; of an attribute the "
        "smallest ratio of any two groups. The four-fifths rule (29 CFR 1607.4 D) asks for 0.8. Interval: Donner and "
        "Zou, 2012."
    ),
    "true_favourable_rate": "Share with the favourable decision among rows whose outcome was good.",
    "equal_opportunity_difference": (
        "Share with the favourable decision among rows whose outcome was good (Hardt, Price and Srebro, NeurIPS 2016). "
        + _AGAINST
    ),
    "false_favourable_rate": "Share with the favourable decision among rows whose outcome was bad.",
    "false_favourable_difference": f"Share with the favourable decision among rows whose outcome was bad. {_AGAINST}",
    "equalised_odds_difference": (
        "The larger of the gaps in the share with the favourable decision, sign aside, among good outcomes and among "
        f"bad ones (Hardt, Price and Srebro, 2016). {_AGAINST}"
    ),
    "average_odds_difference": (
        "Mean of the shares with the favourable decision among good and among bad outcomes (aif360's average odds "
        f"difference). {_AGAINST}"
    ),
    "predictive_value": "Share of good outcomes among rows with the favourable decision.",
    "predictive_parity_difference": (
        f"Share of good outcomes among rows with the favourable decision (Chouldechova, Big Data 5, 2017). {_AGAINST}"
    ),
    "calibration_gap": (
        "Mean probability of a bad outcome minus the share of bad outcomes: above 0 the group is thought riskier than "
        "it is."
    ),
    "calibration_gap_difference": f"Mean probability minus the share of bad outcomes. {_AGAINST}",
    "relative_calibration_error": (
        "Expected calibration error over ten bins of the group's rows, as a share of its bad outcomes (Naeini, Cooper "
        "and Hauskrecht, AAAI 2015)."
    ),
    "theil_index": (
        "How unequally mistakes are shared out: generalised entropy with alpha 1 of the benefits 0 (good outcome, "
        "flagged), 1 (decided rightly) and 2 (bad outcome, not flagged); 0 where every decision is right (Speicher and "
        "others, KDD 2018)."
    ),
    "theil_between": "The part of the Theil index that lies between the groups of the attribute.",
    "proxy_auc": (
        "How well trees that have learned from the features of training rows tell members of the group from others, on "
        "test rows: 0.5 not at all, 1 without a mistake. Interval: DeLong and others, Biometrics 44, 1988; of this "
        "classifier, not of the best that there could be. Of an attribute: of the group that is told best, interval by "
        "Bonferroni."
    ),
    "score_correlation": (
        "Correlation of the model's probability with belonging to the group; above 0 its members are thought riskier. "
        "Interval: Fisher, 1921."
    ),
}
