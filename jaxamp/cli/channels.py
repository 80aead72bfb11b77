"""Which channel of a file with several is meant."""


def channel(given: str | None) -> int | str | None:
    """A channel as the reader takes it."""
    return int(given) if given is not None and given.isdigit() else given
