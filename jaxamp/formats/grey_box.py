"""What no player's file can hold, and how it still gets into a player."""

from jaxamp.core import FormatError, Model


def refuse_grey_box(model: Model) -> None:
    """Raises FormatError for a grey box: no player has the middle of it.

    The tone stack is a filter that is designed anew whenever a knob moves, between two
    networks; formats hold one network.
    """
    if model.architecture != "GreyBox":
        return
    knobs = ", ".join(f"{name}: 0.5" for name in model.controls)
    setting = f" 'data.knobs={{{knobs}}}'" * bool(knobs)
    raise FormatError(
        "No player's file can hold a GreyBox: between its two networks stands a tone "
        "stack, a circuit that no player computes. Let it teach a model that players "
        f"know{', a setting at a time' * bool(knobs)}: jaxamp train data=teacher "
        f"data.model=RUN{setting} model=wavenet/standard."
    )
