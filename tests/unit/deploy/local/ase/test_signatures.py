from deploy.local.ase.signatures import is_signed, sign

BODY = {"type": "outgoing_payment.created", "id": "1", "data": {"b": 1, "a": "é"}}


def test_a_signature_covers_the_time_and_the_canonical_body() -> None:
    signature = sign(BODY, secret="s", now_ms=5)
    # openssl dgst -sha256 -hmac s over `5.` and the members in the order of their names.
    digest = "2408ee5e071211a177b9be7ab33e1719be165e177668f6c88c989fc287858141"
    assert signature == f"t=5, v1={digest}"
    reordered = {"data": {"a": "é", "b": 1}, "id": "1", "type": "outgoing_payment.created"}
    assert is_signed(reordered, signature, secret="s")
    assert is_signed(reordered, signature.replace(", ", ","), secret="s")


def test_anything_else_is_refused() -> None:
    signature = sign(BODY, secret="s", now_ms=5)
    assert not is_signed(BODY, signature, secret="other")
    assert not is_signed({**BODY, "id": "2"}, signature, secret="s")
    assert not is_signed(BODY, signature.replace("t=5", "t=6"), secret="s")
    assert not is_signed(BODY, signature.replace("v1", "v2"), secret="s")
    for text in ("", "t=5", "v1=00", signature + "0", "t=x, v1=" + "0" * 64):
        assert not is_signed(BODY, text, secret="s")
