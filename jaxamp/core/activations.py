"""The names of activations, as model files give them; `layers` knows what they do."""

from collections.abc import Mapping
from typing import Any

from jaxamp.core.errors import ConfigError

ACTIVATION_OPTIONS: Mapping[str, tuple[str, ...]] = {
    "Tanh": (),
    "Hardtanh": (),
    "Fasttanh": (),
    "ReLU": (),
    "LeakyReLU": ("negative_slope",),
    "PReLU": ("negative_slope", "negative_slopes"),
    "Sigmoid": (),
    "SiLU": (),
    "Hardswish": (),
    "LeakyHardtanh": ("min_val", "max_val", "min_slope", "max_slope"),
    "Softsign": (),
}
"""name -> the options it takes"""

ActivationSpec = str | Mapping[str, Any] | tuple[tuple[str, Any], ...]


def check_activation(spec: ActivationSpec) -> tuple[str, dict[str, Any]]:
    """The name and the options in a name, or in `{"type": name, option: value}`.

    Raises:
        ConfigError: Unknown name or option, with the known ones.
    """
    options = {"type": spec} if isinstance(spec, str) else dict(spec)
    name = str(options.pop("type", None))
    if name not in ACTIVATION_OPTIONS:
        known = ", ".join(ACTIVATION_OPTIONS)
        raise ConfigError(f"Activation {name!r} is not known. Known are: {known}.")
    allowed = ACTIVATION_OPTIONS[name]
    unknown = sorted(set(options) - set(allowed))
    if unknown:
        raise ConfigError(
            f"Activation {name} does not take {', '.join(unknown)}. It takes: "
            f"{', '.join(allowed) or 'no options'}."
        )
    return name, options
