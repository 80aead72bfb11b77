"""Which bundled files a page needs that plays, tests or asks for ratings."""

STYLES = ("listening.css",)

SOUND = ("widgets.js", "sound.js", "region.js")
"""`jaxamp.Sound`."""

BLIND = (*SOUND, "player.js", "statistics.js", "listening.js")
"""Also `jaxamp.player(element, sound, order)`, and A/B and ABX by
`jaxamp.listening(element, sound, {amp, model, about})`."""

RATING = (*SOUND, "statistics.js", "rating.js")
"""Also `jaxamp.rating(element, trials, {about})`: a hidden-reference test."""
