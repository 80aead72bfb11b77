"""What a user's mistake is called.

Each message says what happened, what was given, what is allowed and what to do.
The command line prints the message alone and leaves with exit status 2.
"""


class JaxampError(Exception):
    """A mistake in what the user gave, with a message written for the user."""


class CaptureError(JaxampError):
    """A recording, or a pair of recordings, cannot be learned from."""


class FormatError(JaxampError):
    """A model file cannot be read, or a model cannot be written as asked."""


class ConfigError(JaxampError):
    """A configuration key, value or combination is not understood."""


class RunError(JaxampError):
    """A run directory cannot be used, or a run cannot go on."""


class CloudError(RunError):
    """What lies in a bucket cannot be read or written."""
