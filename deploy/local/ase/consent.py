"""The consent page's side of GNAP: what a client asks for, in words, and the customer's answer."""

from collections.abc import Iterable
from typing import Any, Final

import aiohttp

from deploy.local.banks import money

TIMEOUT_S: Final = 10.0
_ACTIONS: Final = {
    "create": "create them",
    "complete": "close them",
    "read": "see those it made itself",
    "read-all": "see all of them",
    "list": "list those it made itself",
    "list-all": "list all of them",
}
_THINGS: Final = {
    "incoming-payment": "Incoming payments",
    "outgoing-payment": "Outgoing payments",
    "quote": "Quotes",
}


class InteractionError(RuntimeError):
    """The authorization server does not know the request, or it can't be decided any more."""


class Interactions:
    """The authorization server's interaction API."""

    def __init__(self, *, session: aiohttp.ClientSession, url: str, secret: str) -> None:
        """Take where the API is and the identity provider's secret."""
        self._session = session
        self._url = url
        self._secret = secret

    async def get(self, interaction_id: str, nonce: str) -> dict[str, Any]:
        """What is asked for. Raises InteractionError."""
        return await self._call("GET", f"/grant/{interaction_id}/{nonce}")

    async def decide(self, interaction_id: str, nonce: str, *, approve: bool) -> None:
        """Say yes or no in the customer's name. Raises InteractionError."""
        decision = "accept" if approve else "reject"
        await self._call("POST", f"/grant/{interaction_id}/{nonce}/{decision}")

    async def _call(self, method: str, path: str) -> dict[str, Any]:
        try:
            async with self._session.request(
                method,
                self._url + path,
                headers={"x-idp-secret": self._secret},
                timeout=aiohttp.ClientTimeout(total=TIMEOUT_S),
            ) as response:
                answer: dict[str, Any] = await response.json(content_type=None) or {}
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise InteractionError("the authorization server did not answer") from error
        if not response.ok:
            reason = answer.get("error", {}).get("description", response.reason)
            raise InteractionError(str(reason))
        return answer


def in_words(access: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """What each item of access means to a customer: a heading and sentences."""
    return [
        {
            "thing": _THINGS.get(item["type"], item["type"]),
            "account": item.get("identifier", ""),
            "actions": [_ACTIONS.get(action, action) for action in item.get("actions", ())],
            "limits": _limits(item.get("limits") or {}),
        }
        for item in access
    ]


def _limits(limits: dict[str, Any]) -> list[str]:
    every = f" in each interval of {limits['interval']}" if limits.get("interval") else " in all"
    sentences = []
    for name, verb in (("debitAmount", "take"), ("receiveAmount", "deliver")):
        amount = limits.get(name)
        if amount:
            units, code, scale = int(amount["value"]), amount["assetCode"], amount["assetScale"]
            sentences.append(f"It may {verb} at most {money(units, code, scale)}{every}.")
    if limits.get("receiver"):
        sentences.append(f"It may only pay into {limits['receiver']}.")
    return sentences
