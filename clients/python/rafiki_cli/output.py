"""Results as tables for people, or as JSON for programs: the contract's own names and values."""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC
from typing import Any, Final

import typer
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from rafiki.common.v1.money_pb2 import Amount
from rich.console import Console
from rich.table import Table

from rafiki_cli.running import Format, Session

Columns = Mapping[str, Callable[[Any], object]]
"""What a table shows of each row, by title."""
# A pipe has no width: wide enough that nothing is folded which a script might look for.
_PIPE_COLUMNS: Final = 300


def as_json(value: Any) -> Any:
    """A message, or something with messages in it, as JSON values."""
    if isinstance(value, Message):
        return MessageToDict(value, preserving_proto_field_name=True)
    if isinstance(value, Mapping):
        return {str(key): as_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [as_json(item) for item in value]
    return value


def show_all(session: Session, rows: Sequence[Any], columns: Columns) -> None:
    """A list."""
    if session.output is Format.JSON:
        return show_json(rows)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in columns:
        table.add_column(title, overflow="fold")
    for row in rows:
        table.add_row(*(_text(read(row)) for read in columns.values()))
    return _console().print(table)


def show_one(session: Session, value: Any, columns: Columns) -> None:
    """One thing: a line a property."""
    if session.output is Format.JSON:
        return show_json(value)
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for title, read in columns.items():
        table.add_row(title, _text(read(value)))
    return _console().print(table)


def show_lines(session: Session, value: Any, lines: Sequence[str]) -> None:
    """Sentences for people, the data behind them for programs."""
    if session.output is Format.JSON:
        return show_json(value)
    for line in lines:
        typer.echo(line)
    return None


def show_json(value: Any) -> None:
    """JSON over several lines."""
    typer.echo(json.dumps(as_json(value), indent=2, ensure_ascii=False))


def money(value: int, code: str, scale: int) -> str:
    """Units of an asset for people: "12.05 USD"."""
    whole, part = divmod(abs(value), 10**scale)
    fraction = f".{part:0{scale}d}" if scale else ""
    return f"{'-' if value < 0 else ''}{whole}{fraction} {code}"


def amount(message: Amount) -> str:
    """An amount for people."""
    return money(message.value, message.asset_code, message.asset_scale)


def units(text: str, scale: int) -> int:
    """Units from a decimal text such as "12.05"; raises typer.BadParameter."""
    whole, point, part = text.partition(".")
    digits = whole + part
    if not digits.isdecimal() or not digits.isascii() or not whole or bool(point) != bool(part):
        raise typer.BadParameter(f"{json.dumps(text)} is no amount such as 12.05")
    if len(part) > scale:
        raise typer.BadParameter(f"{text} has more than the asset's {scale} decimal places")
    return int(digits + "0" * (scale - len(part)))


def moment(stamp: Timestamp) -> str:
    """A time for people, UTC; empty when there is none."""
    if not stamp.ByteSize():
        return ""
    return stamp.ToDatetime(tzinfo=UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3] + "Z"


def state(enum: Any, value: int) -> str:
    """An enum's value without the prefix that all of its values share."""
    names = enum.keys()
    prefix = names[0].removesuffix("UNSPECIFIED")
    return str(enum.Name(value)).removeprefix(prefix)


def _console() -> Console:
    console = Console()
    return console if console.is_terminal else Console(width=_PIPE_COLUMNS)


def _text(value: object) -> str:
    return "" if value is None else str(value)
