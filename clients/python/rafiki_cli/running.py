"""Runs one command against one node, and turns its errors into a line and an exit code."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Any

import grpc
import grpc.aio
import typer
from rafiki_client import Node, connect, error_of

_ANSWERLESS = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)


class ExitCode(IntEnum):
    """What a script can act on; 2 is typer's, for wrong usage."""

    REFUSED = 1
    NO_ANSWER = 3
    NOT_FOUND = 4
    WENT_WRONG = 5


class Format(StrEnum):
    """How results are printed."""

    TABLE = "table"
    JSON = "json"


@dataclass(frozen=True, kw_only=True)
class Session:
    """What all commands share."""

    target: str
    tenant: str | None
    output: Format
    credentials: grpc.ChannelCredentials | None
    headers: Mapping[str, str]


def run(context: typer.Context, work: Callable[[Node, Session], Awaitable[None]]) -> None:
    """Do the work; raises typer.Exit with the code of what went wrong."""
    session: Session = context.obj

    async def connected() -> None:
        async with connect(
            session.target, credentials=session.credentials, headers=session.headers
        ) as node:
            await work(node, session)

    try:
        asyncio.run(connected())
    except grpc.aio.AioRpcError as failure:
        error = error_of(failure)
        typer.echo(str(error), err=True)
        if error.code in _ANSWERLESS:
            typer.echo(f"{session.target} does not answer: see `rafiki doctor`", err=True)
            raise typer.Exit(ExitCode.NO_ANSWER) from None
        missing = error.code is grpc.StatusCode.NOT_FOUND
        raise typer.Exit(ExitCode.NOT_FOUND if missing else ExitCode.REFUSED) from None
    except KeyboardInterrupt:
        raise typer.Exit(0) from None


async def found(call: Awaitable[Any]) -> Any:
    """What a call gave, or None when there is no such thing."""
    try:
        return await call
    except grpc.aio.AioRpcError as error:
        if error.code() is grpc.StatusCode.NOT_FOUND:
            return None
        raise
