"""The schema: every feature's reads and changes, and how documents are parsed and bounded."""

import strawberry
from graphql import ASTValidationRule, GraphQLError, NoSchemaIntrospectionCustomRule
from strawberry.schema.config import StrawberryConfig
from strawberry.types import ExecutionContext

from services.frontend.graphql import bounds
from services.frontend.graphql.accounting_transfers import AccountingTransferQuery
from services.frontend.graphql.assets import AssetMutation, AssetQuery
from services.frontend.graphql.documents import CheckedDocuments, Documents
from services.frontend.graphql.grants import GrantMutation, GrantQuery
from services.frontend.graphql.incoming_payments import (
    IncomingPaymentMutation,
    IncomingPaymentQuery,
)
from services.frontend.graphql.keys import KeyMutation
from services.frontend.graphql.liquidity import DepositMutation, LiquidityError, WithdrawalMutation
from services.frontend.graphql.outgoing_payments import (
    OutgoingPaymentMutation,
    OutgoingPaymentQuery,
)
from services.frontend.graphql.payments import PaymentQuery
from services.frontend.graphql.peers import PeerMutation, PeerQuery
from services.frontend.graphql.quotes import QuoteMutation, QuoteQuery
from services.frontend.graphql.receivers import ReceiverMutation, ReceiverQuery
from services.frontend.graphql.scalars import SCALARS
from services.frontend.graphql.tenants import TenantMutation, TenantQuery
from services.frontend.graphql.wallet_addresses import WalletAddressMutation, WalletAddressQuery
from services.frontend.graphql.webhook_events import WebhookEventQuery


@strawberry.type
class Query(
    AssetQuery,
    PeerQuery,
    WalletAddressQuery,
    QuoteQuery,
    OutgoingPaymentQuery,
    IncomingPaymentQuery,
    WebhookEventQuery,
    PaymentQuery,
    AccountingTransferQuery,
    ReceiverQuery,
    TenantQuery,
    GrantQuery,
):
    """All reads."""


@strawberry.type
class Mutation(
    AssetMutation,
    PeerMutation,
    DepositMutation,
    WithdrawalMutation,
    WalletAddressMutation,
    KeyMutation,
    IncomingPaymentMutation,
    ReceiverMutation,
    QuoteMutation,
    OutgoingPaymentMutation,
    TenantMutation,
    GrantMutation,
):
    """All changes."""


class _Schema(strawberry.Schema):
    def process_errors(
        self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None
    ) -> None:
        """Say nothing here: the endpoint logs what is ours and tells the rest to the caller."""


def build_schema(*, introspection: bool) -> strawberry.Schema:
    """The Admin API's schema.

    Args:
        introspection: whether clients may ask for the schema itself.
    """
    rules: list[type[ASTValidationRule]] = [bounds.BoundsRule]
    if not introspection:
        rules.append(NoSchemaIntrospectionCustomRule)
    documents = Documents(rules, tokens_max=bounds.TOKENS_MAX)
    return _Schema(
        query=Query,
        mutation=Mutation,
        types=[LiquidityError],
        extensions=[lambda: CheckedDocuments(documents)],
        config=StrawberryConfig(scalar_map=SCALARS),
    )
