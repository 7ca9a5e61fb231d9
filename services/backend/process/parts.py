"""What of the features runs in a process: the `part` of each, in the order of their start."""

from collections.abc import Sequence

from ilpkit.httpsig.keys import public_jwk
from servicekit.parts import Part

from services.backend.admin_sessions.part import part as admin_sessions_part
from services.backend.assets.part import part as assets_part
from services.backend.auto_peering.part import part as auto_peering_part
from services.backend.connector.part import part as packets_part
from services.backend.directory.part import part as directory_part
from services.backend.events.part import part as events_part
from services.backend.guard.part import part as guard_part
from services.backend.incoming_payments.part import part as incoming_part
from services.backend.ledger.part import part as ledger_part
from services.backend.liquidity.part import part as liquidity_part
from services.backend.low_liquidity.part import part as low_liquidity_part
from services.backend.outgoing_payments.part import part as outgoing_part
from services.backend.payments.part import part as payments_part
from services.backend.peers.part import part as peers_part
from services.backend.process.features import Features
from services.backend.quotes.part import part as quotes_part
from services.backend.reconciliation.part import part as reconciliation_part
from services.backend.routing.part import part as routing_part
from services.backend.tenants.part import part as tenants_part
from services.backend.unknown_packets.part import part as unknown_packets_part
from services.backend.wallet_addresses.part import part as wallet_addresses_part


def parts(features: Features) -> Sequence[Part]:
    """What runs: the directory first, since what follows a reconnect reads it."""
    return [
        features.connections.part,
        directory_part(features.lookups),
        *_open_payments(features),
        *_admin(features),
        ledger_part(features.ledger),
        packets_part(features.packets),
        low_liquidity_part(features.low_liquidity, ledger=features.ledger),
        reconciliation_part(
            features.reconciliation,
            ledger=features.ledger,
            compares=features.settings.compares_books,
        ),
        *_asked_by_nodes(features),
        Part(housekeeping=[features.replies.housekeeping]),
    ]


def _asked_by_nodes(features: Features) -> Sequence[Part]:
    """What nodes call that are no peers yet, if the operator wants it."""
    settings = features.settings
    if not settings.enable_auto_peering:
        return ()
    return [
        auto_peering_part(
            features.auto_peering,
            commands=features.commands,
            ilp_address=settings.ilp_address,
            connector_url=settings.ilp_connector_url,
            name=settings.instance_name,
        )
    ]


def _open_payments(features: Features) -> Sequence[Part]:
    """What clients call, through the guard."""
    settings, clock, commands = features.settings, features.clock, features.commands
    urls, active = features.lookups.urls, features.lookups.wallet_addresses
    return [
        guard_part(features.guard),
        wallet_addresses_part(
            features.wallet_addresses,
            commands=commands,
            ledger=features.ledger,
            scopes=features.scopes,
            urls=urls,
            node_key=public_jwk(features.key, kid=settings.key_id),
            page_template=settings.wallet_address_page,
            clock=clock,
        ),
        incoming_part(
            features.incoming,
            wallet_addresses=active,
            commands=commands,
            credentials=features.stream,
            urls=urls,
            clock=clock,
        ),
        quotes_part(features.quotes, wallet_addresses=active, commands=commands, urls=urls),
        outgoing_part(
            features.outgoing,
            wallet_addresses=active,
            commands=commands,
            urls=urls,
            receiver_paid=features.receivers.queries.changed,
            sends=settings.outgoing_payments_in_flight_max > 0,
        ),
    ]


def _admin(features: Features) -> Sequence[Part]:
    """What operators and tenants call."""
    clock, commands, scopes = features.clock, features.commands, features.scopes
    database, ledger, lookups = features.database, features.ledger, features.lookups
    return [
        tenants_part(features.tenants, commands=commands),
        admin_sessions_part(
            database=database,
            commands=commands,
            signatures=features.tenants.signatures,
            clock=clock,
            ids=features.ids,
        ),
        assets_part(features.assets, commands=commands, ledger=ledger, scopes=scopes),
        peers_part(
            features.peers,
            by_url=features.auto_peering.ask,
            commands=commands,
            ledger=ledger,
            scopes=scopes,
        ),
        payments_part(
            database=database,
            incoming=features.incoming,
            outgoing=features.outgoing,
            quotes=features.quotes,
            receivers=features.receivers,
            wallet_addresses=features.wallet_addresses.queries,
            urls=lookups.urls,
            commands=commands,
            scopes=scopes,
        ),
        liquidity_part(
            features.liquidity,
            fund_payment=features.outgoing.fund,
            commands=commands,
            scopes=scopes,
        ),
        events_part(
            features.events, targets=lookups.tenant_settings, commands=commands, scopes=scopes
        ),
        routing_part(
            directory=lookups.directory,
            rates=features.rates,
            ledger=ledger,
            scopes=scopes,
            clock=clock,
        ),
        unknown_packets_part(features.reconciler, commands=commands, scopes=scopes, clock=clock),
    ]
