"""Commands: the only floor that knows Hydra, argparse and the terminal."""
