"""What wallet addresses add to a process."""

from collections.abc import Mapping

from servicekit.clock import Clock
from servicekit.commands import Commands
from servicekit.parts import Part

from services.backend.ledger.interface import LedgerReader
from services.backend.tenants.scope import Scopes
from services.backend.wallet_addresses.build import WalletAddressUseCases
from services.backend.wallet_addresses.servicer import (
    PublicUrls,
    WalletAddressAdminServicer,
    WalletAddressServicer,
)


def part(
    wallet_addresses: WalletAddressUseCases,
    *,
    commands: Commands,
    ledger: LedgerReader,
    scopes: Scopes,
    urls: PublicUrls,
    node_key: Mapping[str, str],
    page_template: str | None,
    clock: Clock,
) -> Part:
    """Their RPCs, for administrators and in public.

    `node_key` is this node's own, as a JWK; for `page_template` see `forms.page_of`.
    """
    return Part(
        servicers=[
            WalletAddressServicer(
                queries=wallet_addresses.queries,
                urls=urls,
                node_key=node_key,
                page_template=page_template,
            ),
            WalletAddressAdminServicer(
                wallet_addresses=wallet_addresses,
                ledger=ledger,
                commands=commands,
                clock=clock,
                scopes=scopes,
            ),
        ]
    )
