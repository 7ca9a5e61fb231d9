"""What a wallet address's URL answers to clients, browsers and SPSP senders."""

import json
from urllib.parse import quote

from tests.integration.rest.asking import Node


async def test_a_wallet_address_shows_each_asker_its_form(node: Node) -> None:
    pointer = node.address.removeprefix("http://")

    async def asked(accept: str, path: str = "/alice") -> tuple[int, dict[str, str], bytes]:
        line = [f"accept: {accept}".encode()] if accept else []
        status, answer = await node.send("GET", path.encode(), line, b"")
        head, _, body = answer.partition(b"\r\n\r\n")
        pairs = (each.split(": ", 1) for each in head.decode().split("\r\n")[1:])
        return status, {name.lower(): value for name, value in pairs}, body

    for accept in ("", "application/json", "*/*", "application/json, text/html-not"):
        status, headers, body = await asked(accept)
        assert (status, json.loads(body)["id"]) == (200, node.address)
        assert headers["content-type"] == "application/json"
    for accept in ("text/html", "Text/HTML;q=0.9, application/xhtml+xml, */*"):
        status, headers, _ = await asked(accept)
        page = f"http://pages.test/pay?to={quote(node.address, safe='')}&pointer={pointer}"
        assert (status, headers["location"]) == (302, page)
    status, headers, body = await asked("application/spsp4+json")
    assert (status, headers["content-type"]) == (406, "application/json")
    assert json.loads(body)["error"]["code"] == "406"
    for accept in ("text/html", "application/spsp4+json"):
        assert (await asked(accept, "/nobody"))[0] == 404
    assert (await asked("text/html", "/alice/jwks.json"))[0] == 200
