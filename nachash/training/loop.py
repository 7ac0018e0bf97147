"""The training loop: the same for every method, and for images as for cached features."""

import math
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, final, runtime_checkable

import torch
from torch import Tensor

from nachash.errors import IncompatibleError, InterruptedRunError, TrainingError
from nachash.shapes import Int64
from nachash.training import optimisers
from nachash.training.arithmetic import autocast
from nachash.training.distributed import ALONE, ProcessGroup
from nachash.training.plan import Plan, rate_factor
from nachash.training.randomness import epoch_order, step_generator, step_seed
from nachash.training.step_metrics import Figures, read, step_metrics
from nachash.training.views import Views

_REMEMBERED_STEPS = 50
_READ_EVERY = 10  # steps; a GPU is waited for whenever a number of it is read
_NOTHING = torch.nn.Linear(1, 1)


@dataclass(frozen=True, slots=True)
class Step:
    """What one step was like: its number from 1, of about how many, and its figures."""

    number: int
    steps: int
    figures: dict[str, float]


@dataclass(frozen=True, slots=True)
class Trained:
    """What a run came to: its steps, the mean figures of the last of them, its last state."""

    steps: int
    figures: dict[str, float]
    checkpoint: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Stage:
    """What a method is trained with: views, the encoding of all images, the batch's maker, device.

    `batch` makes the method's batch from views, positions, random numbers, the gather over the
    `group` of processes (each sees its part of a batch), and the share of the run that is over.
    Layers compute in `precision`, one of `arithmetic.PRECISIONS`.
    """

    views: Views
    encode: Callable[[], Any]
    batch: Callable[..., Any]
    device: torch.device
    group: ProcessGroup = ALONE
    precision: str = "auto"


@runtime_checkable
class Keeper(Protocol):
    """Keeps states of a run, so that it can be taken up again."""

    def due(self, step: int, seconds: float) -> bool:
        """Whether it is time to keep the state after `step` steps and `seconds` of training."""

    def keep(self, state: Mapping[str, Any]) -> None:
        """Keep a state."""

    def interrupted(self) -> bool:
        """Whether the run should end after this step."""


@final
class Uninterrupted:
    """A `Keeper` that keeps nothing and goes on."""

    def due(self, step: int, seconds: float) -> bool:
        """Never."""
        del step, seconds
        return False

    def keep(self, state: Mapping[str, Any]) -> None:
        """Nowhere."""

    def interrupted(self) -> bool:
        """Never."""
        return False


def _reading_interval(device: torch.device) -> int:
    """After how many steps their figures are read: reading costs nothing on a CPU."""
    return 1 if device.type == "cpu" else _READ_EVERY


def train(
    method: Any,
    stage: Stage,
    plan: Plan,
    report: Callable[[Step], None],
    *,
    keeper: Keeper | None = None,
    state: Mapping[str, Any] | None = None,
) -> Trained:
    """Train a `methods.Method`, which is on the device already, in place.

    Every step is reported: `loss`, the method's parts, `bit_balance` (mean over bits of twice
    the rarer value's share: 1 when every bit is on for half of the views), `pair_distance` (mean
    Hamming distance of two views of the batch, as a share of the bits), `views_per_second`. A GPU
    is asked for them every tenth step, so that ten are reported at once.

    Args:
        method: what is trained.
        stage: what it is trained with.
        plan: length, rate and seed.
        report: called after every step.
        keeper: keeps states now and then.
        state: a kept state to go on from. With a plan in epochs, the run then comes to the same
            weights, bit for bit, as one that was never interrupted.

    Raises:
        TrainingError: the loss of a step is not a finite number, or a budget holds no step.
        InterruptedRunError: the keeper said so; the state is kept.
        IncompatibleError: the state is of another method or network.
    """
    with torch.random.fork_rng(devices=[]):
        return _Run(method, stage, plan, report, keeper or Uninterrupted(), state).finished()


