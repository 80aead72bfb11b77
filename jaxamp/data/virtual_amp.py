"""A guitar amp made of equations: one tube stage, a tone control and a cabinet.

The demo capture is recorded from it, so that a first training run needs no files.
The stage is solved from its circuit: a coupling capacitor that charges whenever the
grid conducts (the bias shifts, and hard playing chokes the next note), a triode on
its load line, a passive tone control, and a closed-box speaker. The tube runs at
eight times the sample rate between causal filters: nothing is ever heard early.
"""

import functools
import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import scipy  # imports its parts when they are first used

from jaxamp.core import Array, ConfigError
from jaxamp.core.compiler import ONE_KERNEL
from jaxamp.layers import one_kernel

OVERSAMPLING = 8
LOWEST_SAMPLE_RATE = 32_000  # Hz; below, the cabinet's roll-off meets the filters'

# The stage: a textbook common-cathode 12AX7, its cathode fully bypassed.
SUPPLY = 300.0  # V
PLATE_RESISTOR = 100e3  # ohm
CATHODE_RESISTOR = 1.5e3  # ohm
COUPLING_CAPACITOR = 10e-9  # F
SOURCE_RESISTOR = 100e3  # ohm; the previous plate, the gain pot and the grid stopper
GRID_LEAK = 470e3  # ohm

# The tone control: a low-pass arm and a high-pass arm, a pot from one to the other.
# The original's 4 nF in the high arm would scoop the middle.
TONE_LOW_RESISTOR, TONE_LOW_CAPACITOR = 39e3, 10e-9  # ohm, F: 408 Hz
TONE_HIGH_RESISTOR, TONE_HIGH_CAPACITOR = 22e3, 10e-9  # ohm, F: 723 Hz
TONE_POT = 100e3  # ohm

# The stage before gives a full-scale DI this many volts, gain knob down and up.
LEAST_DRIVE, MOST_DRIVE = 4.5, 135.0  # V
OUTPUT = 2.2  # full scale per total plate swing: the demo peaks near -5 dBFS
TRAVEL = 0.8  # full scale; the cone is straight up to here and softly ends at 1

TABLE_CELLS = 4096
TABLE_BEND = 10.0  # V; the table is finest around rest, where the curves bend
TABLE_END = 0.99  # of the bent axis: +-990 V


class Knobs(NamedTuple):
    """The front panel, 0 to 1: numbers, or one value per sample."""

    gain: float | Array = 0.5
    tone: float | Array = 0.5
    level: float | Array = 0.7


class AmpState(NamedTuple):
    """What the circuit remembers between two samples."""

    interpolation: Array
    coupling: Array
    """Charge of the coupling capacitor beyond its rest, in volts."""
    tone: Array
    cabinet: Array


def virtual_amp(
    x: np.ndarray,
    *,
    gain: float = 0.5,
    tone: float = 0.5,
    level: float = 0.7,
    sample_rate: int = 48_000,
) -> np.ndarray:
    """Plays a DI through the amp, switched on and silent before it.

    Rendered on the CPU whatever the accelerator: one sample waits for the last. It
    answers within the same sample and a click peaks 5 samples later. A 5 kHz sine at
    -12 dBFS folds back 73 dB below itself at gain 0.5 and 53 dB at gain 1, full scale
    57 and 38 dB.

    Shapes:
        x `[t]` -> y `[t]`, float32, full scale +-1.
    """
    knobs = Knobs(gain, tone, level)
    _check(knobs, sample_rate)
    with jax.default_device(jax.local_devices(backend="cpu")[0]):
        block = jnp.asarray(np.asarray(x, np.float32))
        if not block.size:
            return np.asarray(block)  # XLA aborts over a kernel that does nothing
        _, y = _in_one_kernel(silence(sample_rate), block, knobs, sample_rate)
        return np.asarray(y)


@functools.partial(jax.jit, static_argnums=3, compiler_options=ONE_KERNEL)
def _in_one_kernel(
    state: AmpState, block: Array, knobs: Knobs, sample_rate: int
) -> tuple[AmpState, Array]:
    """What `step` answers, to the bit, four times as fast."""
    whole = functools.partial(step, sample_rate=sample_rate)
    return one_kernel(whole, state, block, knobs)


def silence(sample_rate: int = 48_000) -> AmpState:
    """The state of the amp with nothing plugged in; every rest is a zero here."""
    circuit = _circuit(sample_rate)
    orders = (circuit.interpolation, circuit.tone, circuit.cabinet)
    interpolation, tone, cabinet = (jnp.zeros(m.order, jnp.float32) for m in orders)
    return AmpState(interpolation, jnp.zeros((), jnp.float32), tone, cabinet)


