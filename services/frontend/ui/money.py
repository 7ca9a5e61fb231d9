"""Amounts as people read and write them: decimals of the asset, exact both ways."""

import re
from typing import Final

UINT64_MAX: Final = 2**64 - 1
_DECIMAL: Final = re.compile(r"(\d{1,20})(?:\.(\d{1,255}))?", re.ASCII)
# With thousands separated as pages show them.
_GROUPED: Final = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d{1,255})?", re.ASCII)


class AmountRefused(ValueError):  # noqa: N818 - it reads as what happened
    """A text that is no amount of the asset; the message says what would be."""


def format_units(units: int, scale: int) -> str:
    """Units of 10^-scale with thousands separated, such as `12,345.67`."""
    whole, part = divmod(units, 10**scale)
    return f"{whole:,}.{part:0{scale}d}" if scale else f"{whole:,}"


def plain_units(units: int, scale: int) -> str:
    """Units as a form field takes them back, such as `12345.67`."""
    return format_units(units, scale).replace(",", "")


def parse_units(text: str, scale: int) -> int:
    """A decimal as units of 10^-scale; raises AmountRefused.

    Half of the world writes a comma before the decimals, the other half between the thousands, and
    a wrong guess books a multiple of the amount. So a comma is read only where it can't be the
    decimal one: what the pages themselves show can be pasted, `1,5` and `1,234` can't.
    """
    text = text.strip()
    if _GROUPED.fullmatch(text) and (scale == 0 or "." in text or text.count(",") > 1):
        text = text.replace(",", "")
    found = _DECIMAL.fullmatch(text)
    if found is None:
        example = plain_units(125 * 10**scale // 10, scale)
        raise AmountRefused(f"Enter an amount like {example}, with a point before the decimals")
    whole, part = found[1], found[2] or ""
    if len(part) > scale:
        raise AmountRefused(f"Enter at most {scale} decimal places")
    units = int(whole + part.ljust(scale, "0"))
    if units > UINT64_MAX:
        raise AmountRefused("This amount is too large")
    return units
