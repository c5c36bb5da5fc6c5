from components.judgement.leakage_report import Finding, LeakageReport


def finding(column: str, *, leaks: bool, excluded: bool) -> Finding:
    return Finding(column=column, check="order", value=0.9, threshold=0.85, n=1000, leaks=leaks, excluded=excluded)


def report(*findings: Finding) -> LeakageReport:
    return LeakageReport(rows=2000, sampled=1000, findings=findings)


def test_only_a_column_that_may_reach_the_model_fails() -> None:
    kept_out, let_in = finding("Term", leaks=True, excluded=True), finding("Copy", leaks=True, excluded=False)
    clean = finding("Zip", leaks=False, excluded=False)
    assert report(kept_out, clean).verdict == "pass"
    assert report(kept_out, clean, let_in).verdict == "fail"
    assert report(kept_out, clean, let_in).leaks == (let_in,)


def test_a_column_that_two_checks_flag_is_named_once() -> None:
    twice = finding("Term", leaks=True, excluded=True)
    assert report(twice, twice).flagged == ("Term",)


def test_nothing_judged_is_no_data() -> None:
    assert report().verdict == "no_data"
