"""Members that learn in memory alone, for programs that time or compare them."""

from jaxamp.train import LearningRates, Member, Plan, Progress, Running, start


def running(job, seed):
    """A job's member at its first step, neither validated nor written down."""
    member = Member(
        task=job.task,
        dataset=job.dataset,
        passages=(),
        plan=Plan(steps=job.plan.steps, validate_every=job.plan.steps),
        seed=seed,
        rates=LearningRates(job.learning_rate),
        checkpoints=None,
        log=None,
        weights=job.weights,
    )
    state = start(job.task, seed, job.dataset.batch)
    return Running(member, state, Progress(), None, None)
