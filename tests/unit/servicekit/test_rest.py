import json

from servicekit import rest
from servicekit.errors import ServiceError, Unauthenticated, Unavailable


def test_an_error_becomes_status_body_and_headers() -> None:
    error = Unavailable("UNAVAILABLE", "later", retry_after_ms=1001)
    assert rest.error_metadata(error, rest.open_payments_error) == (
        ("x-http-status", "503"),
        ("x-rest-error", '{"error":{"code":"503","description":"later"}}'),
        ("retry-after", "2"),
    )


def test_a_service_may_bring_its_own_form() -> None:
    def encode(error: ServiceError) -> rest.RestError:
        return rest.RestError(
            status=401, body={"error": {"code": "x"}}, headers={"WWW-Authenticate": "GNAP é\n"}
        )

    trailers = dict(rest.error_metadata(Unauthenticated("TOKEN_INACTIVE", "no"), encode))
    assert trailers["www-authenticate"] == "GNAP ??"
    assert trailers["x-http-status"] == "401"


def test_a_body_is_printable_and_shortened_to_what_metadata_carries() -> None:
    body = {"error": {"code": "400", "description": "é\x7f" * 3000, "details": {"a": "b"}}}
    text = dict(rest.error_trailers(400, body))["x-rest-error"]
    assert len(text) <= rest.ERROR_BODY_BYTES_MAX + 500
    assert all(" " <= c <= "~" for c in text)
    assert json.loads(text)["error"]["description"].startswith("é\x7f")
    assert "details" not in json.loads(text)["error"]
