"""Signature base construction (RFC 9421 sections 2.2 and 2.5)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ilpkit.httpsig.components import (
    COMPONENTS_MAX,
    fold_headers,
    mask_token,
    signature_base,
    target_uri_candidates,
)
from ilpkit.httpsig.errors import (
    DuplicateComponent,
    MissingComponent,
    SignatureRefused,
    UnsafeComponent,
    UnsupportedComponent,
)

from tests.support.vectors import load_json


def _value(component: str, *, uri: str = "https://a.example/p?q=1", method: str = "GET") -> str:
    base = signature_base(
        components=[component],
        raw_parameters="()",
        method=method,
        target_uri=uri,
        headers={"x": " v1, v2\t", "y": "a\nb", "z": "é"},
    )
    return base.split("\n")[0].split(": ", 1)[1]


def test_rfc_9421_b26_base() -> None:
    case = load_json("rfc9421", "b26-ed25519.json")
    request = case["request"]
    base = signature_base(
        components=["date", "@method", "@path", "@authority", "content-type", "content-length"],
        raw_parameters=case["signatureInput"].removeprefix("sig-b26="),
        method=request["method"],
        target_uri=request["url"],
        headers=request["headers"],
    )
    assert base == case["signatureBase"]


@pytest.mark.parametrize(
    ("component", "uri", "value"),
    [
        ("@target-uri", "https://a.example/p?q=%20", "https://a.example/p?q=%20"),
        ("@authority", "https://A.Example:443/p", "a.example"),
        ("@authority", "http://a.example:8080", "a.example:8080"),
        ("@scheme", "HTTP://a.example/", "http"),
        ("@request-target", "https://a.example/p?q=1", "/p?q=1"),
        ("@path", "https://a.example", "/"),
        ("@query", "https://a.example/p?q=1", "?q=1"),
        ("@query", "https://a.example/p", "?"),
        ("x", "https://a.example", "v1, v2"),
    ],
)
def test_values(component: str, uri: str, value: str) -> None:
    assert _value(component, uri=uri) == value


@pytest.mark.parametrize(
    ("component", "error"),
    [
        ("absent", MissingComponent),
        ("@status", UnsupportedComponent),
        ("@METHOD", UnsupportedComponent),
        ("Content-Type", UnsupportedComponent),
        ("", UnsupportedComponent),
        ('x"', UnsupportedComponent),
        ("y", UnsafeComponent),
        ("z", UnsafeComponent),
    ],
)
def test_refused_components(component: str, error: type[SignatureRefused]) -> None:
    with pytest.raises(error):
        _value(component)


def test_a_line_break_cannot_enter_through_uri_or_method() -> None:
    with pytest.raises(UnsafeComponent):
        _value("@target-uri", uri='https://a/\n"@method": GET')
    with pytest.raises(UnsafeComponent):
        _value("@method", method="GET\nX")
    with pytest.raises(UnsafeComponent):
        _value("@path", uri="/relative")


def test_repeated_and_too_many_components_are_refused() -> None:
    with pytest.raises(DuplicateComponent):
        signature_base(
            components=["x", "x"], raw_parameters="", method="", target_uri="", headers={"x": ""}
        )
    names = [f"h{number}" for number in range(COMPONENTS_MAX + 1)]
    with pytest.raises(UnsupportedComponent):
        signature_base(
            components=names,
            raw_parameters="",
            method="",
            target_uri="",
            headers=dict.fromkeys(names, ""),
        )


@pytest.mark.parametrize(
    ("uri", "candidates"),
    [
        ("https://h", ("https://h", "https://h/")),
        ("https://h/", ("https://h/", "https://h")),
        ("https://h?a=1", ("https://h?a=1", "https://h/?a=1")),
        ("https://h/p", ("https://h/p",)),
        ("https://h/p/", ("https://h/p/",)),
        ("*", ("*",)),
    ],
)
def test_target_uri_candidates(uri: str, candidates: tuple[str, ...]) -> None:
    assert target_uri_candidates(uri) == candidates


def test_headers_fold_to_lower_case_and_join() -> None:
    assert fold_headers([("A", "1"), ("b", "2"), ("a", "3")]) == {"a": "1, 3", "b": "2"}


def test_the_token_is_masked() -> None:
    masked = mask_token('"@method": GET\n"authorization": GNAP secret\n"x": 1')
    assert masked == '"@method": GET\n"authorization": GNAP <6 characters masked>\n"x": 1'
    assert "secret" not in mask_token('"authorization": secret')


@given(st.lists(st.text(max_size=8), max_size=6), st.text(), st.text())
def test_any_components_give_a_base_or_a_refusal(
    components: list[str], method: str, uri: str
) -> None:
    try:
        base = signature_base(
            components=components,
            raw_parameters="()",
            method=method,
            target_uri=uri,
            headers={"x": uri},
        )
    except SignatureRefused:
        return
    assert base.count("\n") == len(components)
    base.encode("ascii")
