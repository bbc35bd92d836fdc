"""A small table that says itself as text, as HTML and as LaTeX; what users wrote is escaped in each."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from experiments.grids.outside.printable import printable

WIDTH = 80
LEAST_LAST = 24
"""Characters of the last column on text, at the least, whatever the others take."""
IN_LATEX = {"\\": r"\textbackslash{}", "^": r"\textasciicircum{}", "~": r"\textasciitilde{}"}
IN_LATEX |= {character: f"\\{character}" for character in "&%$#_{}"}
IN_LATEX |= {"<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}", '"': r"\textquotedbl{}"}
IN_LATEX |= {"✓": "agrees", "✗": "differs", "±": r"$\pm$", "≤": r"$\leq$", "≥": r"$\geq$"}


def latex_escaped(text: str) -> str:
    r"""A text of any characters as LaTeX prints it.

    >>> latex_escaped("A base^k_1 & 5 %")
    'A base\\textasciicircum{}k\\_1 \\& 5 \\%'
    """
    return "".join(IN_LATEX.get(character, character) for character in printable(text).replace("\n", " "))


@dataclass(frozen=True)
class Sheet:
    """A table with a line above it and notes below.

    Attributes:
        title: what it is; empty for none.
        headings: of the columns; empty ones where there is nothing to say.
        rows: of as many texts.
        notes: below the table.
        numeric: whether a column is of numbers, which stand right; none: no column is.
    """

    title: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()
    numeric: tuple[bool, ...] = ()

    def text(self, width: int = WIDTH) -> str:
        """Lines of a width; the last column takes what is left, and folds.

        >>> print(Sheet("Two", ("k", "law"), (("1", "linear"), ("10", "none")), ("a note",)).text())
        Two
          k   law
          1   linear
          10  none
        a note
        """
        table = [*([self.headings] if any(self.headings) else []), *self.rows]
        wide = [max(len(row[place]) for row in table) for place in range(len(self.headings))] if table else []
        lines = [self.title] if self.title else []
        for row in table:
            head = "  " + "".join(f"{text:<{size}}  " for text, size in zip(row[:-1], wide[:-1], strict=True))
            room = max(width - len(head), LEAST_LAST)
            folded = textwrap.wrap(row[-1], room, break_long_words=False) or [""]
            lines += [f"{head}{folded[0]}".rstrip(), *(" " * len(head) + more for more in folded[1:])]
        return printable("\n".join([*lines, *(line for note in self.notes for line in note.splitlines())]))

    def html(self) -> str:
        """A table of HTML without scripts, styles of its own or references; every text in it is escaped.

        >>> Sheet("<b>", ("k",), (("<script>",),)).html()
        '<div><p>&lt;b&gt;</p><table><thead><tr><th>k</th></tr></thead><tbody><tr><td>&lt;script&gt;</td></tr></tbody></table></div>'
        """
        head = f"<thead>{_row('th', self.headings)}</thead>" if any(self.headings) else ""
        body = "".join(_row("td", row) for row in self.rows)
        table = f"<table>{head}<tbody>{body}</tbody></table>" if self.rows else ""
        title = f"<p>{_html(self.title)}</p>" if self.title else ""
        return f"<div>{title}{table}{''.join(f'<p>{_html(note)}</p>' for note in self.notes)}</div>"

    def latex(self, caption: str = "", label: str = "") -> str:
        """A table of LaTeX that needs no package.

        Args:
            caption: above it, as text; the title unless said.
            label: to refer to it by, as `tab:laws`.
        """
        sides = "".join("r" if right else "l" for right in self.numeric or [False] * len(self.headings))
        lines = [r"\begin{table}", r"  \centering", rf"  \caption{{{latex_escaped(caption or self.title)}}}"]
        lines += [rf"  \label{{{_plain_label(label)}}}"] if label else []
        lines += [rf"  \begin{{tabular}}{{{sides}}}", r"    \hline", f"    {_latex_row(self.headings)}", r"    \hline"]
        lines += [f"    {_latex_row(row)}" for row in self.rows]
        lines += [r"    \hline", r"  \end{tabular}"]
        lines += [rf"  \par\small {latex_escaped(note)}" for note in self.notes]
        return "\n".join([*lines, r"\end{table}", ""])


class Told:
    """What says itself as a sheet, when it is printed and in a notebook."""

    def sheet(self) -> Sheet:
        """What it says."""
        raise NotImplementedError

    def __str__(self) -> str:
        return self.sheet().text()

    def _repr_html_(self) -> str:
        return self.sheet().html()


def _row(tag: str, texts: Sequence[str]) -> str:
    return f"<tr>{''.join(f'<{tag}>{_html(text)}</{tag}>' for text in texts)}</tr>"


def _html(text: str) -> str:
    return escape(printable(text)).replace("\n", "<br>")


def _latex_row(texts: Sequence[str]) -> str:
    return " & ".join(map(latex_escaped, texts)) + r" \\"


def _plain_label(label: str) -> str:
    """A label has no characters that act."""
    return "".join(each for each in label if each.isalnum() or each in ":-.")
