from components.core.contracts import Estimate, GateResult
from components.judgement.check_report import Chart, CheckReport, Figure
from components.judgement.page import estimate_text, judgement_page, number_text

GOOD = GateResult(gate="parity", check="ratio <b>", threshold=0.8, value=0.9, verdict="pass")
REPORT = CheckReport(
    check="fairness",
    summary=("Said & done.",),
    figures=(Figure(name="rate", of="sex=1", estimate=Estimate(value=0.5, low=0.4, high=0.6, n=1234)),),
    meanings={"rate": "a share"},
    charts=(Chart(title="Rates", svg="<svg id='drawn'></svg>"),),
)


def test_the_page_tells_gates_figures_and_drawings_and_escapes_text(card):
    page = judgement_page(card, [GOOD], [REPORT])
    for said in (
        "no gate stops it",
        "ratio &lt;b&gt;",
        "Said &amp; done.",
        "0.5 [0.4, 0.6]",
        "1,234",
        "<svg id='drawn'>",
    ):
        assert said in page


def test_a_gate_that_stops_is_named_at_the_top(card):
    bad = GOOD.model_copy(update={"verdict": "no_data", "value": None})
    assert "stopped by parity" in judgement_page(card, [bad], [REPORT])
    not_blocking = bad.model_copy(update={"blocking": False})
    assert "no gate stops it" in judgement_page(card, [not_blocking], [REPORT])


def test_a_check_that_was_left_out_says_why(card):
    assert "Left out: nobody in the data" in judgement_page(
        card, [], [CheckReport(check="fairness", omitted="nobody in the data")]
    )


def test_numbers_are_written_for_people():
    assert estimate_text(None) == "no data"
    assert estimate_text({"value": None, "n": 1200}) == "no data (n = 1,200)"
    assert number_text(999.7) == "1,000"
    assert number_text(None) == "-"
