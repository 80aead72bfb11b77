"""Dilated convolutions that hear only the past.

How a convolution is computed is private to this module. The state of a convolution
is the end of its own input; the length of that past is the mode (see `CausalConv`).
"""

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxamp.core import Array
from jaxamp.layers.precision import precision
from jaxamp.layers.ring import Heard, Ring

FFT_FROM_TAPS = 64
"""Kernels at least this long are convolved by FFT."""

SUMMED_TAPS = 16
"""Kernels up to this long are a sum of their taps, each a matrix over the channels of
shifted samples; longer ones are XLA's own convolution. One step of 16 windows, A1 loss,
each window played again on the way back, two busy cores, in milliseconds as a sum / as
XLA's convolution: A1 standard 550 / 1,000, feather 170 / 217, nano 84 / 90, A2 full
840 / 1,115. One large product over stacked taps took 727 ms for A1 standard, because
XLA fuses the stacking with what comes before and then copies number by number; a
derivative of our own (one product per tap) took 600 ms and more."""


def fan_in_uniform(fan_in: int):
    """Uniform within ±1/sqrt(fan_in), for weights and biases alike.

    Source:
        The default of PyTorch's convolutions and linear layers, which the field's
        recipes were tuned on.
    """
    bound = fan_in**-0.5

    def init(key, shape, dtype=jnp.float32):
        return jax.random.uniform(key, shape, dtype, -bound, bound)

    return init


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

    @property
    def reach(self) -> int:
        """Samples of the past that still matter to the present one."""
        return (self.kernel_size - 1) * self.dilation

    @nn.compact
    def __call__(self, x: Array, past: Array | Ring) -> tuple[Array, Array | Heard]:
        inputs = x.shape[1]
        init = fan_in_uniform(inputs * self.kernel_size)
        weight = self.param("weight", init, (self.channels, inputs, self.kernel_size))
        if isinstance(past, Ring):
            y, new_past = convolve_ring(past, x, weight, self.dilation), Heard(x)
        else:
            heard = jnp.concatenate([past, x], axis=2)
            new_past = heard[:, :, max(0, heard.shape[2] - self.reach) :]
            y = convolve(heard, weight, self.dilation)
        if self.bias:
            y = y + self.param("bias", init, (self.channels,))[:, None]
        return y, new_past


class Pointwise(nn.Module):
    """A matrix over the channels of each sample on its own; it has no state.

    Shapes:
        x `[b, i, t]` -> y `[b, channels, t]`
    """

    channels: int
    bias: bool = True

    @nn.compact
    def __call__(self, x: Array) -> Array:
        init = fan_in_uniform(x.shape[1])
        weight = self.param("weight", init, (self.channels, x.shape[1], 1))
        y = convolve(x, weight, dilation=1)
        if self.bias:
            y = y + self.param("bias", init, (self.channels,))[:, None]
        return y


def convolve(x: Array, weight: Array, dilation: int) -> Array:
    """Valid cross-correlation of x `[b, i, t]` with weight `[o, i, k]`."""
    kernel_size = weight.shape[2]
    length = x.shape[2] - (kernel_size - 1) * dilation
    if length <= 0:
        return jnp.zeros((x.shape[0], weight.shape[0], 0), x.dtype)
    if kernel_size >= FFT_FROM_TAPS and dilation == 1:
        return convolve_by_fft(x, weight)
    if kernel_size > SUMMED_TAPS:
        return correlate(x, weight, dilation)
    first, *others = (
        correlate(x[:, :, start : start + length], weight[:, :, tap : tap + 1])
        for tap, start in enumerate(range(0, kernel_size * dilation, dilation))
    )
    return sum(others, start=first)


def convolve_ring(ring: Ring, x: Array, weight: Array, dilation: int) -> Array:
    """The same as `convolve` of what the ring holds, followed by a short x.

    Taps that fall into one block before x are read together; the others lie in the
    ring in one piece each. Stacked, because a block is small: 64 samples through A1
    standard take 67 µs, and 70 µs as a sum; A2 full 81 and 94.
    """
    reach, length, kernel_size = ring.reach, x.shape[2], weight.shape[2]
    lags = [reach - k * dilation for k in range(kernel_size)]
    contiguous = reach <= length or kernel_size > SUMMED_TAPS
    near = reach if contiguous else max(lag for lag in lags if lag < length)
    heard = jnp.concatenate([ring.before(near, near), x], axis=2) if near else x
    if contiguous:
        long = kernel_size >= FFT_FROM_TAPS
        return (convolve if long else correlate)(heard, weight, dilation)
    taps = [
        ring.before(lag, length)
        if lag >= length
        else heard[:, :, near - lag : near - lag + length]
        for lag in lags
    ]
    flat = weight.transpose(0, 2, 1).reshape(weight.shape[0], -1, 1)
    return correlate(jnp.concatenate(taps, axis=1), flat)


def correlate(x: Array, weight: Array, dilation: int = 1) -> Array:
    """The same as one instruction of XLA's."""
    return jax.lax.conv_general_dilated(
        x, weight, (1,), "VALID", rhs_dilation=(dilation,), precision=precision()
    )


def convolve_by_fft(x: Array, weight: Array) -> Array:
    """The same for long kernels, where the cost per tap would be unbearable."""
    length, kernel_size = x.shape[2], weight.shape[2]
    size = 1 << (length - 1).bit_length()
    spectrum = jnp.fft.rfft(x.astype(jnp.float32), size)
    kernel = jnp.fft.rfft(weight[:, :, ::-1].astype(jnp.float32), size)
    product = jnp.einsum("oif,bif->bof", kernel, spectrum, precision=precision())
    y = jnp.fft.irfft(product, size)
    return y[:, :, kernel_size - 1 : length].astype(x.dtype)


def last(x: Array, length: int) -> Array:
    """The newest `length` samples of x `[b, c, t]`."""
    return x[:, :, x.shape[2] - length :]
