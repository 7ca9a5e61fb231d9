"""What the backend refuses to start with."""

import pytest
from pydantic import ValidationError

from services.backend.settings import BackendSettings


def wrong(**given: str) -> set[str]:
    """The settings that are refused among those given."""
    with pytest.raises(ValidationError) as raised:
        BackendSettings(**given)  # type: ignore[arg-type]  # reason: the others are missing
    return {str(error["loc"][0]) for error in raised.value.errors()} & given.keys()


@pytest.mark.parametrize("share", ["0", "0.0", "0.01", "0.999999", "1e-7"])
def test_a_slippage_is_a_share(share: str) -> None:
    assert not wrong(SLIPPAGE=share)


@pytest.mark.parametrize("text", ["1", "1.0", "1.5", "-0.1", "", ".", "1%", "inf", "1e9999"])
def test_a_slippage_at_which_no_quote_could_be_given_is_refused(text: str) -> None:
    assert wrong(SLIPPAGE=text) == {"SLIPPAGE"}


@pytest.mark.parametrize("url", ["ftp://bank.test", "bank.test", "http://"])
def test_a_url_that_nobody_can_be_called_at_is_refused(url: str) -> None:
    given = dict.fromkeys(("WEBHOOK_URL", "EXCHANGE_RATES_URL", "OPEN_PAYMENTS_URL"), url)
    assert wrong(**given) == given.keys()