@functools.partial(jax.jit, static_argnames="sample_rate")
def step(
    state: AmpState, block: Array, knobs: Knobs, *, sample_rate: int = 48_000
) -> tuple[AmpState, Array]:
    """The next block, of any length; any split of the audio gives the same audio.

    The coupling capacitor is charged once per sample, by the mean current of the
    eight sub-samples: at 1 ms, its fastest time constant is 48 samples long.

    Shapes:
        block `[t]`, each knob `[]` or `[t]` -> new state, y `[t]`.
    """
    circuit = _circuit(sample_rate)
    curves = jnp.asarray(circuit.curves)
    volts = block * LEAST_DRIVE * (MOST_DRIVE / LEAST_DRIVE) ** jnp.asarray(knobs.gain)
    tone = jnp.broadcast_to(jnp.asarray(knobs.tone, jnp.float32), block.shape)

    def sample(state: AmpState, now: tuple[Array, Array]) -> tuple[AmpState, Array]:
        source, turn = now
        interpolation, v = circuit.interpolation(state.interpolation, source[None])
        charge, plate = _look_up(curves, v - state.coupling)
        tone, arms = circuit.tone(state.tone, plate)
        low, high = arms[:OVERSAMPLING], arms[OVERSAMPLING:]
        cabinet, y = circuit.cabinet(state.cabinet, low + turn * (high - low))
        coupling = state.coupling + jnp.mean(charge)
        return AmpState(interpolation, coupling, tone, cabinet), y[0]

    state, y = jax.lax.scan(sample, state, (volts, tone))
    return state, _end_softly(OUTPUT * knobs.level * y)


def _end_softly(y: Array) -> Array:
    room = 1 - TRAVEL
    beyond = jnp.maximum(jnp.abs(y) - TRAVEL, 0)
    return jnp.clip(y, -TRAVEL, TRAVEL) + jnp.sign(y) * room * jnp.tanh(beyond / room)


def _check(knobs: Knobs, sample_rate: int) -> None:
    for name, value in knobs._asdict().items():
        if not 0 <= value <= 1:
            raise ConfigError(
                f"The virtual amp's {name} knob was set to {value}. Knobs go from 0 to "
                f"1; set {name} to a number between them."
            )
    if sample_rate < LOWEST_SAMPLE_RATE:
        raise ConfigError(
            f"The virtual amp was asked to run at {sample_rate} Hz. It needs at least "
            f"{LOWEST_SAMPLE_RATE} Hz; resample the input, 48000 Hz is usual."
        )


class _Linear(NamedTuple):
    """A linear filter advanced by one sample, all its sub-samples in one product.

    Shapes:
        state `[order]`, x `[inputs]` -> new state `[order]`, y `[outputs]`
    """

    matrix: np.ndarray
    order: int

    def __call__(self, state: Array, x: Array) -> tuple[Array, Array]:
        both = jnp.concatenate([state, x])
        # A sum of products, because accelerators round the factors of a matmul.
        product = jnp.sum(self.matrix * both, axis=1)
        return product[: self.order], product[self.order :]


class _Circuit(NamedTuple):
    interpolation: _Linear
    curves: np.ndarray
    tone: _Linear
    cabinet: _Linear


@functools.cache
def _circuit(sample_rate: int) -> _Circuit:
    rate = OVERSAMPLING * sample_rate
    smoothing = np.asarray(
        scipy.signal.ellip(6, 0.1, 70, sample_rate / 2.4, output="sos", fs=rate)
    )
    return _Circuit(
        interpolation=_advance(_cascade(smoothing), hold=True),
        curves=_curves(sample_rate),
        tone=_advance(_tone_control(rate)),
        cabinet=_advance(_cabinet(rate), last=True),
    )


class _StateSpace(NamedTuple):
    """s' = A s + B x, y = C s + D x: the letters of every textbook."""

    A: np.ndarray
    B: np.ndarray
    C: np.ndarray
    D: np.ndarray


