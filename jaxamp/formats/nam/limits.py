"""How large a model in a .nam file may be; the field's models come nowhere near."""

MOST_ARRAYS = 16
MOST_LAYERS = 256
"""In all arrays together; A1 and A2 models have 20 and 23."""

MOST_TAPS = 4_096
"""In all convolutions together, each of which costs time to compile; A2 has 172."""

LONGEST_PAST = 10_000_000
"""Samples of receptive field: three and a half minutes."""

MOST_REMEMBERED = 20_000_000
"""Samples of receptive field times channels, all of which silence goes through before a
model plays; A1 standard has 65,000."""

MOST_PRODUCTS = 16_000_000
"""Multiply-accumulates a sample, those with the zeros between groups included."""

DEEPEST_CONDITION = 4
"""Networks that condition one another."""