@final
class _Run:
    """A run under way: what a checkpoint holds, and the step that moves it."""

    def __init__(
        self,
        method: Any,
        stage: Stage,
        plan: Plan,
        report: Callable[[Step], None],
        keeper: Keeper,
        state: Mapping[str, Any] | None,
    ) -> None:
        self.method, self.stage, self.plan = method, stage, plan
        self.report, self.keeper = report, keeper
        weights = [weight for weight in method.parameters() if weight.requires_grad]
        # An optimiser without weights is an error; a method without any is fitted, not trained.
        self.optimiser = optimisers.optimiser(method if weights else _NOTHING, plan)
        self.trainable = bool(weights)
        self.forward = stage.group.wrap(method) if weights else method
        self.step = 0
        self.seconds = 0.0
        self.phase = -1  # the last phase that was prepared
        self.recent: deque[dict[str, float]] = deque(maxlen=_REMEMBERED_STEPS)
        self.read_every = _reading_interval(stage.device)
        self.unread: list[tuple[int, float, Figures]] = []  # number, seconds, figures
        if state is not None:
            self._take_up(state)

    def finished(self) -> Trained:
        if not self.trainable:
            return self._fitted()
        self.method.train()
        before, began = self.seconds, time.perf_counter()
        while (share := self.plan.share(float(self.step), self.seconds)) < 1:
            self._prepare(min(int(share * len(self.method.phases)), len(self.method.phases) - 1))
            figures = self._stepped(self._rate(share))
            (self.seconds,) = self.stage.group.maximum(before + time.perf_counter() - began)
            self._note(figures)
            self._keep()
        self._tell()
        self.method.eval()
        return Trained(self.step, self._means(), self.state())

    @torch.no_grad()
    def _fitted(self) -> Trained:
        """A method without weights to train: prepared, and looked at on one batch."""
        began = time.perf_counter()
        self._prepare(len(self.method.phases) - 1)
        self.method.eval()
        (figures,) = read([step_metrics(self._loss())])
        self.seconds = time.perf_counter() - began
        self.recent.append(figures)
        self.report(Step(1, 1, figures))
        return Trained(0, figures, self.state())

    def state(self) -> dict[str, Any]:
        return {
            "step": self.step,
            "seconds": self.seconds,
            "phase": self.phase,
            "recent": list(self.recent),
            "method": self.method.state_dict(),
            "optimiser": self.optimiser.state_dict(),
        }

    def _take_up(self, state: Mapping[str, Any]) -> None:
        try:
            self.method.load_state_dict(state["method"])
            self.optimiser.load_state_dict(state["optimiser"])
            self.step, self.seconds = int(state["step"]), float(state["seconds"])
            self.phase = int(state["phase"])
            self.recent.extend(state["recent"])
        except (KeyError, RuntimeError, ValueError, TypeError) as error:
            raise IncompatibleError(
                "the checkpoint is of another method, network or version: "
                f"{str(error).splitlines()[0]}",
                "begin again with --overwrite instead of --resume",
            ) from error

    def _prepare(self, phase: int) -> None:
        for number in range(self.phase + 1, phase + 1):
            self.method.prepare(self.stage.encode, self.method.phases[number])
        self.phase = max(self.phase, phase)

    def _rate(self, share: float) -> float:
        """Learning rate of the step that begins at `share` of the run: in its middle, usually."""
        done = max(self.step, 1)
        half = 0.0 if self.plan.rate_at_begin else self.plan.share(0.5, self.seconds / done / 2)
        phases = len(self.method.phases)
        of_phase = min((share + half) * phases - self.phase, 1.0)
        return self.plan.learning_rate * rate_factor(of_phase, self.plan.warmup)

    def _positions(self) -> Int64[Tensor, "batch"]:
        epoch, number = divmod(self.step, self.plan.steps_per_epoch)
        order = epoch_order(self.plan.seed, epoch, self.plan.images)
        return order[number * self.plan.batch : (number + 1) * self.plan.batch]

    def _loss(self) -> Any:
        # For dropout, which takes its random numbers from nowhere else.
        torch.manual_seed(step_seed(self.plan.seed, self.step))
        stage, group = self.stage, self.stage.group
        positions = group.part(self._positions())
        # Views are each process's own, the method's random numbers those of the whole batch.
        own = step_generator(self.plan.seed, self.step, stage.device, 1 + group.rank)
        views = stage.views(positions, self.method.views, own)
        generator = step_generator(self.plan.seed, self.step, stage.device)
        places, share = positions.to(stage.device), self.plan.share(float(self.step), self.seconds)
        with autocast(stage.device, stage.precision):
            return self.forward(stage.batch(views, places, generator, group.gather, share))

    def _stepped(self, rate: float) -> Figures:
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        loss = self._loss()
        if self.read_every == 1:  # before it harms the weights
            self._require_finite(self.step + 1, float(loss.total.detach()))
        self.optimiser.zero_grad(set_to_none=True)
        loss.total.backward()
        self.optimiser.step()
        self.method.after_step(loss)
        self.step += 1
        return step_metrics(loss)

    def _require_finite(self, step: int, loss: float) -> None:
        if not math.isfinite(loss):
            raise TrainingError(
                f"the loss of step {step} is {loss}: training cannot go on",
                f"a smaller rate: --learning-rate {self.plan.learning_rate / 10:.2g}",
            )

    def _note(self, figures: Figures) -> None:
        """Remember the figures of a step, and tell them where it is time to read them."""
        share = self.plan.share(float(self.step), self.seconds)
        if self.step == 1 and self.plan.budget is not None and share > 1:
            raise TrainingError(
                f"one step takes {self.seconds:.2g} s, longer than the budget of "
                f"{self.plan.budget:g} s",
                "a larger --budget, or a smaller --batch-size",
            )
        self.unread.append((self.step, self.seconds, figures))
        if self.step == 1 or self.step % self.read_every == 0:
            self._tell()

    def _tell(self) -> None:
        """Report the steps whose figures were not read yet.

        Raises:
            TrainingError: the loss of one is not a finite number.
        """
        waiting, self.unread = self.unread, []
        numbers = read([figures for _, _, figures in waiting])
        for (step, seconds, _), figures in zip(waiting, numbers, strict=True):
            self._require_finite(step, figures["loss"])
            seen = step * self.plan.batch * self.method.views
            figures["views_per_second"] = seen / seconds
            self.recent.append(figures)
            share = self.plan.share(float(step), seconds)
            self.report(Step(step, max(step, round(step / share)), figures))

    def _keep(self) -> None:
        if self.plan.share(float(self.step), self.seconds) >= 1:
            return
        if self.stage.group.maximum(float(self.keeper.interrupted())) > (0,):
            self._tell()
            self.keeper.keep(self.state())
            raise InterruptedRunError(
                f"interrupted after step {self.step}; nothing is lost",
                "the same command with --resume goes on from there",
            )
        if self.keeper.due(self.step, self.seconds):
            self._tell()  # a state with a loss that is no number is not kept
            self.keeper.keep(self.state())

    def _means(self) -> dict[str, float]:
        count = len(self.recent)
        return {name: sum(step[name] for step in self.recent) / count for name in self.recent[-1]}
