from servicekit.error_details import amount_metadata, error_details
from servicekit.errors import InvalidArgument
from servicekit.rest_errors import open_payments_error


def test_an_amount_is_shown_as_open_payments_shows_amounts() -> None:
    metadata = amount_metadata("min_send_amount", 3, "USD", 2)
    shown = {"minSendAmount": {"value": "3", "assetCode": "USD", "assetScale": 2}}
    assert error_details(metadata) == shown
    error = InvalidArgument("NON_POSITIVE_RECEIVE_AMOUNT", "too little", metadata=metadata)
    assert open_payments_error(error).body["error"]["details"] == shown


def test_other_metadata_is_shown_as_it_is() -> None:
    metadata = {"field": "debitAmount", "limit": "5"}
    assert error_details(metadata) == metadata
