"""A finite impulse response: a cabinet or an equaliser, and the baseline for amps."""

from jaxamp.core import Model
from jaxamp.models.record import Functions, record, refuse_unlike_sizes, remember


@remember
def linear(
    *, receptive_field: int = 2048, bias: bool = False, sample_rate: int = 48_000
) -> Model:
    """An FIR filter of `receptive_field` samples, optionally with an offset."""
    refuse_unlike_sizes(receptive_field=receptive_field)

    def network() -> Functions:
        from jaxamp.models.networks.linear import functions  # noqa: PLC0415 (Flax)

        return functions(receptive_field, bias)

    return record(
        network,
        architecture="Linear",
        hyperparameters={
            "receptive_field": receptive_field,
            "bias": bias,
            "sample_rate": sample_rate,
        },
        sample_rate=sample_rate,
        receptive_field=receptive_field,
        warmup=receptive_field - 1,
        rings=True,
        macs_per_sample=receptive_field,
    )
