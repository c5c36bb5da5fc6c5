"""What a controller touches, kept in files: they outlive a process that is killed."""

from pathlib import Path

from components.rollout.traffic import Traffic

WELL = {"stable": True, "candidate": True}


class FilePlane:
    """Shares nothing out; each change is one line, appended in one write."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.well = WELL

    def lines(self) -> list[str]:
        return self.path.read_text(encoding="utf-8").splitlines() if self.path.exists() else []

    def apply(self, traffic: Traffic) -> None:
        if self.current() != traffic:
            self._add(traffic.model_dump_json())

    def current(self) -> Traffic:
        said = [line for line in self.lines() if line.startswith("{")]
        return Traffic.model_validate_json(said[-1]) if said else Traffic()

    def healthy(self) -> dict[str, bool]:
        return self.well

    def finish(self, winner: str) -> None:
        line = f"finished: {winner}"
        if line not in self.lines():
            self._add(line)

    def _add(self, line: str) -> None:
        with self.path.open("ab", buffering=0) as f:
            f.write(f"{line}\n".encode())


class FilePromotion:
    """An approval that is given as soon as it is asked for."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def lines(self) -> list[str]:
        return self.path.read_text(encoding="utf-8").splitlines() if self.path.exists() else []

    def approval(self, _rollout: object) -> str | None:
        return "a1" if "asked" in self.lines() else None

    def refusal(self, _rollout: object) -> None:
        return None

    def ask(self, _rollout: object) -> None:
        self._once("asked")

    def promote(self, _rollout: object, approval: str | None) -> None:
        self._once(f"promoted with {approval}")

    def promoted(self, _rollout: object, approval: str | None) -> bool:
        return f"promoted with {approval}" in self.lines()

    def _once(self, line: str) -> None:
        if line not in self.lines():
            with self.path.open("ab", buffering=0) as f:
                f.write(f"{line}\n".encode())
