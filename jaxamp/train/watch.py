"""Failures of a training that say nothing by themselves, and what is behind them.

They are looked for at every validation, from numbers that a checkpoint keeps, so a run
that was cut is told of them at the same step. Stuck is a training whose best ESR is
above 0.9 at the first validation from step 400 on, with three made: nothing was learned
beyond silence. Rising is one whose last ten validations were all at least 1.5 times the
best. What is behind it is read off the validation passage and the training loss.
`experiments/016_silent_failures` has the false alarms and the late ones.
"""

from collections.abc import Sequence

import numpy as np

from jaxamp.dsp.relation import early_or_late, related, relation
from jaxamp.train.progress import Progress
from jaxamp.train.validate import Passage

STUCK_ESR, STUCK_STEPS, STUCK_VALIDATIONS = 0.9, 400, 3

DEAD_ESR = 0.985
"""A network that plays nothing, or a constant, stays above; an LSTM that had begun to
learn from few and short windows was at 0.978 after 400 steps."""

RISING_FACTOR, RISING_VALIDATIONS = 1.5, 10

STUCK = ("unrelated", "misaligned", "slow", "dead")
"""What may be behind a training that is stuck."""

RISING = ("unstable", "overfitting")
"""What may be behind a validation that rises."""

LOST_CAUSES = {
    "dead": "the network was dead",
    "unstable": "training and validation had risen for long",
}
"""Causes that a lower learning rate may cure, and what to say of them."""


def trouble(progress: Progress) -> str | None:
    """`stuck`, `rising` or None; each once in a run, and again after a restart."""
    best = progress.best_esr
    if best is None:
        return None
    if (
        not best <= STUCK_ESR
        and progress.step >= STUCK_STEPS
        and progress.validations >= STUCK_VALIDATIONS
        and not told(STUCK, progress)
    ):
        return "stuck"
    lowest = progress.lowest_since
    if (
        best <= STUCK_ESR
        and progress.stale >= RISING_VALIDATIONS
        and lowest is not None
        and not lowest < RISING_FACTOR * best
        and not told(RISING, progress)
    ):
        return "rising"
    return None


def told(causes: Sequence[str], progress: Progress) -> bool:
    """Whether one of these was told since the last restart."""
    return any(
        cause in causes and restarts == progress.restarts
        for cause, _, restarts in progress.warned
    )


def cause_of(what: str, progress: Progress, passages: Sequence[Passage]) -> str:
    """What is behind a training that is stuck, or a validation that rises."""
    if what == "rising":
        now, then = progress.loss_before, progress.loss_at_best
        worse = now is None or then is None or not now <= then
        return "unstable" if worse else "overfitting"
    found = [relation(*audible(one)) for one in passages]
    if not any(related(one) for one in found):
        return "unrelated"
    if all(early_or_late(one) for one in found):
        return "misaligned"
    learned = progress.best_esr is not None and progress.best_esr < DEAD_ESR
    return "slow" if learned else "dead"


def audible(passage: Passage) -> tuple[np.ndarray, np.ndarray]:
    """What a passage plays and what answers it, 1-D."""
    size = int(passage.samples)
    both = np.asarray(passage.input), np.asarray(passage.target)
    x, y = (np.ravel(part)[:size] for part in both)
    return x, y


def seen(cause: str, progress: Progress) -> str:
    """What was seen and what to do, for the user."""
    best = progress.best_esr or 0.0
    stuck = (
        f"After {progress.step} steps the validation ESR is {best:.2f} at best, hardly "
        "better than silence"
    )
    rising = (
        f"The last {progress.stale} validations up to step {progress.step} were all at "
        f"least {RISING_FACTOR} times as wrong as the best, ESR {best:.4f} at step "
        f"{progress.best_step}"
    )
    return {
        "unrelated": f"{stuck}, and the target answers the input at no delay within a "
        "second: they look like two different takes. Check that both files are of one "
        "take and belong together; training longer will not help.",
        "misaligned": f"{stuck}, though the target follows the input: it answers too "
        "early or too late. Leave data.delay at auto, or state the delay that `jaxamp "
        "check` measures.",
        "slow": f"{stuck}, though the target answers the input in time: it learns "
        "slowly. Give it more steps, a larger train.batch or train.outputs, or a "
        "higher learning rate.",
        "dead": f"{stuck}, though the target answers the input in time: the network "
        "plays nothing of it. Try a learning rate ten times lower, another seed, or "
        "train.restarts=3, which begins again at a lower rate by itself.",
        "unstable": f"{rising}, and the training loss rose as well: the training is "
        "unstable. The best is kept. Try a lower learning rate, train.clip_norm=1, or "
        "train.restarts=3, which goes back to the best at a lower rate by itself.",
        "overfitting": f"{rising}, while the training loss fell: the model learns the "
        "recording by heart. The best is kept, and more steps will hardly help: stop "
        "here (train.patience does it by itself), record more, or take a smaller "
        "model.",
    }[cause]
