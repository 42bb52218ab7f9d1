"""A fleet's log as plain text that a report can show."""

from __future__ import annotations

import re
from collections.abc import Iterator

_ESCAPES = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # CSI: colours, cursor movements
    r"|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)"  # OSC: titles, links
    r"|\x1b[@-Z\\^_]"
    r"|\x1b[()][0-9A-Za-z]"
)
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_TOP = re.compile(r"^\s*[│┃|]?\s*[╭┌┏╔].*[╮┐┓╗]")
_BOTTOM = re.compile(r"^\s*[│┃|]?\s*[╰└┗╚].*[╯┘┛╝]")
_RULE = re.compile(r"^[\s─━═╌┄-]*[─━═╌┄][\s─━═╌┄-]*$")
_BORDER = re.compile(r"^\s*[│┃║]\s?|\s*[│┃║]\s*$")
_IN_BOX = re.compile(r"^\s*[│┃║].*[│┃║]\s*$")
_LOCALS = re.compile(r"[╭┌┏╔][\s─━═]*locals[\s─━═]*[╮┐┓╗]")
_EXCEPTION = re.compile(
    r"^(?:[A-Za-z_][\w$]*\.)*[A-Z]\w*(?:Error|Exception|Exit|Interrupt|Timeout|Failure|Warning)"
    r"(?:$|: .*|\[.*|\(.*)"
)


def readable_log(text: str, lines: int) -> str:
    """Return the last lines of a log without colours and boxes, the last exception first.

    Values of local variables, which rich and others print in boxes inside a traceback, are left
    out: they are long and hide the exception.

    Args:
        text: The log as the fleet wrote it.
        lines: The maximum number of lines; blank ones are left out.
    """
    plain = [line for line in _unboxed(_plain_lines(text)) if line.strip()]
    tail = plain[-lines:] if lines > 0 else []
    exception = next((line for line in reversed(plain) if _EXCEPTION.match(line)), "")
    if not exception or not tail or tail[0] == exception:
        return "\n".join(tail)
    return "\n".join([exception, *tail[-(lines - 1) :]] if lines > 1 else [exception])


def _plain_lines(text: str) -> Iterator[str]:
    for line in _ESCAPES.sub("", text.replace("\r\n", "\n")).split("\n"):
        # A progress bar overwrites its line; the last state counts.
        yield _CONTROLS.sub("", line.rstrip("\r").rpartition("\r")[2]).rstrip()


def _unboxed(lines: Iterator[str]) -> Iterator[str]:
    """Yield the lines without borders of boxes, and without boxes of local variables."""
    depth, hidden = 0, 0
    for line in lines:
        if _TOP.match(line):
            depth += 1
            if not hidden and _LOCALS.search(line):
                hidden = depth
            elif not hidden and (title := line.strip(" │┃║╭╮┌┐┏┓╔╗─━═")):
                yield title
        elif _BOTTOM.match(line):
            if hidden == depth:
                hidden = 0
            depth = max(0, depth - 1)
        elif not hidden and not _RULE.match(line):
            # The top of a box may be missing from a part of a log. Lines of code have guides too.
            inside = depth or _IN_BOX.match(line)
            yield _BORDER.sub("", line).replace("│", " ") if inside else line
