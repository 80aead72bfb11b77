"""Dilated convolutions that hear only the past.

How a convolution is computed is private to this module. The state of a convolution
is the end of its own input; the length of that past is the mode (see `CausalConv`).

XLA's own convolution of few channels runs at a third of the speed of its matrix
products on a CPU, so a short kernel becomes one product over what all its taps hear,
with a derivative that is another such convolution. Ten layers of 16 channels and 3
taps, forward, once more, and back, on four windows of 10,000 samples, one core, in
milliseconds: XLA's convolution 223, a sum of one-tap convolutions 125; without YNNPACK
(see `LEARNING`), the product derived by JAX 81, as here 71.
"""

from collections.abc import Sequence
from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxamp.core import Array
from jaxamp.dsp import sums
from jaxamp.layers.by_itself import by_itself
from jaxamp.layers.drawn import fan_in_uniform, parameter
from jaxamp.layers.one_kernel import in_one_kernel
from jaxamp.layers.precision import precision
from jaxamp.layers.ring import Heard, Ring

FFT_FROM_TAPS = 64
"""Kernels at least this long are convolved by FFT."""

STACKED_TAPS = 16
"""Kernels up to this long become matrix products; longer ones are XLA's own."""

SPELLED_TERMS = 24
"""Inputs times taps up to which a sum of products is faster than a matrix product."""

BRIEF = 128
"""Samples up to which XLA's convolution, joined with what surrounds it, is faster."""

UNROLLED_TERMS = 24
"""Inputs times taps that one loop of a kernel adds up well."""

JOINED_TAPS = 8
"""Taps that XLA joins in one step."""

FOLDED_PAIRS = 144
"""Pairs of channels up to which a loop over them beats a matrix product."""


class CausalConv(nn.Module):
    """A dilated convolution that hears only the past.

    The state is the end of its own input. The layer convolves whatever past it is
    given followed by the new samples, so the past's length decides what comes out:
    a full one answers every new sample, an empty one only those it can be sure of.
    A `Ring` is a full past that somebody else keeps.

    Shapes:
        x `[b, i, t]`, past `[b, i, p]` with `0 <= p <= reach`
        -> y `[b, channels, max(0, p + t - reach)]`,
        new past `[b, i, min(reach, p + t)]`

    Source:
        van den Oord et al. 2016, section 2.1; taps oldest first, as in .nam files.
    """

    channels: int
    kernel_size: int
    dilation: int = 1
    bias: bool = True
    groups: int = 1
    """Kinds of channels that do not hear each other."""

    @property
    def reach(self) -> int:
        """Samples of the past that still matter to the present one."""
        return (self.kernel_size - 1) * self.dilation

    @nn.compact
    def __call__(self, x: Array, past: Array | Ring) -> tuple[Array, Array | Heard]:
        inputs = x.shape[1] // self.groups
        init = fan_in_uniform(inputs * self.kernel_size)
        weight = parameter(
            self, "weight", init, (self.channels, inputs, self.kernel_size)
        )
        weight = spread(weight, self.groups)
        if isinstance(past, Ring):
            y, new_past = convolve_ring(past, x, weight, self.dilation), Heard(x)
        else:
            heard = jnp.concatenate([past, x], axis=2)
            new_past = heard[:, :, max(0, heard.shape[2] - self.reach) :]
            y = convolve(heard, weight, self.dilation)
        if self.bias:
            y = raised(y, parameter(self, "bias", init, (self.channels,)))
        return y, new_past


class Pointwise(nn.Module):
    """A matrix over the channels of each sample on its own; it has no state.

    Shapes:
        x `[b, i, t]` -> y `[b, channels, t]`
    """

    channels: int
    bias: bool = True
    groups: int = 1

    @nn.compact
    def __call__(self, x: Array) -> Array:
        inputs = x.shape[1] // self.groups
        init = fan_in_uniform(inputs)
        weight = parameter(self, "weight", init, (self.channels, inputs, 1))
        y = convolve(x, spread(weight, self.groups), dilation=1)
        if self.bias:
            y = raised(y, parameter(self, "bias", init, (self.channels,)))
        return y


