"""Layer arrays: each a stack of dilated convolutions and a head that sums them up."""

from collections.abc import Mapping
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxamp.core import Array, Conditioning, Model, Params, State
from jaxamp.layers import (
    CausalConv,
    FiLM,
    Knobs,
    LayerTurn,
    OutputScale,
    Pointwise,
    activation,
    beside,
    gated,
    last,
)
from jaxamp.models.layer_array import LayerArray
from jaxamp.models.record import Functions
from jaxamp.models.wavenet import PostHead, Shape
from jaxamp.models.wrap import drawn, wrap


class Layers(nn.Module):
    """One layer array.

    Shapes:
        x `[b, i, t]`, condition `[b, k, t]`, skip `[b, skip_size, t]` or None, state,
        told of knobs `[b, any, t]`, `[b, any, 1]` or None
        -> x `[b, channels, s]`, skip `[b, head_size, s]`, state
    """

    shape: LayerArray
    conditioning: Conditioning | None = None

    @nn.compact
    def __call__(
        self,
        x: Array,
        condition: Array,
        skip: Any,
        state: Mapping[str, Any],
        told: Array | None = None,
    ) -> tuple[Array, Array, Mapping[str, Any]]:
        shape = self.shape
        x = Pointwise(shape.channels, bias=False, name="rechannel")(x)
        pasts = []
        for layer in range(len(shape.dilations)):
            z, past = self.heard(layer, x, condition, state["layers"][layer], told)
            pasts.append(past)
            z = self.answered(layer, z)
            z = self.modulated("activation_post_film", layer, z, condition)
            said = self.for_the_head(layer, z, condition)
            skip = said if skip is None else added(skip, said)
            x = self.for_the_next(layer, x, z, condition)
        head = CausalConv(
            shape.head_size, shape.head_kernel_size, bias=shape.head_bias, name="head"
        )
        skip, past = head(skip, state["head"])
        return x, skip, {"layers": tuple(pasts), "head": past}

    def heard(
        self, layer: int, x: Array, condition: Array, past: Any, told: Array | None
    ) -> tuple[Array, Any]:
        """What a layer makes of the layer below and of the condition."""
        shape, rows = self.shape, self.shape.rows(layer)
        conv = CausalConv(
            rows,
            shape.kernel_sizes[layer],
            shape.dilations[layer],
            groups=shape.groups,
            name=f"conv_{layer}",
        )
        x = self.modulated("conv_pre_film", layer, x, condition)
        z, new_past = conv(x, past)
        z = self.modulated("conv_post_film", layer, z, condition)
        z, near = together(z, condition)
        m = self.modulated("input_mixin_pre_film", layer, near, near)
        mixin = Pointwise(
            rows, bias=False, groups=shape.mixin_groups, name=f"mixin_{layer}"
        )
        m = self.modulated("input_mixin_post_film", layer, mixin(m), near)
        z = z + m
        if told is not None:
            z = self.turned(layer, z, told, x, near, past)
        return self.modulated("activation_pre_film", layer, z, near), new_past

    def turned(
        self, layer: int, z: Array, told: Array, x: Array, near: Array, past: Any
    ) -> Array:
        """What the knobs make of a layer's sum z `[b, rows, t]`.

        Args:
            x, past, near: What the convolution and the mixin of the layer hear. Weights
                that change with the knobs hear the same.
        """
        conditioning, rows = self.conditioning, z.shape[1]
        assert conditioning is not None
        turn = LayerTurn(conditioning, rows, name=f"knobs_{layer}")(told)
        if turn.strengths is not None:
            rank, shape = conditioning.rank, self.shape
            taps, dilation = shape.kernel_sizes[layer], shape.dilations[layer]
            down = CausalConv(
                rank, taps, dilation, bias=False, name=f"knobs_down_{layer}"
            )
            along, _ = down(x, past)
            mixin = Pointwise(rank, bias=False, name=f"knobs_mixin_{layer}")
            along = last(along, z.shape[2]) + mixin(near)
            up = Pointwise(rows, bias=False, name=f"knobs_up_{layer}")
            z = z + up(along * beside(turn.strengths, along))
        return turn(z)

    def answered(self, layer: int, z: Array) -> Array:
        """The activation, through a gate where the layer has one."""
        shape = self.shape
        primary = shape.activations[layer]
        if shape.gating[layer] == "none":
            return activation(primary)(z)
        secondary = shape.secondary_activations[layer]
        return gated(shape.gating[layer], primary, secondary, z)

    def for_the_head(self, layer: int, z: Array, condition: Array) -> Array:
        """What a layer adds to the sum of all layers."""
        head1x1 = self.shape.head1x1
        if head1x1 is None:
            return z
        mix = Pointwise(
            head1x1.out_channels, groups=head1x1.groups, name=f"head1x1_{layer}"
        )
        return self.modulated("head1x1_post_film", layer, mix(z), condition)

    def for_the_next(self, layer: int, x: Array, z: Array, condition: Array) -> Array:
        """What the layer above hears: the layer below, and what this one adds to it.

        Without layer1x1 a layer adds nothing, as in players.
        """
        layer1x1 = self.shape.layer1x1
        if layer1x1 is None:
            return x
        mix = Pointwise(
            self.shape.channels, groups=layer1x1.groups, name=f"layer1x1_{layer}"
        )
        return last(x, z.shape[2]) + self.modulated(
            "layer1x1_post_film", layer, mix(z), condition
        )

    def modulated(self, slot: str, layer: int, x: Array, condition: Array) -> Array:
        """x as the condition modulates it, where the slot is in use."""
        film = dict(self.shape.film).get(slot)
        if film is None:
            return x
        modulation = FiLM(film.shift, film.groups, name=f"{slot}_{layer}")
        return modulation(*together(x, condition))


