"""When each kind of mitigation may be used, in general; statements for people, not advice.

Sources: Equal Credit Opportunity Act, Regulation B, 12 CFR 1002.2(z), 1002.4, 1002.5, 1002.6, 1002.8; Directives
2000/43/EC and 2004/113/EC; Regulation (EU) 2016/679 (GDPR), article 9; Regulation (EU) 2024/1689 (AI Act), article
10(5) and annex III, 5(b).
"""

NOT_ADVICE = (
    "This is not legal advice: the law differs by country, by what is decided and by attribute, and it changes. "
    "Ask counsel before use."
)

BASELINE = (
    "Decides without the attribute, which is no defence by itself: where the law knows disparate impact (in the "
    "EU: indirect discrimination), a practice that treats everyone alike and falls harder on one group may be "
    "unlawful if it serves no legitimate need, or if a less discriminatory way would serve it as well."
)

TRAINING_ALONE = (
    "The attribute is read in training alone. Two people who differ in nothing else get the same decision, so "
    "nobody is treated differently for it (no disparate treatment), and a search for a less discriminatory model "
    "is what the law on disparate impact asks for. US credit: Regulation B (12 CFR 1002.5) lets few lenders ask "
    "for sex, race or marital status, so the attribute must be one that is lawfully held. EU: special categories "
    "(GDPR article 9: ethnic origin, health, belief and others, but neither sex nor age) need a ground of their "
    "own; for high-risk systems, to which credit scoring belongs, the AI Act (article 10(5)) gives a narrow one, "
    "to detect and correct bias."
)

BLIND_CHOICE = (
    "One threshold for everyone, chosen in view of the groups and applied without: a neutral practice (no "
    "disparate treatment), as long as the business can give a reason for it as for any threshold. The figures of "
    "the groups are needed to choose it, under the same conditions as for training with the attribute (US: 12 CFR "
    "1002.5; EU: GDPR article 9 where the category is a special one)."
)

BY_GROUP = (
    "Decides differently on two people who differ in the attribute alone: disparate treatment. Usually not lawful "
    "for credit decisions in the US where the attribute is a prohibited basis (ECOA, Regulation B, 12 CFR 1002.4 "
    "and 1002.6: race, colour, religion, national origin, sex, marital status, age except in favour of the "
    "elderly, and more), save in a special purpose credit program (12 CFR 1002.8); nor in the EU for sex and "
    "ethnic origin (Directives 2004/113 and 2000/43), save as positive action that a statute provides for. It may "
    "do where the attribute is not protected, or where nobody is refused anything by it (outreach, help), and as "
    "the bound against which blind ways are measured."
)
