"""Small pure parts: URLs, secrets, callers, settings."""

from typing import Any
from uuid import UUID

import pytest
from rafiki.grant.v1 import (
    grant_admin_service_pb2,
    grant_service_pb2,
    interaction_service_pb2,
)
from rafiki.introspection.v1 import introspection_service_pb2
from servicekit.guarded_requests import gnap_token
from servicekit.settings import SettingsRefused
from servicekit.verdict import VERDICT_HEADER, Caller, Verdict

from services.auth.admin.servicer import GrantAdminServicer
from services.auth.callers.context import grant_of, token_of, verdict_of
from services.auth.gnap.errors import UnprovenClient
from services.auth.gnap.urls import PublicUrls, with_query
from services.auth.granting.servicer import GrantServicer
from services.auth.interactions.servicer import InteractionServicer
from services.auth.introspection.servicer import IntrospectionServicer
from services.auth.secrets.model import hash_secret, new_nonce, new_secret, same_secret
from services.auth.settings import AuthSettings
from tests.support.clock import ManualClock
from tests.support.ids import SeededIds


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://c.test", "http://c.test?a=b%20c"),
        ("http://c.test/p?x=1", "http://c.test/p?x=1&a=b%20c"),
        ("http://c.test/p?x=1#f", "http://c.test/p?x=1&a=b%20c#f"),
        ("app:/done", "app:/done?a=b%20c"),
    ],
)
def test_parameters_are_added_to_a_url(url: str, expected: str) -> None:
    assert with_query(url, a="b c") == expected


def test_urls_below_a_base_with_a_path() -> None:
    urls = PublicUrls(base_url="https://bank.test/auth/")
    assert urls.grant_endpoint(UUID(int=1)) == f"https://bank.test/auth/{UUID(int=1)}"
    assert urls.interaction_path(UUID(int=1)) == f"/auth/interact/{UUID(int=1)}"
    assert urls.target("/x?y=%2F") == "https://bank.test/auth/x?y=%2F"
    assert urls.secure


def test_secrets_have_128_bits_and_are_compared_at_any_length() -> None:
    ids = SeededIds(ManualClock())
    for made in (new_secret(ids), new_nonce(ids)):
        assert len(bytes.fromhex(made)) >= 16
        assert made == made.upper()
    stored = hash_secret("secret")
    assert same_secret("secret", stored)
    for wrong in ("", "s", "secreT", "secret " * 1000, "sécret"):
        assert not same_secret(wrong, stored)


@pytest.mark.parametrize(
    ("header", "token"),
    [
        ("GNAP ABC", "ABC"),
        (None, None),
        ("GNAP", None),
        ("GNAP ", None),
        ("GNAP  A", None),
        ("GNAP A B", None),
        ("gnap ABC", None),
        ("Bearer ABC", None),
        ("GNAP \u00e9", None),
    ],
)
def test_tokens_in_headers(header: str | None, token: str | None) -> None:
    assert gnap_token(header) == token


@pytest.mark.parametrize(
    "verdict",
    [
        Verdict(client="http://c.test/\u00e9", grant_id=str(UUID(int=7))),
        Verdict(client="jwk:x\x7f", grant_id=str(UUID(int=7)), sees_all=True, limits='{"a":"€"}'),
    ],
)
def test_a_verdict_survives_its_header(verdict: Verdict) -> None:
    name, value = verdict.header()
    assert all(" " <= character <= "~" for character in value)
    caller = Caller(rest=True, metadata={name: value})
    assert verdict_of(caller) == verdict
    assert grant_of(caller) == UUID(int=7)


def test_a_native_caller_needs_no_verdict_and_none_counts() -> None:
    name, value = Verdict(client="http://c.test").header()
    native = Caller(rest=False, metadata={name: value, "authorization": "GNAP A"})
    assert verdict_of(native).client is None
    assert grant_of(native) is None
    assert token_of(native, "B") == "B"
    with pytest.raises(UnprovenClient):
        token_of(native, None)


@pytest.mark.parametrize("value", ["", "x", "{", "[]", '{"other":1}'])
def test_a_broken_verdict_proves_nothing(value: str) -> None:
    caller = Caller(rest=True, metadata={VERDICT_HEADER: value})
    with pytest.raises(UnprovenClient):
        verdict_of(caller)
    with pytest.raises(UnprovenClient):
        grant_of(caller)
    with pytest.raises(UnprovenClient):
        token_of(caller, "native")


def test_a_verdict_without_a_grant_lets_nobody_continue_one() -> None:
    name, value = Verdict(client="http://c.test").header()
    with pytest.raises(UnprovenClient):
        grant_of(Caller(rest=True, metadata={name: value}))


REQUIRED = {
    "AUTH_DATABASE_URL": "postgresql://u:p@127.0.0.1/auth",
    "AUTH_SERVER_URL": "http://auth.test",
    "COOKIE_KEY": "0123456789abcdef",
    "IDENTITY_SERVER_URL": "http://idp.test",
    "IDENTITY_SERVER_SECRET": "s",
    "OPERATOR_TENANT_ID": str(UUID(int=1)),
    "ADMIN_API_SECRET": "s",
}


def load(monkeypatch: pytest.MonkeyPatch, **changes: str) -> AuthSettings:
    for name, value in {**REQUIRED, **changes}.items():
        monkeypatch.setenv(name, value)
    return AuthSettings.load()


def test_settings_have_the_defaults_that_operators_know(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load(monkeypatch)
    assert (settings.wait_seconds, settings.interaction_expiry_seconds) == (5, 600)
    assert (settings.access_token_expiry_seconds, settings.access_token_deletion_days) == (600, 30)
    assert settings.list_all_access_interaction
    assert not settings.incoming_payment_interaction
    assert settings.interaction_cookie_same_site is None


@pytest.mark.parametrize("name", REQUIRED)
def test_secrets_and_addresses_have_no_default(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    with pytest.raises(SettingsRefused, match=name):
        load(monkeypatch, **{name: ""})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("COOKIE_KEY", "short"),
        ("AUTH_SERVER_URL", "auth.test"),
        ("AUTH_SERVER_URL", "ftp://auth.test"),
        ("IDENTITY_SERVER_URL", "ftp://idp.test"),
        ("OPERATOR_TENANT_ID", "1"),
        ("INTERACTION_COOKIE_SAME_SITE", "strict"),
        ("WORKERS", "0"),
    ],
)
def test_wrong_settings_are_refused_by_name(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    with pytest.raises(SettingsRefused, match=name):
        load(monkeypatch, **{name: value})


@pytest.mark.parametrize(
    ("module", "servicer"),
    [
        (grant_service_pb2, GrantServicer),
        (interaction_service_pb2, InteractionServicer),
        (grant_admin_service_pb2, GrantAdminServicer),
        (introspection_service_pb2, IntrospectionServicer),
    ],
)
def test_every_rpc_of_the_contract_is_served(module: Any, servicer: type) -> None:
    (service,) = module.DESCRIPTOR.services_by_name.values()
    assert {method.name for method in service.methods} <= set(vars(servicer))
