from pathlib import Path

from components.core.config import Settings, read_settings
from pipelines.run_options import where


def settings(**given: str) -> Settings:
    return read_settings({f"FAIRLEAD_{name.upper()}": value for name, value in given.items()})


def test_the_endpoint_is_the_one_given_else_the_settings_else_the_places() -> None:
    known = settings(kfp_host="http://settings")
    assert where(known, "kind", "http://given")[1] == "http://given"
    assert where(known, "kind")[1] == "http://settings"
    assert where(settings(), "kind")[1] == "http://127.0.0.1:8888"
    assert where(settings(), "cloud")[1] == ""


def test_another_tag_leaves_the_digests_of_the_places_own_behind(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(f"images: {{digests: {{platform: 'sha256:{'0' * 64}'}}}}", encoding="utf-8")
    assert "@sha256:" in where(settings(), str(path))[0].images.of("train")
    assert where(settings(), str(path), tag="abc")[0].images.of("train").endswith("/fairlead-platform:abc")
