"""The choice of an asset in a form."""

from typing import Final

from rafiki.admin.v1 import asset_service_pb2
from rafiki.common.v1 import paging_pb2

from services.frontend.ui.forms import Form
from services.frontend.ui.web import Ui

ASSETS_OFFERED_MAX: Final = 100


async def list_assets(ui: Ui, tenant_id: str | None) -> list[asset_service_pb2.Asset]:
    """The assets that a form offers; None means those of all tenants."""
    reply = await ui.clients.assets.ListAssets(
        asset_service_pb2.ListAssetsRequest(
            tenant_id=tenant_id, page=paging_pb2.PageRequest(first=ASSETS_OFFERED_MAX)
        )
    )
    return list(reply.assets)


def choose_asset(form: Form, assets: list[asset_service_pb2.Asset]) -> asset_service_pb2.Asset:
    """The asset that a form names, of those that it offered."""
    by_id = {asset.id: asset for asset in assets}
    chosen = form.choice("asset_id", tuple(by_id))
    return by_id.get(chosen, asset_service_pb2.Asset())
