"""Elements of HTML and SVG: all text is escaped, unless it is markup made here."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable

from experiments.grids.outside.printable import printable

PLAIN = re.compile(r"[\w ,.:;%/()=+*#-]*", re.ASCII)
"""What needs no escaping, which most of a page is."""
VOID = frozenset(("br", "circle", "input", "line", "meta", "path", "rect"))
"""Elements without an end; those of SVG are closed within."""


class Html(str):
    """Markup: what is not escaped again."""

    __slots__ = ()


def text(value: object) -> Html:
    """Text as markup: nothing of it is read as HTML, and no character hides others.

    >>> text("<script>"), text(Html("<b>"))
    ('&lt;script&gt;', '<b>')
    """
    if type(value) is Html:
        return value
    said = str(value)
    return Html(said) if PLAIN.fullmatch(said) else Html(html.escape(printable(said)))


def tag(name: str, /, *children: object, **attributes: object) -> Html:
    """An element; attributes that are None or False are left out, `class_` is class, `_` within a name is `-`.

    >>> tag("td", "a < b", class_="n", data_v=3)
    '<td class="n" data-v="3">a &lt; b</td>'
    >>> tag("br")
    '<br/>'
    """
    told = "".join(
        [
            f" {key.rstrip('_').replace('_', '-')}" + ("" if value is True else f'="{text(value)}"')
            for key, value in attributes.items()
            if value is not None and value is not False
        ]
    )
    if name in VOID:
        return Html(f"<{name}{told}/>")
    return Html(f"<{name}{told}>{''.join([text(child) for child in children])}</{name}>")


def joined(parts: Iterable[object], between: str = "") -> Html:
    """Parts one after the other, each escaped unless it is markup.

    >>> joined(["a", Html("<b>c</b>"), "&"], " ")
    'a <b>c</b> &amp;'
    """
    return Html(between.join(map(text, parts)))
