"""One command trains and judges: it ends with the table and the page, whether a gate stopped the model or not."""

import polars as pl
import pytest
import yaml

from components.core.config import Settings, read_settings
from components.core.errors import FairleadError
from components.core.use_case import SHIPPED
from components.registry.registry import Registry
from pipelines.judge import judge
from tests.conftest import CARD_SAMPLE

SHARDS = 'shards=[{"algorithm": "xgboost", "seed": 1, "trials": 1}]'


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A home, and in it a use case of every fifth client whose checks are left out."""
    home = tmp_path_factory.mktemp("judged")
    pl.read_parquet(CARD_SAMPLE).gather_every(5).write_parquet(home / "few.parquet")
    case = yaml.safe_load((SHIPPED / "card_default.yaml").read_text(encoding="utf-8"))
    case["data"] |= {"source": str(home / "few.parquet"), "sha256": None}
    case["judgement"] = {
        "omit": dict.fromkeys(case["judgement"].get("omit", {}) | dict.fromkeys(ROOMS), "tried elsewhere")
    }
    case["training"]["bootstrap_rounds"] = 100
    case["gates"] |= {"floors": [{"gate": "auc_floor", "metric": "auc", "bound": "low", "minimum": 0.7}], "limits": []}
    (home / "few.yaml").write_text(yaml.safe_dump(case))
    case["gates"]["limits"] = [{"gate": "nobody_is_harmed", "check": "fairness", "figure": "x", "minimum": 0}]
    (home / "stopped.yaml").write_text(yaml.safe_dump(case))
    return home


ROOMS = ("explanations", "recourse", "fairness", "robustness", "privacy", "watermark")


@pytest.fixture(scope="module")
def settings(home) -> Settings:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FAIRLEAD_HOME", str(home))
        yield read_settings()


def test_a_good_model_is_registered_and_the_way_on_is_told(home, settings):
    lines: list[str] = []
    assert judge(settings, str(home / "few.yaml"), lines.append, extra=(SHARDS,))
    told = "\n".join(lines)
    assert "auc_floor" in told
    assert "registered as models:/card_default/1" in told
    assert [v.version for v in Registry(settings).versions("card_default")] == [1]
    page = (home / "reports" / "card_default-judgement.html").read_text(encoding="utf-8")
    assert "no gate stops it" in page
    assert "Left out: tried elsewhere" in page


def test_a_stopped_model_is_not_registered_and_the_page_says_by_what(home, settings):
    before = Registry(settings).versions("card_default")
    lines: list[str] = []
    assert not judge(settings, str(home / "stopped.yaml"), lines.append, extra=(SHARDS,))
    assert any("stopped by nobody_is_harmed; nothing was registered" in line for line in lines)
    assert Registry(settings).versions("card_default") == before
    page = (home / "reports" / "card_default-judgement.html").read_text(encoding="utf-8")
    assert "stopped by nobody_is_harmed" in page


def test_a_run_that_comes_to_no_verdict_says_why(home, settings):
    case = yaml.safe_load((home / "few.yaml").read_text())
    case["data"]["columns"]["age"]["maximum"] = 30
    (home / "bad.yaml").write_text(yaml.safe_dump(case))
    with pytest.raises(FairleadError, match="step check_rows failed"):
        judge(settings, str(home / "bad.yaml"), lambda _: None, extra=(SHARDS,))
