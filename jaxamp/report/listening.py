"""Which bundled files a page needs that plays, tests or asks for ratings."""

STYLES = ("listening.css",)

PLAYER = ("widgets.js", "sound.js", "region.js", "player.js")
"""`jaxamp.Sound`, and `jaxamp.player(element, sound, order)`."""

BLIND = (*PLAYER, "statistics.js", "listening.js")
"""Also `jaxamp.listening(element, sound, {amp, model, about})`: A/B and ABX."""

RATING = (*PLAYER, "statistics.js", "rating.js")
"""Also `jaxamp.rating(element, trials, {about})`: a hidden-reference test."""
