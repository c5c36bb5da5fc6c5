"""The loop of the replay: serve a month, hear of older loans, look, tell, decide, train, roll out, go on."""

from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

import yaml

from components.core.config import Settings
from components.core.judging import CHECKS
from components.core.use_case import UseCase
from components.core.watching import Window
from components.monitoring.alerts.book import AlertBook
from components.monitoring.joined import Joined
from components.monitoring.look import Clock, look
from components.monitoring.values import Findings
from components.monitoring.watched import Watched, watch
from components.registry.registry import Registry
from components.registry.version import Version
from components.retraining.trigger import Trigger
from components.retraining.values import Decision, Run
from pipelines.replay.feed import Feed
from pipelines.replay.stage import LiveRollouts, Traffic, drained, opened
from pipelines.replay.values import Moment
from pipelines.replay.world import World, month_ends
from pipelines.retraining_decision import decide_now
from pipelines.retraining_runs import LocalTraining, Placed, trigger_of
from pipelines.rollout_around import predictions_of
from pipelines.runners.local import Say

LOOK_MONTHS = 3
"""A look after each quarter."""

SHARDS = 'shards=[{"algorithm":"xgboost","seed":1,"trials":2}]'
"""The search of the runs that the loop starts: as long as that of the other ways."""


def by_metrics_alone(use_case: UseCase, target: Path) -> Path:
    """Write the use case down with all checks left out: ten runs are trained here, and gates on metrics decide."""
    omit = dict.fromkeys(CHECKS, "in the replay of nine years models are judged by their metrics alone")
    judging = use_case.judgement.model_copy(update={"omit": omit})
    written = use_case.model_copy(update={"judgement": judging}).model_dump(mode="json", exclude_none=True)
    target.write_text(yaml.safe_dump(written, sort_keys=False), encoding="utf-8")
    return target


@dataclass
class Loop:
    """All that the loop goes by and what it leaves behind.

    Args:
        settings: of the replay's home.
        use_case: its thresholds and policies.
        world: the loans and what becomes of them.
        features: the same loans as a file, for windows that a backtest chooses.
        feed: the clients.
        champion: the model that it begins with.
        last: day of the last loan.
        say: takes one line of progress.
    """

    settings: Settings
    use_case: UseCase
    world: World
    features: Path
    feed: Feed
    champion: Version
    last: date
    say: Say
    findings: list[Findings] = field(default_factory=list)
    moments: list[Moment] = field(default_factory=list)
    clock: Clock = field(default_factory=Clock)
    loans: int = 0

    def __post_init__(self) -> None:
        self._traffic = Traffic(self.world, self.feed, self.last)
        self._rollouts = LiveRollouts(self.settings, self._traffic, self.say)
        judged = by_metrics_alone(self.use_case, self.settings.home / "use_case.yaml")
        training = LocalTraining(self.settings, str(judged), self._quietly, extra=(SHARDS,))
        self._trigger: Trigger = trigger_of(self.settings, Placed(training, self._rollouts))
        self._book = AlertBook(self.settings.home / "alerts.db")
        log = f"sqlite:///{predictions_of(self.settings)}"
        fields = self.champion.contract.inputs
        self._joined = Joined(log, predictions_of(self.settings), self.use_case, fields)
        self._watched = self._watch()

    def run(self, first: date) -> None:
        """Live from the first day to the last."""
        before = first - timedelta(days=1)
        for i, now in enumerate(month_ends(first, self.last)):
            with self.clock.part("serving"):
                self.loans += self._traffic.send(before + timedelta(days=1), now)
                self.feed.tell(self.world.told(before + timedelta(days=1), now))
            before = now
            if (i + 1) % LOOK_MONTHS == 0:
                self._look(now)

    def _look(self, now: date) -> None:
        with self.clock.part("joining"):
            drained(self.settings, len(self.feed.sent))
            rows = self._joined.at(now)
        with self.clock.part("looking"):
            found = look(self._watched, rows, now, self.clock)
        self.findings.append(found)
        for event in self._book.observe(found, self.use_case.monitoring):
            over = event.kind == "cleared"
            self.moments.append(
                Moment(
                    day=now,
                    kind="cleared" if over else "alarm",
                    severity="green" if over else event.level,
                    text=event.summary,
                    name=event.name,
                    version=found.version,
                )
            )
        with self.clock.part("deciding"):
            # New labels are counted in the table that a run would learn from: it knows older loans than the log does.
            table = self.world.features
            decision = decide_now(self.settings, self.use_case, found, table, self.features)
        self.say(self._line(found, decision))
        # After the last day nobody comes: a rollout would wait for loans in vain.
        if decision.action == "retrain" and now < self.last:
            self._retrain(decision, now)

    def _retrain(self, decision: Decision, now: date) -> None:
        why = decision.reasons[0] if decision.reasons else decision.trigger
        self._tell(
            now, "retrain", f"by {decision.trigger}, window {decision.window}: {why}", str(self.champion.version)
        )
        self._rollouts.now = now
        with self.clock.part("training and rolling out"):
            run = self._trigger.fire(self.use_case.name, str(self.champion.version), decision, now)
        self._after(run, now)

    def _after(self, run: Run, now: date) -> None:
        if run.state in ("stopped", "failed"):
            self._tell(now, "stopped", run.reason if run.state == "stopped" else f"failed: {run.reason}", run.version)
        elif run.state in ("promoted", "rolled_back"):
            self._tell(now, run.state, run.reason, run.version)
        else:
            self._tell(now, "held", f"{run.state}: {run.reason}", run.version)
        reigns = Registry(self.settings).champion(self.use_case.name)
        if reigns is not None and reigns.version != self.champion.version:
            self.champion = reigns
            self._watched = self._watch(run.decision.window)

    def _watch(self, window: Window | None = None) -> Watched:
        case = self.use_case
        if window is not None:
            case = case.model_copy(update={"training": case.training.model_copy(update={"window": window})})
        bundle = opened(self.settings, self.champion)
        return watch(case, bundle, str(self.champion.version), self.world.features)

    def _tell(self, day: date, kind: str, text: str, version: str = "") -> None:
        self.moments.append(Moment.model_validate({"day": day, "kind": kind, "text": text, "version": version}))
        self.say(f"  {day} {kind.replace('_', ' ')}{f' (version {version})' if version else ''}: {_first_line(text)}")

    def _line(self, found: Findings, decision: Decision) -> str:
        reds = [c.key for c in found.calls if c.severity == "red"]
        ambers = [c.key for c in found.calls if c.severity == "amber"]
        called = f"{len(reds)} red, {len(ambers)} amber" if found.calls else "calm"
        return f"{found.now} {found.window.rows:>5,} loans  {called:<18} pressure {decision.pressure:.2f}"

    def _quietly(self, line: str) -> None:
        """Steps of the pipeline are told one by one in its own log; here only where it goes wrong."""
        if "failed" in line:
            self.say(f"    {line}")


def _first_line(text: str) -> str:
    line = text.strip().splitlines()[0] if text.strip() else ""
    return line if len(line) <= 200 else line[:197] + "…"
