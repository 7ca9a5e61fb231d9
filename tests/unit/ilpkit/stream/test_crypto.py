import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ilpkit.errors import DecryptionError, LocalProtocolError
from ilpkit.stream.crypto import IV_BYTES, Mac, Sealer, StreamKeys

from tests.support.vectors import load_json


def test_connections_of_the_javascript_library_have_the_same_keys_and_packets() -> None:
    cases = load_json("generated", "stream-crypto.json")["cases"]
    for case in cases:
        secret = bytes.fromhex(case["sharedSecret"])
        keys = StreamKeys(secret)
        assert Mac(secret).digest(b"ilp_stream_encryption").hex() == case["encryptionKey"]
        assert Mac(secret).digest(b"ilp_stream_fulfillment").hex() == case["fulfillmentKey"]
        for packet in case["packets"]:
            plaintext, iv = bytes.fromhex(packet["plaintext"]), bytes.fromhex(packet["iv"])
            data = keys.seal(plaintext, iv)
            assert data.hex() == packet["data"]
            assert keys.open(data) == plaintext
            assert keys.fulfillment(data).hex() == packet["fulfillment"]
            assert keys.condition(data).hex() == packet["condition"]
    assert len(cases) == 3


def test_wycheproof_aes_gcm() -> None:
    """All groups of AES-256 with a 96-bit IV; ours is the case without additional data."""
    seen = 0
    for group in load_json("wycheproof", "aes_gcm_test.json")["testGroups"]:
        if (group["keySize"], group["ivSize"], group["tagSize"]) != (256, 96, 128):
            continue
        for test in group["tests"]:
            if test["aad"]:
                continue
            sealer = Sealer(bytes.fromhex(test["key"]))
            message, iv = bytes.fromhex(test["msg"]), bytes.fromhex(test["iv"])
            data = bytes.fromhex(test["iv"] + test["tag"] + test["ct"])
            if test["result"] == "valid":
                assert sealer.seal(message, iv) == data
                assert sealer.open(data) == message
            else:
                with pytest.raises(DecryptionError):
                    sealer.open(data)
            seen += 1
    assert seen > 20


def test_wycheproof_hmac_sha256() -> None:
    seen = 0
    for group in load_json("wycheproof", "hmac_sha256_test.json")["testGroups"]:
        for test in group["tests"]:
            mac = Mac(bytes.fromhex(test["key"])).digest(bytes.fromhex(test["msg"]))
            assert (mac.hex()[: group["tagSize"] // 4] == test["tag"]) == (
                test["result"] == "valid"
            )
            seen += 1
    assert seen > 100


@pytest.mark.property
@given(st.binary(min_size=1, max_size=100), st.binary(max_size=300))
def test_a_ready_key_gives_the_same_code_again_and_again(key: bytes, message: bytes) -> None:
    mac = Mac(key)
    expected = hmac.digest(key, message, "sha256")
    assert mac.digest(message) == mac.digest(message) == expected


@pytest.mark.property
@given(st.binary(max_size=100), st.data())
def test_sealed_data_changed_anywhere_does_not_open(plaintext: bytes, data: st.DataObject) -> None:
    keys = StreamKeys(b"secret")
    sealed = bytearray(keys.seal(plaintext, bytes(IV_BYTES)))
    sealed[data.draw(st.integers(0, len(sealed) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises(DecryptionError) as caught:
        keys.open(bytes(sealed))
    assert caught.value.ilp_code == "F06"


@pytest.mark.property
@given(st.binary(max_size=80))
def test_arbitrary_bytes_do_not_open(data: bytes) -> None:
    with pytest.raises(DecryptionError):
        StreamKeys(b"secret").open(data)


@pytest.mark.parametrize("size", [0, 11, 13])
def test_an_iv_has_twelve_bytes(size: int) -> None:
    with pytest.raises(LocalProtocolError):
        StreamKeys(b"secret").seal(b"", bytes(size))


def test_the_condition_is_the_hash_of_the_fulfillment() -> None:
    keys = StreamKeys(b"secret")
    assert keys.condition(b"data") == hashlib.sha256(keys.fulfillment(b"data")).digest()
