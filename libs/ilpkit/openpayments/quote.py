"""Quote shapes (resource server API 1.3)."""

from typing import Final, Literal

from pydantic import model_validator

from ilpkit.openpayments.amounts import WireAmount
from ilpkit.openpayments.bodies import BodyKind
from ilpkit.openpayments.wire import (
    HttpUrl,
    Omittable,
    Receiver,
    Timestamp,
    WireModel,
    broken_rule,
)


class CreateQuote(WireModel):
    """POST /quotes, in its three forms: by receiveAmount, by debitAmount, or by neither."""

    wallet_address: HttpUrl
    receiver: Receiver
    method: Literal["ilp"]
    receive_amount: Omittable[WireAmount] = None
    debit_amount: Omittable[WireAmount] = None

    @model_validator(mode="after")
    def _one_amount(self) -> "CreateQuote":
        if self.receive_amount is not None and self.debit_amount is not None:
            raise broken_rule(
                "has both receiveAmount and debitAmount", "send one of them, the other follows"
            )
        return self


class Quote(WireModel):
    """A quote as created and read."""

    id: HttpUrl
    wallet_address: HttpUrl
    receiver: Receiver
    receive_amount: WireAmount
    debit_amount: WireAmount
    method: Literal["ilp"] = "ilp"
    created_at: Timestamp
    expires_at: Omittable[Timestamp] = None


CREATE_QUOTE: Final = BodyKind("create quote", CreateQuote)
QUOTE: Final = BodyKind("quote", Quote)
