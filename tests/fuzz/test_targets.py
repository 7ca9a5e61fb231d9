"""The fuzz targets without the fuzzer: they accept their seeds and survive damage to them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.targets import TARGETS, run, seeds

SEEDS = [(name, seed) for name, examples in seeds().items() for seed in examples]


@pytest.mark.parametrize(("name", "seed"), SEEDS)
def test_each_seed_is_well_formed(name: str, seed: bytes) -> None:
    assert run(TARGETS[name], seed) == ""


@pytest.mark.property
@settings(max_examples=300)
@given(st.sampled_from(SEEDS), st.data())
def test_damaged_seeds_end_in_remote_errors_only(
    named_seed: tuple[str, bytes], data: st.DataObject
) -> None:
    name, seed = named_seed
    damaged = bytearray(seed)
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    outcome = run(TARGETS[name], bytes(damaged))
    assert outcome == "" or outcome.endswith("Error")


@pytest.mark.property
@given(st.sampled_from(sorted(TARGETS)), st.binary(max_size=100))
def test_arbitrary_bytes_end_in_remote_errors_only(name: str, data: bytes) -> None:
    outcome = run(TARGETS[name], data)
    assert outcome == "" or outcome.endswith("Error")