def together(x: Array, y: Array) -> tuple[Array, Array]:
    """The newest samples of both, as many as the shorter one has.

    From an unknown past, a layer answers less than the layer below, and a condition
    less than the guitar.
    """
    length = min(x.shape[2], y.shape[2])
    return last(x, length), last(y, length)


def added(skip: Array, z: Array) -> Array:
    """Their sum where both are certain.

    A head with a memory of its own may answer less than the next array's first layers.
    """
    skip, z = together(skip, z)
    return skip + z


class WaveNet(nn.Module):
    """Layer arrays, one after the other, and a head after all of them if there is one.

    Shapes:
        x `[b, 1, t]`, state, positions of the knobs `[b, k, t]`, `[b, k, 1]` or None,
        condition `[b, i, t]` or None for the guitar itself
        -> y `[b, outputs, s]`, state

    Source:
        van den Oord et al. 2016; the array layout of .nam files.
    """

    arrays: tuple[LayerArray, ...]
    head_scale: float
    head: PostHead | None
    conditioning: Conditioning | None = None

    @nn.compact
    def __call__(
        self,
        x: Array,
        state: tuple[Any, ...],
        positions: Array | None = None,
        condition: Array | None = None,
    ) -> tuple[Array, Any]:
        told: Array | None = None
        if self.conditioning is not None and positions is not None:
            told = Knobs(self.conditioning, name="knobs")(positions)
        condition = x if condition is None else condition
        skip: Any = None
        new_state = []
        for index, shape in enumerate(self.arrays):
            layers = Layers(shape, self.conditioning, name=f"array_{index}")
            x, skip, new_past = layers(x, condition, skip, state[index], told)
            new_state.append(new_past)
        y = jnp.asarray(self.head_scale, x.dtype) * skip
        if self.head:
            y, pasts = self.after_all(self.head, y, state[-1])
            new_state.append(pasts)
        if told is not None and self.conditioning and self.conditioning.of_output:
            y = y * beside(OutputScale(name="knobs_output")(told), y)
        return y, tuple(new_state)

    def after_all(
        self, head: PostHead, y: Array, pasts: tuple[Any, ...]
    ) -> tuple[Array, tuple[Any, ...]]:
        """Activations and convolutions in turn."""
        new_pasts = []
        for index, (kernel_size, width) in enumerate(
            zip(head.kernel_sizes, head.widths, strict=True)
        ):
            conv = CausalConv(width, kernel_size, name=f"head_{index}")
            y, new_past = conv(activation(head.activation)(y), pasts[index])
            new_pasts.append(new_past)
        return y, tuple(new_pasts)


def functions(shape: Shape) -> Functions:
    """What the arrays compute, of the guitar and of what conditions them."""
    network = WaveNet(shape.arrays, shape.head_scale, shape.head, shape.conditioning)
    plain = wrap(
        network,
        lambda _, batch, dtype: empty(shape, batch, dtype),
        len(shape.controls),
        apart=shape.conditioning is not None,
    )
    if shape.condition is None:
        return plain
    return conditioned(network, plain, shape.condition, shape.condition_size)


def conditioned(
    network: WaveNet, plain: Functions, condition: Model, size: int
) -> Functions:
    """The same, with the condition made by another model of the same guitar."""

    def init(key: Array) -> Params:
        own, other = jax.random.split(key)
        x = jax.ShapeDtypeStruct((1, 1, 1), jnp.float32)
        heard = jax.ShapeDtypeStruct((1, size, 1), jnp.float32)
        state = jax.eval_shape(lambda: plain.init_state(jnp.zeros(1), 1))
        params = drawn(network, own, x, state, condition=heard)
        return {**params, "condition": condition.init(other)}

    def init_state(params: Params, batch: int) -> State:
        return {
            "condition": condition.init_state(params["condition"], batch),
            "network": plain.init_state(params, batch),
        }

    def apply(
        params: Params, x: Array, controls: Array | None, state: State
    ) -> tuple[Array, State]:
        own = {key: part for key, part in params.items() if key != "condition"}
        heard, below = condition.apply(
            params["condition"], x, controls, state["condition"]
        )
        variables = {"params": own}
        y, above = network.apply(  # pyright: ignore
            variables, x, state["network"], condition=heard
        )
        return y, {"condition": below, "network": above}

    return Functions(init, init_state, apply)


def empty(shape: Shape, batch: int, dtype: Any) -> tuple[Any, ...]:
    """The state of arrays that know nothing of the past."""
    state: tuple[Any, ...] = tuple(
        {
            "layers": (nothing(batch, array.channels, dtype),) * len(array.dilations),
            "head": nothing(batch, array.skip_size, dtype),
        }
        for array in shape.arrays
    )
    if shape.head is None:
        return state
    inputs = (shape.arrays[-1].head_size, *shape.head.widths[:-1])
    return (*state, tuple(nothing(batch, i, dtype) for i in inputs))


def nothing(batch: int, channels: int, dtype: Any) -> Array:
    """No past at all."""
    return jnp.zeros((batch, channels, 0), dtype)
