import hashlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ilpkit.errors import (
    EmptyIntegerError,
    LocalProtocolError,
    NonCanonicalLengthError,
    OverlongIntegerError,
    OversizedError,
    RemoteProtocolError,
    TruncatedError,
)
from ilpkit.money import U64_MAX
from ilpkit.oer import (
    VAR_OCTETS_BYTES_MAX,
    Reader,
    Writer,
    encode_length,
    encode_var_octets,
    encode_var_uint,
)

from tests.support.vectors import load_json


def reader(hexadecimal: str) -> Reader:
    return Reader(bytes.fromhex(hexadecimal))


def counter_stream(seed: str, length: int) -> bytes:
    """The content of the vectors: SHA-256 of the seed, its last letter a counter."""
    blocks = (hashlib.sha256(f"{seed[:-1]}{i}".encode()).digest() for i in range(length // 32 + 1))
    return b"".join(blocks)[:length]


def test_var_uints_are_those_of_the_javascript_library() -> None:
    cases = [
        case for case in load_json("generated", "oer.json")["cases"] if case["type"] == "varuint"
    ]
    assert len(cases) == 14
    for case in cases:
        assert encode_var_uint(int(case["value"])).hex() == case["hex"]
        assert reader(case["hex"]).read_var_uint() == int(case["value"])


def test_var_octet_strings_are_those_of_the_javascript_library() -> None:
    cases = load_json("generated", "oer.json")["cases"]
    seen = 0
    for case in cases:
        if case["type"] != "varoctetstring" or case["length"] > VAR_OCTETS_BYTES_MAX:
            continue
        content = counter_stream(f"o{case['length']}:i", case["length"])
        whole = encode_var_octets(content)
        assert whole[: len(whole) - len(content)].hex() == case["prefixHex"]
        assert hashlib.sha256(whole).hexdigest() == case["sha256OfWhole"]
        assert Reader(whole).read_var_octets() == content
        seen += 1
    assert seen == 7


@pytest.mark.parametrize(
    ("encoded", "length"),
    [("07", 7), ("7f", 127), ("8180", 128), ("8182", 130), ("81ff", 255), ("821234", 4660)],
)
def test_length_determinants_of_rfc_30(encoded: str, length: int) -> None:
    assert encode_length(length).hex() == encoded
    assert len(Reader(bytes.fromhex(encoded) + bytes(length)).read_var_octets()) == length


@pytest.mark.parametrize(
    "encoded", ["80", "8100", "8141", "817f", "820041", "8200ff", "83000001", "8400000080"]
)
def test_a_length_not_in_its_shortest_form_is_refused(encoded: str) -> None:
    with pytest.raises(NonCanonicalLengthError):
        Reader(bytes.fromhex(encoded) + bytes(300)).read_var_octets()


@pytest.mark.parametrize("encoded", ["", "01", "05aabb", "8180", "81", "8201", "88ffffff"])
def test_a_field_that_ends_too_early_is_refused(encoded: str) -> None:
    with pytest.raises(TruncatedError):
        reader(encoded).read_var_octets()


@pytest.mark.parametrize("encoded", ["83010000", "88ac01055a1debac1e", "ff" + "11" * 127])
def test_a_field_beyond_the_limit_is_refused(encoded: str) -> None:
    with pytest.raises(OversizedError):
        reader(encoded).read_var_octets()


def test_a_reader_may_set_a_lower_limit() -> None:
    assert reader("03aabbcc").read_var_octets(3) == b"\xaa\xbb\xcc"
    with pytest.raises(OversizedError):
        reader("03aabbcc").read_var_octets(2)


def test_our_own_fields_stay_within_the_limit() -> None:
    assert len(encode_var_octets(bytes(VAR_OCTETS_BYTES_MAX))) == VAR_OCTETS_BYTES_MAX + 3
    with pytest.raises(LocalProtocolError):
        encode_var_octets(bytes(VAR_OCTETS_BYTES_MAX + 1))


def test_an_integer_of_no_bytes_is_refused() -> None:
    with pytest.raises(EmptyIntegerError):
        reader("00").read_var_uint()
    with pytest.raises(EmptyIntegerError):
        reader("00").read_var_uint_saturating()


def test_an_integer_of_nine_bytes_is_refused_or_saturates() -> None:
    encoded = "09010000000000000000"
    with pytest.raises(OverlongIntegerError):
        reader(encoded).read_var_uint()
    assert reader(encoded).read_var_uint_saturating() == U64_MAX


def test_leading_zeros_within_eight_bytes_are_read_but_never_written() -> None:
    assert reader("080000000000000005").read_var_uint() == 5
    assert encode_var_uint(5).hex() == "0105"


@pytest.mark.parametrize("value", [-1, U64_MAX + 1])
def test_our_own_integers_are_u64(value: int) -> None:
    with pytest.raises(LocalProtocolError):
        encode_var_uint(value)


@pytest.mark.parametrize(
    ("read", "size"),
    [(Reader.read_u8, 1), (Reader.read_u16, 2), (Reader.read_u32, 4), (Reader.read_u64, 8)],
)
def test_fixed_integers_need_all_their_bytes(read: Callable[[Reader], int], size: int) -> None:
    assert read(Reader(bytes(size - 1) + b"\x05")) == 5
    with pytest.raises(TruncatedError):
        read(Reader(bytes(size - 1)))


@pytest.mark.parametrize(
    ("write", "bits"),
    [(Writer.write_u8, 8), (Writer.write_u16, 16), (Writer.write_u32, 32), (Writer.write_u64, 64)],
)
def test_fixed_integers_hold_no_more_than_their_bits(
    write: Callable[[Writer, int], None], bits: int
) -> None:
    writer = Writer()
    write(writer, 2**bits - 1)
    assert writer.to_bytes() == b"\xff" * (bits // 8)
    for value in (-1, 2**bits):
        with pytest.raises(LocalProtocolError):
            write(writer, value)


def test_a_reader_stays_within_its_window() -> None:
    window = Reader(b"\x01\x02\x03\x04", offset=1, end=3)
    assert (window.remaining, window.read_octets(2), window.remaining) == (2, b"\x02\x03", 0)
    with pytest.raises(TruncatedError):
        window.read_u8()


@pytest.mark.property
@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("u8"), st.integers(0, 2**8 - 1)),
            st.tuples(st.just("u16"), st.integers(0, 2**16 - 1)),
            st.tuples(st.just("u32"), st.integers(0, 2**32 - 1)),
            st.tuples(st.just("u64"), st.integers(0, U64_MAX)),
            st.tuples(st.just("var_uint"), st.integers(0, U64_MAX)),
            st.tuples(st.just("var_octets"), st.binary(max_size=400)),
        )
    )
)
def test_what_is_written_is_read_back(fields: list[tuple[str, int | bytes]]) -> None:
    writer = Writer()
    for kind, value in fields:
        getattr(writer, f"write_{kind}")(value)
    written = Reader(writer.to_bytes())
    assert [(kind, getattr(written, f"read_{kind}")()) for kind, _ in fields] == fields
    assert written.remaining == 0


@pytest.mark.property
@given(
    st.binary(max_size=40),
    st.lists(
        st.sampled_from(
            ["u8", "u16", "u32", "u64", "var_uint", "var_uint_saturating", "var_octets"]
        ),
        max_size=10,
    ),
)
def test_reading_anything_raises_nothing_but_remote_errors(data: bytes, kinds: list[str]) -> None:
    source = Reader(data)
    for kind in kinds:
        before = source.remaining
        try:
            getattr(source, f"read_{kind}")()
        except RemoteProtocolError:
            return
        assert 0 <= source.remaining < before
