"""What jinja2 raises, as sentences and places."""

from __future__ import annotations

import re
from collections.abc import Collection
from types import TracebackType

from jinja2.exceptions import SecurityError, TemplateError, TemplateSyntaxError, UndefinedError

from agentflow import codes
from agentflow.compiler.graph import TemplateText
from agentflow.compiler.jinja_check import line_range
from agentflow.compiler.jinja_meter import TooMuchWork
from agentflow.compiler.jinja_values import BadParameter, Section
from agentflow.diagnostics import Code, Diagnostic

__all__ = ["bad_number", "explain", "syntax_problem", "too_nested", "where"]


_SECTION = f"{Section.__module__}.{Section.__name__} object"
"""What jinja2 calls it."""
_NO_CIRCLE = "Take the call of the macro out of the macro itself."


def explain(error: Exception) -> tuple[Code, str, str]:
    """The code, sentence and hint for what a rendering raised."""
    text = str(error).rstrip(".").replace(_SECTION, "policy section")
    if isinstance(error, TooMuchWork):
        return codes.TEMPLATE_TOO_LARGE, f"{text}.", "Write less, or loop over less."
    if isinstance(error, BadParameter):
        return codes.FRAGMENT_PARAMETER, str(error), "Give it a value that fits."
    if isinstance(error, (RecursionError, MemoryError)):
        return codes.TEMPLATE_TOO_LARGE, "The template calls itself without end.", _NO_CIRCLE
    if isinstance(error, SecurityError):
        return codes.TEMPLATE_FORBIDDEN, f"The sandbox refused: {text}.", "Use a filter instead."
    if isinstance(error, UndefinedError):
        hint = "Check the name, or write `| default('…')`."
        return codes.TEMPLATE_UNDEFINED, f"A value is undefined: {text}.", hint
    if isinstance(error, SyntaxError):
        hint = "Python allows twenty nested blocks: move inner ones to an include."
        return codes.TEMPLATE_SYNTAX, "The template nests loops or macros too deeply.", hint
    if isinstance(error, TemplateError):
        return (
            codes.TEMPLATE_FAILED,
            f"The template failed: {text}.",
            "Check the types of its values.",
        )
    name = type(error).__name__
    return (
        codes.TEMPLATE_FAILED,
        f"The template failed: {name}: {text}.",
        "Check the types of its values.",
    )


def too_nested(text: TemplateText) -> Diagnostic:
    message = "The template nests expressions too deeply."
    span = text.span(0, min(1, len(text.text)))
    return codes.TEMPLATE_SYNTAX.at(span, message, hint="Simplify it.")


def bad_number(text: TemplateText) -> Diagnostic:
    """The only thing that jinja2 cannot read and has no error of its own for."""
    found = re.search(r"[0-9][0-9_]{4000,}", text.text)
    start, end = found.span() if found else (0, min(1, len(text.text)))
    message = "A number of the template has too many digits to be read."
    return codes.TEMPLATE_SYNTAX.at(text.span(start, end), message, hint="Quote it if it is text.")


def where(traceback: TracebackType | None, keys: Collection[str]) -> tuple[str | None, int]:
    """The innermost text that was being rendered, and its line. 0: not known."""
    path, line = None, 0
    while traceback is not None:
        file = traceback.tb_frame.f_code.co_filename
        if file in keys:
            path, line = file, traceback.tb_lineno
        traceback = traceback.tb_next
    return path, line


def syntax_problem(text: TemplateText, error: TemplateSyntaxError) -> Diagnostic:
    start, end = line_range(text.text, error.lineno)
    message = (error.message or "it cannot be parsed").rstrip(".")
    line = text.text[start:end]
    if match := re.search(r" at (\d+)$", message):
        start = int(match[1])
        end = start + 1
        message = message[: match.start()]
    else:
        words = re.findall(r"'([^']+)'", message)
        # "expected token X, got Y": Y is what stands there. "unknown tag X. … looking for Y": X is.
        for word in words[::-1] if "got '" in message else words:
            if word in line:
                start += line.index(word)
                end = start + len(word)
                break
    sentence = f"The template cannot be parsed: {message[:1].lower()}{message[1:]}."
    hint = "Close every {{, {% and {#; put text that only looks like one between {% raw %} and {% endraw %}."
    return codes.TEMPLATE_SYNTAX.at(text.span(start, max(end, start)), sentence, hint=hint)