def spread(weight: Array, groups: int) -> Array:
    """The weight of all channels `[o, i, k]` from that of groups `[o, i / groups, k]`.

    Where groups do not hear each other lie zeros: models of amps have so few channels
    that one small product beats several smaller ones.
    """
    if groups == 1:
        return weight
    outputs, inputs, kernel_size = weight.shape
    each = weight.reshape(groups, outputs // groups, 1, inputs, kernel_size)
    own = jnp.eye(groups, dtype=bool)[:, None, :, None, None]
    return jnp.where(own, each, 0).reshape(outputs, groups * inputs, kernel_size)


def convolve(x: Array, weight: Array, dilation: int) -> Array:
    """Valid cross-correlation of x `[b, i, t]` with weight `[o, i, k]`."""
    outputs, _, kernel_size = weight.shape
    length = x.shape[2] - (kernel_size - 1) * dilation
    if length <= 0:
        return jnp.zeros((x.shape[0], outputs, 0), x.dtype)
    if kernel_size >= FFT_FROM_TAPS and dilation == 1:
        return convolve_by_fft(x, weight)
    if kernel_size > STACKED_TAPS or length <= BRIEF or in_one_kernel():
        return correlate(x, weight, dilation)
    if kernel_size == 1:
        return product(weight[:, :, 0], x)
    return short(x, weight, dilation)


def convolve_ring(ring: Ring, x: Array, weight: Array, dilation: int) -> Array:
    """The same as `convolve` of what the ring holds, followed by a short x.

    Taps that fall into one block before x are read together; the others lie in the
    ring in one piece each.
    """
    reach, length, kernel_size = ring.reach, x.shape[2], weight.shape[2]
    if in_one_kernel() and kernel_size <= STACKED_TAPS:
        return correlate_ring(ring, x, weight, dilation)
    lags = [reach - k * dilation for k in range(kernel_size)]
    contiguous = reach <= length or kernel_size > STACKED_TAPS
    near = reach if contiguous else max(lag for lag in lags if lag < length)
    heard = jnp.concatenate([ring.before(near, near), x], axis=2) if near else x
    if contiguous:
        return convolve(heard, weight, dilation)
    taps = [
        ring.before(lag, length)
        if lag >= length
        else heard[:, :, near - lag : near - lag + length]
        for lag in lags
    ]
    matrix = weight.transpose(0, 2, 1).reshape(weight.shape[0], -1)
    if length <= BRIEF:
        return correlate(jnp.concatenate(taps, axis=1), matrix[:, :, None])
    return joined_product(matrix, *taps)


def correlate_ring(ring: Ring, x: Array, weight: Array, dilation: int) -> Array:
    """The same within one kernel: a sum of convolutions of a few taps each.

    Taps that lie in the ring in one piece each are convolutions by themselves; to join
    them first takes a kernel longer.
    """
    reach, length, kernel_size = ring.reach, x.shape[2], weight.shape[2]
    lags = [reach - k * dilation for k in range(kernel_size)]
    far = sum(lag > length for lag in lags)
    near = lags[far]
    heard = jnp.concatenate([ring.before(near, near), x], axis=2) if near else x
    parts = [
        correlate(ring.before(lag, length), weight[:, :, k : k + 1])
        for k, lag in enumerate(lags[:far])
    ]
    taps = max(1, UNROLLED_TERMS // x.shape[1])
    for first in range(far, kernel_size, taps):
        some = weight[:, :, first : first + taps]
        start = near - lags[first]
        stop = start + length + (some.shape[2] - 1) * dilation
        parts.append(correlate(heard[:, :, start:stop], some, dilation))
    return sum(parts[1:], start=parts[0])


@by_itself
def joined_product(matrix: Array, *parts: Array) -> Array:
    """Matrix times the channels of all parts `[b, some, t]`, one below the other."""
    return product(matrix, jnp.concatenate(parts, axis=1))


def raised(x: Array, bias: Array) -> Array:
    """The channels of x `[b, c, t]`, each raised by its bias `[c]`."""
    return x + bias[:, None] if x.shape[2] <= BRIEF else raised_long(x, bias)


def plain_raised(x: Array, bias: Array) -> Array:
    """The same, as JAX derives it."""
    return x + bias[:, None]


# Its derivative adds up along the samples as `sums` does.
raised_long = jax.custom_vjp(plain_raised)
raised_long.defvjp(
    lambda x, bias: (plain_raised(x, bias), None),
    lambda _, y: (y, sums.of_channels(y)),
)


def plain_product(matrix: Array, x: Array) -> Array:
    """Matrix `[o, i]` times the channels of x `[b, i, t]`."""
    # For each example by itself: over all at once, XLA's product is `[o, b, t]`.
    each = jnp.broadcast_to(matrix, (x.shape[0], *matrix.shape))
    return jax.lax.batch_matmul(each, x, precision=precision())


def pairs(x: Array, y: Array) -> Array | sums.Folded:
    """How each channel of x `[b, i, t]` goes with each of y `[b, o, t]`.

    Returns:
        `[i, o]`, or for few channels `[b, i, o, s]`, folded: x, which taps make long,
        is then read once, and y, which stays in the cache, once for each of its rows.
    """
    if x.shape[1] * y.shape[1] <= FOLDED_PAIRS:
        return sums.folded(x[:, :, None], y[:, None])
    over = (0, 2)
    return jax.lax.dot_general(x, y, ((over, over), ((), ())), precision=precision())


def added_up(found: Array | sums.Folded) -> Array:
    """What `pairs` found, `[i, o]`.

    Outside of the call that finds them, so that all those of one length share their
    ones instead of each making its own.
    """
    return sums.of_batch(found) if isinstance(found, sums.Folded) else found


# Its derivative is one of its own, because JAX's gives what x did as `[b, t, i]`.
product = jax.custom_vjp(plain_product)
product.defvjp(
    lambda matrix, x: (plain_product(matrix, x), (matrix, x)),
    lambda kept, y: (
        added_up(by_itself(pairs)(kept[1], y)).T,
        plain_product(kept[0].T, y),
    ),
)


@partial(by_itself, static=2)
def forward(x: Array, weight: Array, dilation: int) -> Array:
    """A convolution with few taps, as its shape wants it; the twin of `correlate`."""
    outputs, inputs, kernel_size = weight.shape
    starts = range(0, kernel_size * dilation, dilation)
    length = x.shape[2] - starts[-1]
    if inputs * kernel_size <= SPELLED_TERMS:
        each = jnp.split(weight.reshape(1, outputs, -1), inputs * kernel_size, axis=2)
        first_taps = range(0, len(each), kernel_size)
        return spelled(x, [each[i : i + kernel_size] for i in first_taps], starts)
    if outputs >= inputs:
        products = (
            plain_product(
                weight[:, :, some].reshape(outputs, -1),
                stacked(x, starts[some], length),
            )
            for some in joined(kernel_size)
        )
        return sum(products, start=jnp.zeros((), x.dtype))
    # Little comes out: all taps of all samples, then shifted and added up.
    taps = plain_product(weight.transpose(2, 0, 1).reshape(-1, inputs), x)
    taps = taps.reshape(x.shape[0], kernel_size, outputs, x.shape[2])
    parts = (taps[:, k, :, s : s + length] for k, s in enumerate(starts))
    return sum(parts, start=jnp.zeros((), x.dtype))


def spelled(
    x: Array, columns: Sequence[Sequence[Array]], starts: Sequence[int]
) -> Array:
    """The convolution as a sum of products, one for each tap of each input.

    Args:
        columns: For each input, what each tap says to the outputs, `[1, o, 1]`.
    """
    length = x.shape[2] - starts[-1]
    terms = [
        columns[i][k] * channel
        for k, start in enumerate(starts)
        for i, channel in enumerate(channels(x[:, :, start : start + length]))
    ]
    return sum(terms[1:], start=terms[0])


def channels(x: Array) -> list[Array]:
    """Each channel of x `[b, c, t]` by itself, `[b, 1, t]`."""
    return jnp.split(x, x.shape[1], axis=1)


@partial(by_itself, static=2)
def backward_in_time(y: Array, weight: Array, dilation: int) -> Array:
    """What x did, given what y did to the loss."""
    outputs, _, kernel_size = weight.shape
    reach = (kernel_size - 1) * dilation
    padded = jnp.pad(y, ((0, 0), (0, 0), (reach, reach)))
    if outputs * kernel_size <= SPELLED_TERMS:
        starts = range(0, reach + 1, dilation)
        said = [
            jnp.split(one, kernel_size, axis=2) for one in jnp.split(weight, outputs)
        ]
        return spelled(padded, [one[::-1] for one in said], starts)
    return forward(padded, weight[:, :, ::-1].transpose(1, 0, 2), dilation)


def of_weights(x: Array, y: Array, dilation: int) -> Array:
    """What the weights did, `[o, i, k]`, given what y did to the loss."""
    outputs, inputs = y.shape[1], x.shape[1]
    parts = map(added_up, pairs_of_taps(x, y, dilation))
    by_tap = [part.reshape(inputs, -1, outputs) for part in parts]
    return jnp.concatenate(by_tap, axis=1).transpose(2, 0, 1)


@partial(by_itself, static=2)
def pairs_of_taps(x: Array, y: Array, dilation: int) -> list[Array | sums.Folded]:
    """The `pairs` of what taps hear and y, for as many taps as are joined."""
    length = y.shape[2]
    starts = range(0, x.shape[2] - length + 1, dilation)
    return [pairs(stacked(x, starts[some], length), y) for some in joined(len(starts))]


def joined(kernel_size: int) -> list[slice]:
    """The taps, as many together as XLA joins without copying each first."""
    parts = -(-kernel_size // JOINED_TAPS)
    edges = [kernel_size * part // parts for part in range(parts + 1)]
    return list(map(slice, edges, edges[1:]))


def stacked(x: Array, starts: Sequence[int], length: int) -> Array:
    """What the taps of each channel hear: x `[b, i, any]` -> `[b, i * k, length]`."""
    heard = [x[:, :, start : start + length] for start in starts]
    return jnp.stack(heard, axis=2).reshape(x.shape[0], -1, length)


short = partial(jax.custom_vjp, nondiff_argnums=(2,))(forward)
short.defvjp(
    lambda x, weight, dilation: (forward(x, weight, dilation), (x, weight)),
    lambda dilation, kept, y: (
        backward_in_time(y, kept[1], dilation),
        of_weights(kept[0], y, dilation),
    ),
)


def correlate(x: Array, weight: Array, dilation: int = 1) -> Array:
    """Valid cross-correlation as one instruction of XLA's."""
    return jax.lax.conv_general_dilated(
        x, weight, (1,), "VALID", rhs_dilation=(dilation,), precision=precision()
    )


def convolve_by_fft(x: Array, weight: Array) -> Array:
    """The same for long kernels, where the cost per tap would be unbearable."""
    length, kernel_size = x.shape[2], weight.shape[2]
    size = 1 << (length - 1).bit_length()
    spectrum = jnp.fft.rfft(x.astype(jnp.float32), size)
    kernel = jnp.fft.rfft(weight[:, :, ::-1].astype(jnp.float32), size)
    answer = jnp.einsum("oif,bif->bof", kernel, spectrum, precision=precision())
    y = jnp.fft.irfft(answer, size)
    return y[:, :, kernel_size - 1 : length].astype(x.dtype)


def last(x: Array, length: int) -> Array:
    """The newest `length` samples of x `[b, c, t]`."""
    return x if length == x.shape[2] else x[:, :, x.shape[2] - length :]
