"""Strings and numbers within the limits of a JSON schema."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any, Final

from trackproof.testbed.stand_ins.llm_answers.patterns import example

_FORMATS: Final = {
    "date-time": "2026-01-0{}T12:00:00Z",
    "date": "2026-01-0{}",
    "time": "12:00:0{}Z",
    "email": "person{}@example.com",
    "uri": "https://example.com/{}",
    "uuid": "00000000-0000-4000-8000-00000000000{}",
    "hostname": "host{}.example.com",
    "ipv4": "192.0.2.{}",
    "ipv6": "2001:db8::{}",
    "ipv4network": "192.0.2.{}/32",
    "duration": "PT{}M",
    "base64": "AAA{}",
}


def string(schema: Mapping[str, Any], text: str, index: int) -> str:
    """Return `text`, cut or repeated to fit; `index` makes the items of a list distinct.

    A pattern or a known format takes precedence over `text`.
    """
    least = schema.get("minLength", 0)
    if "pattern" in schema:
        return example(schema["pattern"], min_length=least)
    if schema.get("format") in _FORMATS:
        return _FORMATS[schema["format"]].format(index % 9 + 1)
    if schema.get("contentMediaType") == "application/json":
        return json.dumps(text)
    while len(text) < least:
        text = f"{text} {text}"
    return _cut(text, least, schema.get("maxLength", len(text)), index)


def _cut(text: str, least: int, most: int, index: int) -> str:
    """Cut at a space if possible, and append a non-zero `index`."""
    if len(text) <= most:
        return text
    mark = f" {index}" if index else ""
    if len(mark) >= most:
        return str(index).rjust(most, "0")[-most:] if index and most else text[:most]
    short = text[: most - len(mark)]
    whole_words = short.rpartition(" ")[0].rstrip(":,. ")
    cut = whole_words if len(whole_words) + len(mark) >= max(least, most // 2) else short
    return cut + mark


def numbers(schema: Mapping[str, Any], index: int) -> Iterator[float]:
    """Yield candidates within the schema's limits, the best one first."""
    low, high = _bounds(schema)
    integral = schema.get("type") == "integer"
    step = Fraction(str(schema["multipleOf"])) if "multipleOf" in schema else None
    if integral:
        step = Fraction(step.numerator if step else 1)
    if step is not None:
        first = _first_multiple(low, high, step)
        for k in (index, *range(16)):
            value = (first + k) * step
            yield int(value) if value.denominator == 1 else float(value)
        return
    if low is not None and high is not None:
        yield low + (high - low) / (index + 2)
        yield from (low, high)
    elif low is not None:
        yield from (low + 1 + index, math.nextafter(low, math.inf))
    elif high is not None:
        yield from (high - 1 - index, math.nextafter(high, -math.inf))
    else:
        yield 1.0 + index


def _bounds(schema: Mapping[str, Any]) -> tuple[float | None, float | None]:
    low = [schema[key] for key in ("minimum", "exclusiveMinimum") if key in schema]
    high = [schema[key] for key in ("maximum", "exclusiveMaximum") if key in schema]
    return (max(low) if low else None), (min(high) if high else None)


def _first_multiple(low: float | None, high: float | None, step: Fraction) -> int:
    if low is not None:
        return math.ceil(Fraction(str(low)) / step)
    if high is not None:
        return min(1, math.floor(Fraction(str(high)) / step) - 15)
    return 1
