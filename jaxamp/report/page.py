"""One HTML file that opens from disk, carries all it needs and loads nothing.

Scripts and styles are bundled files of `assets/`, put in as they are. What a page knows
is JSON that no script tag can be closed from. A policy in the page's head forbids every
connection, and every script but those whose hash it names: even if a stranger's text
came to be read as HTML, nothing in it would run.
"""

import base64
import hashlib
import html
import importlib.resources
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from jaxamp.core.shown import shown

LONGEST_TEXT = 500
"""Characters of a stranger's word."""

POLICY = (
    "default-src 'none'; script-src {scripts}; style-src 'unsafe-inline'; "
    "img-src data: blob:; media-src data: blob:; base-uri 'none'; form-action 'none'"
)
"""Styles may be inline, as charts of libraries have them: they can load nothing."""

PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<style>
{styles}
</style>
</head>
<body>
{body}
<script type="application/json" id="data">{data}</script>
{scripts}
</body>
</html>
"""


def page(
    title: str,
    body: str,
    data: Mapping[str, Any],
    scripts: Sequence[str] = (),
    styles: Sequence[str] = (),
) -> str:
    """The whole page.

    Args:
        title: Plain text.
        body: HTML, with every word from elsewhere put through `text`.
        data: JSON-able; the scripts find it as `jaxamp.data`. A number that is not
            finite becomes null, as JSON has none.
        scripts: Names of files in `assets/`, run in this order after the body is there;
            `jaxamp.js` comes before them.
        styles: The same of styles; `page.css` comes before them.
    """
    code = [asset(name) for name in ("jaxamp.js", *scripts)]
    hashes = " ".join(f"'sha256-{digest(one)}'" for one in code)
    return PAGE.format(
        policy=POLICY.format(scripts=hashes),
        title=text(title),
        styles="\n".join(asset(name) for name in ("page.css", *styles)),
        body=body,
        data=json_text(data),
        scripts="\n".join(f"<script>{one}</script>" for one in code),
    )


def asset(name: str) -> str:
    """A bundled text file.

    Raises:
        ValueError: It would end the element that it is put into.
    """
    file = importlib.resources.files("jaxamp.report") / "assets" / name
    content = file.read_text("utf-8").replace("\r\n", "\n")
    if any(end in content.lower() for end in ("</script", "</style", "<!--")):
        raise ValueError(f"{name} would end the element that it is put into")
    return content


def digest(script: str) -> str:
    """A script's SHA-256 as a policy names it."""
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def text(words: object, longest: int = LONGEST_TEXT) -> str:
    """Anybody's words as HTML: nothing in them acts, and they are bounded."""
    return html.escape(shown(str(words), longest))


def json_text(value: Any) -> str:
    """JSON that may stand inside a script element, whatever texts it holds."""
    written = json.dumps(finite(value), allow_nan=False, separators=(",", ":"))
    for letter in "<>&":  # elsewhere than in texts JSON has none of them
        written = written.replace(letter, f"\\u{ord(letter):04x}")
    return written


def finite(value: Any) -> Any:
    """The value with null for every number that JSON has no word for."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): finite(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [finite(part) for part in value]
    return value