def _advance(system: _StateSpace, *, hold: bool = False, last: bool = False) -> _Linear:
    """Eight sub-samples of a filter as one product.

    Args:
        hold: One input is held for all eight.
        last: Only the eighth output is wanted.
    """
    A, B, C, D = _balanced(system)
    powers = [np.linalg.matrix_power(A, k) for k in range(OVERSAMPLING + 1)]
    to_state = np.hstack(
        [powers[OVERSAMPLING - 1 - j] @ B for j in range(OVERSAMPLING)]
    )
    from_state = np.stack([C @ powers[k] for k in range(OVERSAMPLING)], axis=1)
    response = [D, *(C @ powers[k] @ B for k in range(OVERSAMPLING - 1))]
    through = np.zeros((len(C), OVERSAMPLING, OVERSAMPLING))
    for k in range(OVERSAMPLING):
        for j in range(k + 1):
            through[:, k, j] = response[k - j][:, 0]
    if hold:
        to_state = to_state.sum(axis=1, keepdims=True)
        through = through.sum(axis=2, keepdims=True)
    if last:
        from_state, through = from_state[:, -1:], through[:, -1:]
    order = len(A)
    from_state = from_state.reshape(-1, order)
    through = through.reshape(len(from_state), -1)
    matrix = np.block([[powers[-1], to_state], [from_state, through]])
    return _Linear(matrix.astype(np.float32), order)


def _balanced(system: _StateSpace) -> _StateSpace:
    """The same filter on states of equal weight, so that float32 rounds none badly.

    Source:
        Laub et al. 1987, "Computation of system balancing transformations".
    """
    A, B, C, D = system
    reach = np.linalg.cholesky(scipy.linalg.solve_discrete_lyapunov(A, B @ B.T))
    watch = np.linalg.cholesky(scipy.linalg.solve_discrete_lyapunov(A.T, C.T @ C))
    left, values, right = np.linalg.svd(watch.T @ reach)
    to_old = reach @ right.T / np.sqrt(values)
    to_new = (left / np.sqrt(values)).T @ watch.T
    return _StateSpace(to_new @ A @ to_old, to_new @ B, C @ to_old, D)


def _cascade(sections: np.ndarray) -> _StateSpace:
    """Second-order sections, one after the other."""
    A, B, C, D = np.zeros((0, 0)), np.zeros((0, 1)), np.zeros((1, 0)), np.ones((1, 1))
    for section in sections:
        a, b, c, d = map(np.asarray, scipy.signal.tf2ss(section[:3], section[3:]))
        A = np.block([[A, np.zeros((len(A), 2))], [b @ C, a]])
        B = np.vstack([B, b @ D])
        C = np.hstack([d @ C, c])
        D = d @ D
    return _StateSpace(A, B, C, D)


def _tone_control(rate: int) -> _StateSpace:
    """The two arms between which the tone pot slides; its wiper draws no current.

    So the pot's ends move by themselves, and turning the knob only picks a point
    between them. States: the voltages over the two capacitors.

    Source:
        Kirchhoff's current law on the tone control of the Electro-Harmonix Big Muff.
    """
    low, high = 1 / TONE_LOW_RESISTOR, 1 / TONE_HIGH_RESISTOR
    across = 1 / TONE_POT
    A = np.array([[-(low + across), -across], [-across, -(high + across)]])
    B = np.array([[low + across], [high + across]])
    charge = np.array([[TONE_LOW_CAPACITOR], [TONE_HIGH_CAPACITOR]])
    C, D = np.array([[1.0, 0.0], [0.0, -1.0]]), np.array([[0.0], [1.0]])
    return _trapezoidal(A / charge, B / charge, C, D, rate)


def _trapezoidal(A, B, C, D, rate: int) -> _StateSpace:
    """A circuit in volts per second, made digital by the trapezoidal rule."""
    inverse = np.linalg.inv(np.eye(len(A)) - A / (2 * rate))
    per_sample = inverse @ B / rate
    forward = inverse @ (np.eye(len(A)) + A / (2 * rate))
    return _StateSpace(forward, per_sample, C @ inverse, D + C @ per_sample / 2)


def _cabinet(rate: int) -> _StateSpace:
    """A speaker in a closed box; its roll-off keeps the tube's overtones from folding.

    A closed box is a second-order high-pass (Small 1972, "Closed-box loudspeaker
    systems"), which blocks the tube's direct current; the cone adds presence and stops
    above 5 kHz. A low and well damped box, so that small networks can learn it: after
    10 ms less than 0.01 % of a click's energy is left.
    """
    box = _section([1, 0, 0], 60, 0.6, rate)
    w = 2 * math.pi * 2_500
    presence = _section([1, 1.4 * w, w * w], 2_500, 1.0, rate)
    cone = np.asarray(scipy.signal.butter(4, 5_000, output="sos", fs=rate))
    return _cascade(np.vstack([box, presence, cone]))


