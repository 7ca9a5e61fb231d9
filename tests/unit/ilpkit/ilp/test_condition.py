import hashlib

from ilpkit.ilp.condition import condition_of, fulfills


def test_a_condition_is_the_hash_of_its_fulfillment() -> None:
    fulfillment = b"f" * 32
    assert condition_of(fulfillment) == hashlib.sha256(fulfillment).digest()
    assert fulfills(fulfillment, condition_of(fulfillment))


def test_another_preimage_does_not_fulfill() -> None:
    assert not fulfills(b"g" * 32, condition_of(b"f" * 32))


def test_a_preimage_of_another_length_does_not_fulfill() -> None:
    assert not fulfills(b"short", condition_of(b"short"))
    assert not fulfills(b"", condition_of(b""))


def test_a_condition_of_another_length_is_never_met() -> None:
    assert not fulfills(b"f" * 32, condition_of(b"f" * 32)[:31])
