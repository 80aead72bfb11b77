"""Dilated convolutions that hear only the past.

How a convolution is computed is private to this module. The state of a convolution
is the end of its own input; the length of that past is the mode (see `CausalConv`).
"""

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxamp.core import Array

HIGHEST = jax.lax.Precision.HIGHEST

FFT_FROM_TAPS = 64
"""Kernels at least this long are convolved by FFT."""

FEW_PRODUCTS = 64
"""Up to this many input-output channel pairs, XLA's own convolution is fastest to
train: on two CPU cores one step of A1 nano (4 and 2 channels) takes 0.055 s with it,
0.140 s as one matrix product over stacked taps and 0.127 s as a sum over taps. With 16
channels the order is reversed: 1.69, 0.63 and 0.72 s. Measured beside other work, in
two sittings: large ratios mean something, small ones do not."""


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
    def __call__(self, x: Array, past: Array) -> tuple[Array, Array]:
        inputs = x.shape[1]
        init = fan_in_uniform(inputs * self.kernel_size)
        weight = self.param("weight", init, (self.channels, inputs, self.kernel_size))
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
    if weight.shape[0] * weight.shape[1] <= FEW_PRODUCTS:
        return jax.lax.conv_general_dilated(
            x, weight, (1,), "VALID", rhs_dilation=(dilation,), precision=HIGHEST
        )
    starts = range(0, kernel_size * dilation, dilation)
    taps = jnp.concatenate([x[:, :, k : k + length] for k in starts], axis=1)
    flat = weight.transpose(0, 2, 1).reshape(weight.shape[0], -1)
    return jnp.einsum("oi,bit->bot", flat, taps, precision=HIGHEST)


def convolve_by_fft(x: Array, weight: Array) -> Array:
    """The same for long kernels, where the cost per tap would be unbearable."""
    length, kernel_size = x.shape[2], weight.shape[2]
    size = 1 << (length - 1).bit_length()
    spectrum = jnp.fft.rfft(x.astype(jnp.float32), size)
    kernel = jnp.fft.rfft(weight[:, :, ::-1].astype(jnp.float32), size)
    y = jnp.fft.irfft(jnp.einsum("oif,bif->bof", kernel, spectrum), size)
    return y[:, :, kernel_size - 1 : length].astype(x.dtype)


def last(x: Array, length: int) -> Array:
    """The newest `length` samples of x `[b, c, t]`."""
    return x[:, :, x.shape[2] - length :]
