"""Asks other nodes to be peers."""

from typing import Final

import aiohttp
from pydantic import BaseModel, ValidationError
from pydantic_core import to_json

from services.backend.auto_peering.errors import (
    invalid_peer_url,
    refused_by_peer,
    unusable_answer,
)
from services.backend.auto_peering.model import PeeringDetails, PeeringRequest
from services.backend.clients.http import fetch

TIMEOUT_S: Final = 10.0
_OK: Final = 200


class _Error(BaseModel):
    type: str
    message: str


class _Refusal(BaseModel):
    error: _Error


class HttpPeeringClient:
    """One POST; the URL is an administrator's word, and called as other parties' URLs are."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def ask(self, url: str, request: PeeringRequest, *, token: str | None) -> PeeringDetails:
        """What the node at a URL answers; raises the ServiceError that says why it refuses."""
        headers = {"content-type": "application/json", "accept": "application/json"}
        if token is not None:
            headers["authorization"] = f"Bearer {token}"
        body = to_json(request.model_dump(by_alias=True))
        try:
            status, content = await fetch(
                self._session, "POST", url, headers=headers, body=body, timeout_s=TIMEOUT_S
            )
        except OSError as error:
            raise invalid_peer_url(str(error)) from error
        if status != _OK:
            raise _refusal(status, content)
        try:
            return PeeringDetails.model_validate_json(content)
        except ValidationError as error:
            raise unusable_answer("its answer is no peering") from error


def _refusal(status: int, content: bytes) -> Exception:
    try:
        error = _Refusal.model_validate_json(content).error
    except ValidationError:
        return invalid_peer_url(f"it answered {status}")
    return refused_by_peer(error.type, error.message)