def _section(
    numerator: list[float], frequency: float, q: float, rate: int
) -> np.ndarray:
    """numerator(s) / (s^2 + w s / q + w^2), made digital."""
    w = 2 * math.pi * frequency
    b, a = scipy.signal.bilinear(numerator, [1, w / q, w * w], rate)
    return np.concatenate([np.asarray(b), np.asarray(a)])[None]


def _curves(sample_rate: int) -> np.ndarray:
    """What the stage does, solved once for every voltage behind the coupling capacitor.

    Each row is a cell of the table: the charge (V) that one sample at that voltage
    leaves on the capacitor, its rise over the cell; the plate's swing, its rise.
    """
    bent = np.linspace(-TABLE_END, TABLE_END, TABLE_CELLS + 1)
    volts = TABLE_BEND * bent / (1 - np.abs(bent))
    cathode = _cathode_voltage()
    rest = -GRID_LEAK * _grid_current(-cathode)
    grid = _solve(
        lambda v: v + SOURCE_RESISTOR * (v / GRID_LEAK + _grid_current(v - cathode)),
        volts + rest,
    )
    per_volt = 1 / (SOURCE_RESISTOR * COUPLING_CAPACITOR * sample_rate)
    charge = (volts + rest - grid) * per_volt
    charge -= charge[TABLE_CELLS // 2]  # rest is exact, not a solver's 1e-12
    plate = _plate_voltage(grid, cathode)
    # The stage before turned the signal upside down; this one turns it back.
    swing = (plate[TABLE_CELLS // 2] - plate) / (plate.max() - plate.min())
    columns = [charge[:-1], np.diff(charge), swing[:-1], np.diff(swing)]
    return np.stack(columns, axis=1).astype(np.float32)


def _look_up(curves: Array, volts: Array) -> tuple[Array, Array]:
    bent = volts / (TABLE_BEND + jnp.abs(volts))
    place = (bent / TABLE_END + 1) * (TABLE_CELLS / 2)
    place = jnp.clip(place, 0, TABLE_CELLS - 1e-3)
    cell = place.astype(jnp.int32)
    part = place - cell
    row = curves[cell]
    return row[:, 0] + part * row[:, 1], row[:, 2] + part * row[:, 3]


def _cathode_voltage() -> float:
    """Where the current through the cathode resistor holds the tube, in volts."""

    def excess(cathode: np.ndarray) -> np.ndarray:
        through_plate = (SUPPLY - _plate_voltage(np.zeros(1), cathode)) / PLATE_RESISTOR
        return cathode / CATHODE_RESISTOR - through_plate

    return float(_solve(excess, np.zeros(1))[0])


def _plate_voltage(grid: np.ndarray, cathode: np.ndarray | float) -> np.ndarray:
    """Where the tube's curve meets the load line of the plate resistor, in volts."""

    def at_supply(plate):
        current = _plate_current(plate - cathode, grid - cathode)
        return plate + PLATE_RESISTOR * current

    return _solve(at_supply, np.full_like(grid, SUPPLY))


def _plate_current(plate: np.ndarray, grid: np.ndarray) -> np.ndarray:
    """Amperes through a 12AX7, both voltages against its cathode.

    Source:
        Koren 1996, "Improved vacuum tube models for SPICE simulations", 12AX7.
    """
    mu, ex, kg1, kp, kvb = 100.0, 1.4, 1060.0, 600.0, 300.0
    plate = np.maximum(plate, 0)
    inner = kp * (1 / mu + grid / np.sqrt(kvb + plate**2))
    return 2 * (plate / kp * np.logaddexp(0, inner)) ** ex / kg1


def _grid_current(grid: np.ndarray | float) -> np.ndarray:
    """Amperes into the grid of a 12AX7, by its voltage against the cathode.

    Source:
        Dempwolf and Zoelzer 2011, "A physically-motivated triode model for circuit
        simulations", DAFx-11, the tube RSD-1.
    """
    Gg, Cg, xi, Ig0 = 6.177e-4, 9.901, 1.314, 8.025e-8
    return Gg * (np.logaddexp(0, Cg * np.asarray(grid)) / Cg) ** xi + Ig0


def _solve(rising, target: np.ndarray) -> np.ndarray:
    """The voltages at which a rising function meets its targets, by bisection."""
    low, high = np.full_like(target, -2000.0), np.full_like(target, 2000.0)
    for _ in range(60):
        middle = (low + high) / 2
        above = rising(middle) > target
        low, high = np.where(above, low, middle), np.where(above, middle, high)
    return (low + high) / 2
