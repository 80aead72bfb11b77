"""`--size SHARE`: which of the sizes that a model comes in."""

import argparse


def add_size(parser: argparse.ArgumentParser) -> None:
    """The option; without it, a model is taken at its full size."""
    parser.add_argument(
        "--size",
        type=float,
        metavar="SHARE",
        help="of a model that comes in several sizes, the share of the full size that "
        "may be spent, 0 to 1; all of it by default",
    )
