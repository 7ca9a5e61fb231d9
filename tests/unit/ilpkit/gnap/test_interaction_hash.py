"""The finish hash, in the form deployed servers and clients use."""

from hypothesis import given
from hypothesis import strategies as st
from ilpkit.gnap.interaction_hash import interaction_hash, interaction_hash_matches

from tests.support.vectors import load_json


def test_vectors() -> None:
    for case in load_json("generated", "interaction-hash.json")["cases"]:
        inputs = {
            "client_nonce": case["clientNonce"],
            "server_nonce": case["asNonce"],
            "interact_ref": case["interactRef"],
            "grant_endpoint": case["grantEndpoint"],
        }
        assert interaction_hash(**inputs) == case["base64Padded"]
        assert interaction_hash_matches(case["base64Padded"], **inputs)
        assert not interaction_hash_matches(case["base64urlUnpadded"], **inputs)


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_received_text_is_compared(received: str) -> None:
    assert not interaction_hash_matches(
        received, client_nonce="a", server_nonce="b", interact_ref="c", grant_endpoint="d"
    )
