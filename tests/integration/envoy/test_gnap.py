"""GNAP over REST, the interaction pages, and the identity provider's side of them."""

import pytest
from google.protobuf.json_format import ParseDict
from rafiki.grant.v1 import grant_service_pb2 as grant
from rafiki.introspection.v1 import introspection_service_pb2 as introspection

from tests.integration.envoy.conftest import Edge
from tests.integration.envoy.fake_upstream import Script

REQUEST = {
    "access_token": {
        "access": [
            {
                "type": "outgoing-payment",
                "actions": ["create", "read"],
                "identifier": "https://w.example/alice",
                "limits": {"debitAmount": {"value": "5", "assetCode": "USD", "assetScale": 2}},
            }
        ]
    },
    "client": "https://w.example/client",
    "interact": {
        "start": ["redirect"],
        "finish": {"method": "redirect", "uri": "https://c.example", "nonce": "n"},
    },
}


@pytest.mark.parametrize(
    "client",
    [
        "https://w.example/client",
        {"walletAddress": "https://w.example/client"},
        {"jwk": {"kid": "k", "kty": "OKP", "alg": "EdDSA", "crv": "Ed25519", "x": "x"}},
    ],
)
def test_each_form_of_client_arrives_as_sent(edge: Edge, client: object) -> None:
    body = {**REQUEST, "client": client}
    assert edge.public("POST", "/tenant", body).status == 200
    expected = ParseDict(body, grant.RequestGrantRequest(tenant_id="tenant"))
    assert edge.upstream.calls[0].request == expected
    (asked,) = edge.upstream.guard_calls
    assert (asked.guard, asked.target) == ("auth", "/tenant")


def test_json_of_a_pending_grant(edge: Edge) -> None:
    pending = {
        "interact": {"redirect": "https://a/interact/1/2", "finish": "F"},
        "continue": {"access_token": {"value": "T"}, "uri": "https://a/continue/1", "wait": 0},
    }
    edge.upstream.script = Script(reply=ParseDict(pending, grant.GrantResponse()))
    assert edge.public("POST", "/tenant", REQUEST).json == pending


def test_json_of_a_token(edge: Edge) -> None:
    edge.upstream.script = Script(
        reply=grant.RotateTokenResponse(
            access_token=grant.AccessToken(
                value="T",
                manage="https://a/token/1",
                expires_in=600,
                access=[introspection.Access(type="quote", actions=["create"])],
            )
        )
    )
    assert edge.public("POST", "/token/1").json == {
        "access_token": {
            "value": "T",
            "manage": "https://a/token/1",
            "expires_in": 600,
            "access": [{"type": "quote", "actions": ["create"]}],
        }
    }


@pytest.mark.parametrize("body", [None, b"", {}, {"interact_ref": "r"}])
def test_a_grant_is_continued_with_and_without_a_body(edge: Edge, body: object) -> None:
    headers = {"content-type": "application/json"}
    assert edge.public("POST", "/continue/c1", body, headers).status == 200
    request = edge.upstream.calls[0].request
    assert request.id == "c1"
    assert request.HasField("interact_ref") == bool(body)


@pytest.mark.parametrize(
    ("path", "rpc"), [("/continue/1", "CancelGrant"), ("/token/1", "RevokeToken")]
)
def test_no_content_has_neither_body_nor_type(edge: Edge, path: str, rpc: str) -> None:
    edge.upstream.script = Script(status=204)
    reply = edge.public("DELETE", path)
    assert (reply.status, reply.body) == (204, b"")
    assert "content-type" not in reply.headers
    assert edge.upstream.calls[0].method == f"GrantService.{rpc}"
    edge.upstream.script = Script()
    assert edge.public("GET", "/alice").status == 200


def test_an_id_in_the_body_never_replaces_the_one_in_the_path(edge: Edge) -> None:
    reply = edge.public("POST", "/continue/mine", {"id": "yours", "interact_ref": "r"})
    assert reply.status == 400
    for name in ("tenantId", "tenant_id"):
        edge.public("POST", "/mine", {**REQUEST, name: "yours"})
    assert {call.request.tenant_id for call in edge.upstream.calls} <= {"mine"}


def test_interaction_pages_come_from_the_auth_service_unguarded(edge: Edge) -> None:
    for path in ("/interact/i/n?clientName=a%20b", "/interact/i/n/finish", "/discovery"):
        reply = edge.public("GET", path)
        assert (reply.json["server"], reply.json["target"]) == ("auth", path)
    assert edge.upstream.guard_calls == []


def test_identity_providers_and_resource_servers_have_rest_on_the_operator_listener(
    edge: Edge,
) -> None:
    secret = {"x-idp-secret": "s"}
    assert edge.operator("GET", "/grant/i/n", headers=secret).status == 200
    edge.upstream.script = Script(status=202)
    assert edge.operator("POST", "/grant/i/n/accept", headers=secret).status == 202
    assert edge.operator("POST", "/grant/i/n/reject", headers=secret).status == 202
    edge.upstream.script = Script()
    active = edge.operator("POST", "/introspect", {"access_token": "T"})
    assert active.json == {"active": False, "access": []}
    assert [call.method for call in edge.upstream.calls] == [
        "InteractionService.GetInteraction",
        "InteractionService.AcceptInteraction",
        "InteractionService.RejectInteraction",
        "IntrospectionService.Introspect",
    ]
    assert edge.upstream.calls[0].metadata["x-idp-secret"] == "s"
    assert edge.upstream.calls[-1].request.access_token == "T"
    # The same paths mean nothing on the public listener: no route leads there.
    assert edge.public("POST", "/grant/i/n/accept").status == 405
