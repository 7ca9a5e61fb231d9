from typing import Any

from deploy.local.ase.consent import in_words


def test_access_is_told_in_sentences() -> None:
    amount = {"value": "2550", "assetCode": "USD", "assetScale": 2}
    asked: list[dict[str, Any]] = [
        {
            "type": "outgoing-payment",
            "actions": ["create", "read", "new-action"],
            "identifier": "http://w/alice",
            "limits": {
                "debitAmount": amount,
                "interval": "R/2026-01-01T00:00:00Z/P1M",
                "receiver": "http://w/incoming-payments/1",
            },
        },
        {"type": "quote", "actions": ["create"]},
    ]
    assert in_words(asked) == [
        {
            "thing": "Outgoing payments",
            "account": "http://w/alice",
            "actions": ["create them", "see those it made itself", "new-action"],
            "limits": [
                "It may take at most 25.50 USD in each interval of R/2026-01-01T00:00:00Z/P1M.",
                "It may only pay into http://w/incoming-payments/1.",
            ],
        },
        {"thing": "Quotes", "account": "", "actions": ["create them"], "limits": []},
    ]
