"""What the formats call the same thing about an amp, for taking it from one to another.

A .nam file has a fixed set of words; the JSON formats hold whatever is noted, and have
words of AIDA-X's for what players show.
"""

from collections.abc import Mapping
from typing import Any

from jaxamp.core import ConfigError
from jaxamp.formats.nam.metadata import CHECKS

SYNONYMS = {"author": "modeled_by", "based": "gear_model", "style": "tone_type"}
"""AIDA-X's word -> the word of .nam files"""

STYLES = {"high gain": "hi_gain"}
"""A style as AIDA-X's files have it -> as .nam files have it; others are the same."""


def in_words_of_nam(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """What of it a .nam file has words for."""
    styles = {"style": STYLES.get(str(metadata.get("style")), metadata.get("style"))}
    words = {SYNONYMS.get(key, key): v for key, v in {**metadata, **styles}.items()}
    words |= {key: metadata[key] for key in CHECKS if key in metadata}
    return {key: value for key, value in words.items() if is_known(key, value)}


def is_known(key: str, value: Any) -> bool:
    """Whether players of .nam files understand it."""
    try:
        return key in CHECKS and CHECKS[key](key, value) is not None
    except ConfigError:
        return False


def in_words_of_json(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """All of it, with the words that players of JSON files show."""
    styles = {nam: style for style, nam in STYLES.items()}
    words = {word: metadata[key] for word, key in SYNONYMS.items() if metadata.get(key)}
    if "style" in words:
        words["style"] = styles.get(str(words["style"]), words["style"])
    training = metadata.get("training")
    if isinstance(training, Mapping) and "validation_esr" in training:
        words["esr"] = training["validation_esr"]
    return {**words, **metadata}


def left_out(metadata: Mapping[str, Any], words: Mapping[str, Any]) -> list[str]:
    """Which labels have no word where they are going."""
    return [key for key in metadata if not {key, SYNONYMS.get(key)} & words.keys()]
