"""How much arithmetic and traffic the work is, counted on paper.

Arithmetic: two operations for each multiply-accumulate of `Model.macs_per_sample`,
so activations, biases and the loss count nothing. Learning counts three times playing:
forward, and backward for the signals and for the weights. Of a WaveNet, only judged
samples count; the ones computed on the way to the first come on top. Of a recurrent
model, the burn-in counts as playing.

Traffic: each product's inputs read and outputs written once as float32, and three
times that for learning. A cache may save nearly all of it, so this is not a bound.
"""

import jax

FLOPS_PER_MAC = 2
LEARNING = 3
BYTES = 4


def flops_per_sample(model):
    """Arithmetic of playing one sample."""
    return FLOPS_PER_MAC * model.macs_per_sample


def bytes_per_sample(model):
    """Traffic of playing one sample, if nothing stayed in a cache."""
    shapes = jax.eval_shape(model.init, jax.random.key(0))
    weights = [leaf.shape for leaf in jax.tree.leaves(shapes) if len(leaf.shape) > 1]
    return BYTES * sum(outputs + inputs for outputs, inputs, *_ in weights)


def samples_per_step(job, recurrent):
    """Samples of a training step, each counted as often as it is played."""
    data = job.dataset
    burn_in = data.context if recurrent else 0
    if recurrent and job.task.chunk is None:  # the burn-in is learned from, too
        return data.batch * LEARNING * (burn_in + data.outputs)
    return data.batch * (burn_in + LEARNING * data.outputs)


def against_limits(seconds, flops, traffic, limits):
    """Columns: the work of one unit, and how near to the machine's limits it is."""
    return {
        "MFLOP": flops / 1e6,
        "% of matmul": 100 * flops / seconds / 1e9 / limits["matmul GFLOP/s"],
        "MB": traffic / 1e6,
        "% of copy": 100 * traffic / seconds / 1e9 / limits["copy GB/s"],
    }
