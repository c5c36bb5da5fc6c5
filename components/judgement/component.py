"""Pipeline steps that can stop a release."""

from kfp.dsl import HTML, Artifact, Dataset, Input, Markdown, Model, Output

from components.component import step


@step("platform")
def check_leakage(use_case: str, clean: Input[Dataset], report: Output[Artifact]):
    """Find columns that know the outcome; one that is not excluded with a reason stops the run."""
    from pathlib import Path

    from components.core.use_case import load
    from components.judgement.leakage import check_leakage

    check_leakage(Path(clean.path), load(use_case), Path(report.path))


@step("explain")
def explain_examples(use_case: str, bundle: Input[Model], explanations: Output[Artifact], declined: Output[Artifact]):
    """Say which values anchor the scores of the bundle's three example requests, and of some declined rows."""
    from pathlib import Path

    from components.core.use_case import load
    from components.judgement.anchors import explain_declined, explain_examples
    from components.judgement.explanation import AllAnchors

    path, judging = Path(bundle.path), load(use_case).judgement
    most = 0 if "recourse" in judging.omit else min(20, judging.recourse.rows // 2)
    Path(explanations.path).write_bytes(AllAnchors.dump_json(explain_examples(path), indent=1))
    Path(declined.path).write_bytes(AllAnchors.dump_json(explain_declined(path, most), indent=1))


@step("platform")
def check(
    use_case: str,
    name: str,
    bundle: Input[Model],
    dataset: Input[Dataset],
    champion: Input[Model],
    anchors: Input[Artifact],
    report: Output[Artifact],
):
    """Look at one side of the model that its metrics do not tell: explanations, fairness, robustness …"""
    from pathlib import Path

    from components.core.config import read_settings
    from components.core.use_case import load
    from components.judgement.checks import run_check

    paths = [Path(a.path) for a in (bundle, dataset, champion, anchors)]
    found = run_check(name, load(use_case), *paths, watermark_key=read_settings().watermark_key)
    Path(report.path).write_text(found.model_dump_json(indent=1))


@step("platform")
def judge(
    use_case: str,
    bundle: Input[Model],
    dataset: Input[Dataset],
    predictions: Input[Dataset],
    champion_predictions: Input[Dataset],
    slices: Input[Artifact],
    leakage: Input[Artifact],
    smoke: Input[Artifact],
    checks: Input[list[Artifact]],
    verdict: Output[Artifact],
    gates: Output[Markdown],
    page: Output[HTML],
):
    """Hold the candidate against every gate, and write the verdict down; ``require_gates`` acts on it."""
    from pathlib import Path

    from components.core.use_case import load
    from components.judgement.gates import table
    from components.judgement.page import judgement_page
    from components.judgement.verdict import reach_verdict, read_measured

    reports = [Path(c.path) for c in checks]
    measured = read_measured(Path(slices.path), Path(leakage.path), Path(smoke.path), reports)
    scores, champion = Path(predictions.path), Path(champion_predictions.path)
    case = load(use_case)
    found = reach_verdict(case, Path(bundle.path), Path(dataset.path), scores, champion, measured)
    Path(verdict.path).write_text(found.model_dump_json(indent=1))
    Path(gates.path).write_text(f"```\n{table(found.gates)}\n```\n")
    Path(page.path).write_text(judgement_page(case, found.gates, measured.checks))


@step("platform")
def require_gates(verdict: Input[Artifact]):
    """End the run with the table of all gates when one of them stops the release."""
    from pathlib import Path

    from components.judgement.gates import require
    from components.judgement.verdict import Verdict

    require(Verdict.model_validate_json(Path(verdict.path).read_bytes()).gates)


@step("platform")
def package(
    use_case: str,
    window: str,
    draft: Input[Model],
    rows: Input[Artifact],
    labels: Input[Artifact],
    slices: Input[Artifact],
    checks: Input[list[Artifact]],
    bundle: Output[Model],
    card: Output[Markdown],
):
    """Add the model card, made from the records, then sum the bundle up and sign it."""
    from pathlib import Path

    from components.core.config import read_settings
    from components.core.retrained import load_for_training
    from components.judgement.packaging import package

    paths = [Path(a.path) for a in (draft, rows, labels, slices)]
    reports = [Path(c.path) for c in checks]
    case = load_for_training(use_case, window)
    written = {"card": Path(card.path), "target": Path(bundle.path)}
    package(case, *paths, checks=reports, settings=read_settings(), **written)


@step("platform")
def explain_table(
    method: str, bundle: Input[Model], table: Input[Dataset], explained: Output[Dataset], report: Output[Artifact]
):
    """Tell for every row of a table how much each feature moved its score."""
    import json
    from dataclasses import asdict
    from pathlib import Path

    from components.judgement.explanations.table import explain_table
    from components.training.bundle import Bundle

    written = explain_table(Bundle.open(Path(bundle.path)), Path(table.path), Path(explained.path), method, threads=2)
    explained.metadata.update(rows=written.rows, method=written.method, base_value=written.base_value)
    Path(report.path).write_text(json.dumps(asdict(written), indent=1) + "\n")


@step("platform")
def try_mitigation(
    use_case: str, dataset: Input[Dataset], trials: Input[list[Artifact]], report: Output[Artifact], page: Output[HTML]
):
    """Try ways to narrow the gap between groups that the use case names, with the best trial's hyperparameters."""
    from pathlib import Path

    from components.core.use_case import load
    from components.judgement.mitigation.compare import compare_asked
    from components.judgement.mitigation.page import mitigation_page
    from components.training.tune import Trials, best

    case = load(use_case)
    trial = best([t for shard in trials for t in Trials.validate_json(Path(shard.path).read_bytes())])
    found = compare_asked(Path(dataset.path), case, trial)
    Path(report.path).write_text(found.model_dump_json(indent=1))
    Path(page.path).write_text(mitigation_page(case, found))
