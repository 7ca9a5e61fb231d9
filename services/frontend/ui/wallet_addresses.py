"""Pages about wallet addresses, their keys and payments."""

from typing import Final

from fastapi import APIRouter, Request, Response
from rafiki.admin.v1 import liquidity_service_pb2, payment_service_pb2
from rafiki.admin.v1 import wallet_address_service_pb2 as pb
from rafiki.common.v1 import paging_pb2
from rafiki.ledger.v1 import ledger_service_pb2

from services.frontend.graphql.loaders import balance
from services.frontend.ui.asset_choice import choose_asset, list_assets
from services.frontend.ui.forms import Form
from services.frontend.ui.sessions import Session
from services.frontend.ui.web import Ui, page_request

SHOWN_MAX: Final = 20


def wallet_address_routes(ui: Ui) -> APIRouter:
    """Lists, forms and details."""
    router = APIRouter(prefix="/wallet-addresses")
    pages = _WalletAddressPages(ui)
    router.add_api_route("", pages.index, methods=["GET"])
    router.add_api_route("/new", pages.new, methods=["GET"])
    router.add_api_route("", pages.create, methods=["POST"])
    router.add_api_route("/{address_id}", pages.detail, methods=["GET"])
    router.add_api_route("/{address_id}", pages.update, methods=["POST"])
    router.add_api_route("/{address_id}/keys", pages.add_key, methods=["POST"])
    router.add_api_route("/{address_id}/keys/{key_id}/revoke", pages.revoke, methods=["POST"])
    router.add_api_route("/{address_id}/withdraw", pages.withdraw, methods=["POST"])
    return router


class _WalletAddressPages:
    def __init__(self, ui: Ui) -> None:
        self._ui = ui
        self._addresses = ui.clients.wallet_addresses

    async def index(self, request: Request) -> Response:
        session = await self._ui.session(request)
        reply = await self._addresses.ListWalletAddresses(
            pb.ListWalletAddressesRequest(tenant_id=session.scope, page=page_request(request))
        )
        return self._ui.page(request, session, "wallet_addresses.html", reply=reply)

    async def new(self, request: Request) -> Response:
        session = await self._ui.session(request)
        assets = await list_assets(self._ui, session.scope)
        return self._ui.page(
            request, session, "wallet_address_new.html", form=Form(), assets=assets
        )

    async def create(self, request: Request) -> Response:
        session, form = await self._ui.posted(request)
        assets = await list_assets(self._ui, session.scope)
        message = pb.CreateWalletAddressRequest(
            tenant_id=session.scope,
            asset_id=choose_asset(form, assets).id,
            address=form.text("address"),
            public_name=form.optional_text("public_name"),
            idempotency_key=form.key,
        )
        made = await form.attempt(lambda: self._addresses.CreateWalletAddress(message))
        if made is None:
            return self._ui.page(
                request, session, "wallet_address_new.html", status=422, form=form, assets=assets
            )
        return self._ui.redirect(f"/wallet-addresses/{made.id}", notice="wallet-address-created")

    async def detail(self, request: Request, address_id: str) -> Response:
        session = await self._ui.session(request)
        return await self._detail(request, session, await self._get(session, address_id), {})

    async def update(self, request: Request, address_id: str) -> Response:
        session, form = await self._ui.posted(request)
        address = await self._get(session, address_id)
        active = form.choice("status", ("active", "inactive")) == "active"
        message = pb.UpdateWalletAddressRequest(
            tenant_id=session.scope,
            id=address.id,
            public_name=form.optional_text("public_name") or "",
            status=(
                pb.WALLET_ADDRESS_STATUS_ACTIVE if active else pb.WALLET_ADDRESS_STATUS_INACTIVE
            ),
            idempotency_key=form.key,
        )
        if await form.attempt(lambda: self._addresses.UpdateWalletAddress(message)) is None:
            return await self._detail(request, session, address, {"general": form})
        return self._ui.redirect(f"/wallet-addresses/{address.id}", notice="saved")

    async def add_key(self, request: Request, address_id: str) -> Response:
        session, form = await self._ui.posted(request)
        address = await self._get(session, address_id)
        message = pb.CreateWalletAddressKeyRequest(
            tenant_id=session.scope,
            wallet_address_id=address.id,
            kid=form.text("kid"),
            x=form.text("x"),
            idempotency_key=form.key,
        )
        if await form.attempt(lambda: self._addresses.CreateWalletAddressKey(message)) is None:
            return await self._detail(request, session, address, {"key": form})
        return self._ui.redirect(f"/wallet-addresses/{address.id}", notice="key-added")

    async def revoke(self, request: Request, address_id: str, key_id: str) -> Response:
        session, form = await self._ui.posted(request)
        address = await self._get(session, address_id)
        message = pb.RevokeWalletAddressKeyRequest(
            tenant_id=session.scope, id=key_id, idempotency_key=form.key
        )
        if await form.attempt(lambda: self._addresses.RevokeWalletAddressKey(message)) is None:
            return await self._detail(request, session, address, {"keys": form})
        return self._ui.redirect(f"/wallet-addresses/{address.id}", notice="key-revoked")

    async def withdraw(self, request: Request, address_id: str) -> Response:
        session, form = await self._ui.posted(request)
        address = await self._get(session, address_id)
        message = liquidity_service_pb2.WithdrawWalletAddressRequest(
            tenant_id=session.scope,
            id=form.key,
            wallet_address_id=address.id,
            idempotency_key=form.key,
        )
        liquidity = self._ui.clients.liquidity
        if await form.attempt(lambda: liquidity.WithdrawWalletAddress(message)) is None:
            return await self._detail(request, session, address, {"withdraw": form})
        return self._ui.redirect(f"/wallet-addresses/{address.id}", notice="withdrawn")

    async def _get(self, session: Session, address_id: str) -> pb.WalletAddress:
        return await self._addresses.GetWalletAddress(
            pb.GetWalletAddressRequest(tenant_id=session.scope, id=address_id)
        )

    async def _detail(
        self,
        request: Request,
        session: Session,
        address: pb.WalletAddress,
        forms: dict[str, Form],
    ) -> Response:
        page = paging_pb2.PageRequest(first=SHOWN_MAX)
        keys = await self._addresses.ListWalletAddressKeys(
            pb.ListWalletAddressKeysRequest(
                tenant_id=session.scope, wallet_address_id=address.id, page=page
            )
        )
        payments = await self._ui.clients.payments.ListPayments(
            payment_service_pb2.ListPaymentsRequest(
                tenant_id=session.scope, wallet_address_id=address.id, page=page
            )
        )
        return self._ui.page(
            request,
            session,
            "wallet_address.html",
            status=422 if forms else 200,
            address=address,
            liquidity=await account_balance(self._ui, address.id),
            keys=keys.keys,
            payments=payments.payments,
            forms=forms,
        )


async def account_balance(ui: Ui, account_id: str) -> int:
    """What an account holds, 0 when it does not exist yet; the caller may read its row."""
    reply = await ui.clients.ledger.LookupAccounts(
        ledger_service_pb2.LookupAccountsRequest(ids=[account_id])
    )
    return sum(balance(account) for account in reply.accounts)
