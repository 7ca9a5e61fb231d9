"""The public listener's route table.

What the contracts say (`google.api.http`, `rafiki.common.v1.edge`) is read from their descriptors;
here stand the routes that are no RPCs, and the order.

Rules:
- First match wins, so narrow paths stand before wide ones and the wallet addresses come last.
- A path is an RE2 expression over the whole path without its query.
- Ids are unreserved characters only: an escaped character in one would mean one thing to the guard
  and another to the transcoder.
- A query parameter that a route does not name is refused; a wallet address's query is dropped.
- A path that matches with another method answers 405 with all the methods of that path.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from rafiki.grant.v1 import grant_service_pb2, interaction_service_pb2
from rafiki.introspection.v1 import introspection_service_pb2
from rafiki.openpayments.v1 import (
    incoming_payment_service_pb2,
    outgoing_payment_service_pb2,
    quote_service_pb2,
    wallet_address_service_pb2,
)
from servicekit.edge_contract import Operation, Proof, operations


class Surface(StrEnum):
    """Whose vocabulary the errors of a route speak."""

    OPEN_PAYMENTS = "open-payments"
    GNAP = "gnap"


class Cluster(StrEnum):
    """Where requests go."""

    BACKEND_GRPC = "backend_grpc"
    BACKEND_HTTP = "backend_http"
    AUTH_GRPC = "auth_grpc"
    AUTH_HTTP = "auth_http"
    FRONTEND = "frontend"


class Guard(StrEnum):
    """Which service answers the question whether a request may pass."""

    BACKEND = "guard_backend"
    AUTH = "guard_auth"


class Services(StrEnum):
    """A set of gRPC services that the transcoder loads for a route."""

    RESOURCES = "resources"
    PUBLIC_INCOMING_PAYMENT = "public_incoming_payment"
    WALLET_ADDRESS = "wallet_address"
    GRANT = "grant"
    IDENTITY = "identity"


SERVICES: Final[dict[Services, tuple[str, ...]]] = {
    Services.RESOURCES: (
        "rafiki.openpayments.v1.IncomingPaymentService",
        "rafiki.openpayments.v1.QuoteService",
        "rafiki.openpayments.v1.OutgoingPaymentService",
    ),
    # On the same path as GetIncomingPayment, hence loaded apart from it.
    Services.PUBLIC_INCOMING_PAYMENT: ("rafiki.openpayments.v1.PublicIncomingPaymentService",),
    Services.WALLET_ADDRESS: ("rafiki.openpayments.v1.WalletAddressService",),
    Services.GRANT: ("rafiki.grant.v1.GrantService",),
    # On the operator listener only.
    Services.IDENTITY: (
        "rafiki.grant.v1.InteractionService",
        "rafiki.introspection.v1.IntrospectionService",
    ),
}

QUERY_DROPPED: Final = "drop"


@dataclass(frozen=True, kw_only=True)
class Route:
    """One row of the table.

    `services` absent means that the request is passed on as HTTP. `without_authorization` narrows
    the route to requests that bring no Authorization header. `query` lists the parameters allowed,
    or is QUERY_DROPPED. `shared` marks paths that
    may be wallet addresses too; all others belong to their rows whatever the method. `to` says what
    is reached. `content_type` narrows the route to bodies of one type.
    """

    name: str
    path: str
    methods: tuple[str, ...]
    cluster: Cluster
    surface: Surface
    services: Services | None = None
    guard: Guard | None = None
    query: tuple[str, ...] | str = ()
    without_authorization: bool = False
    content_type: str | None = None
    shared: bool = False
    to: str = ""


_ID: Final = "[A-Za-z0-9._~-]+"
_WORDS: Final = re.compile("[A-Z][a-z]+")
_DESCRIPTORS: Final = {
    service.full_name: service
    for module in (
        incoming_payment_service_pb2,
        quote_service_pb2,
        outgoing_payment_service_pb2,
        wallet_address_service_pb2,
        grant_service_pb2,
        interaction_service_pb2,
        introspection_service_pb2,
    )
    for service in module.DESCRIPTOR.services_by_name.values()
}
_SURFACES: Final = {Cluster.BACKEND_GRPC: Surface.OPEN_PAYMENTS, Cluster.AUTH_GRPC: Surface.GNAP}
_GUARDS: Final = {Cluster.BACKEND_GRPC: Guard.BACKEND, Cluster.AUTH_GRPC: Guard.AUTH}


def _routes_of(services: Services, cluster: Cluster) -> list[Route]:
    """The routes of a set of services, as their contracts have them.

    Verbs of one path that read the same query parameters are one route.
    """
    grouped: dict[tuple[str, tuple[str, ...] | str], list[Operation]] = {}
    for operation in operations(*(_DESCRIPTORS[name] for name in SERVICES[services])):
        grouped.setdefault((_path(operation), _query(operation, services)), []).append(operation)
    return [
        _route(services, cluster, path=path, query=query, found=found)
        for (path, query), found in grouped.items()
    ]


def _route(
    services: Services,
    cluster: Cluster,
    *,
    path: str,
    query: tuple[str, ...] | str,
    found: list[Operation],
) -> Route:
    first = found[0]
    open_to_all = first.proof is Proof.NOBODY
    verbs = tuple(dict.fromkeys(operation.verb for operation in found))
    is_wallet = services is Services.WALLET_ADDRESS
    return Route(
        name="-".join(_WORDS.findall(first.method)).lower(),
        path=path,
        methods=(*verbs, "HEAD") if open_to_all else verbs,
        cluster=cluster,
        surface=_SURFACES[cluster],
        services=services,
        guard=_GUARDS[cluster] if first.proof is not None and not open_to_all else None,
        query=query,
        without_authorization=services is Services.PUBLIC_INCOMING_PAYMENT,
        shared=is_wallet or not first.fixed_segments,
        to=", ".join(dict.fromkeys(operation.method for operation in found)),
    )


def _path(operation: Operation) -> str:
    if operation.service == SERVICES[Services.WALLET_ADDRESS][0]:
        # The wallet address's own segments come first; the node's own keys have none before.
        fixed = "/".join(map(re.escape, operation.fixed_segments))
        return f"/(.*/)?{fixed}" if fixed else "/.*"
    path = operation.expression(lambda _: _ID)
    return path if operation.proof is None else f"{path}/?"


def _query(operation: Operation, services: Services) -> tuple[str, ...] | str:
    return QUERY_DROPPED if services is Services.WALLET_ADDRESS else operation.query


_GRANTS: Final = _routes_of(Services.GRANT, Cluster.AUTH_GRPC)
_WALLET_ADDRESSES: Final = _routes_of(Services.WALLET_ADDRESS, Cluster.BACKEND_GRPC)

PUBLIC_ROUTES: Final = (
    Route(
        name="ilp",
        path="/ilp/?",
        methods=("POST",),
        cluster=Cluster.BACKEND_HTTP,
        surface=Surface.OPEN_PAYMENTS,
        to="the connector",
    ),
    # Peers that were told only a host and a port post there.
    Route(
        name="ilp-at-the-root",
        path="/",
        methods=("POST",),
        cluster=Cluster.BACKEND_HTTP,
        surface=Surface.OPEN_PAYMENTS,
        content_type="application/octet-stream",
        shared=True,
        to="the connector",
    ),
    # 404 unless the backend is told to make nodes peers that ask for it.
    Route(
        name="auto-peering",
        path="/auto-peering",
        methods=("POST",),
        cluster=Cluster.BACKEND_HTTP,
        surface=Surface.OPEN_PAYMENTS,
        to="auto-peering",
    ),
    Route(
        name="interact",
        path=f"/interact/{_ID}/{_ID}(/finish)?/?",
        methods=("GET",),
        cluster=Cluster.AUTH_HTTP,
        surface=Surface.GNAP,
        to="interaction pages",
    ),
    Route(
        name="discovery",
        path="/discovery",
        methods=("GET",),
        cluster=Cluster.AUTH_HTTP,
        surface=Surface.GNAP,
        to="discovery",
    ),
    *(route for route in _GRANTS if not route.shared),
    *_routes_of(Services.PUBLIC_INCOMING_PAYMENT, Cluster.BACKEND_GRPC),
    *_routes_of(Services.RESOURCES, Cluster.BACKEND_GRPC),
    *(route for route in _GRANTS if route.shared),
    # The keys of a wallet address lie below it, so they come first.
    *reversed(_WALLET_ADDRESSES),
)

# The REST forms that an identity provider and a resource server of another make use.
OPERATOR_ROUTES: Final = tuple(_routes_of(Services.IDENTITY, Cluster.AUTH_GRPC))


@dataclass(frozen=True, kw_only=True)
class WrongMethod:
    """A path of the table, and the methods it allows."""

    path: str
    allow: str
    surface: Surface


def ordered(routes: tuple[Route, ...]) -> list[Route | WrongMethod]:
    """The routes, with a 405 behind the last one of each path.

    A path shared with the wallet addresses gets its 405 at the very end, with their methods too.
    """
    shared = [route for route in routes if route.shared]
    owned = [route for route in routes if not route.shared]
    entries: list[Route | WrongMethod] = []
    for index, route in enumerate(owned):
        entries.append(route)
        if all(later.path != route.path for later in owned[index + 1 :]):
            same = [other for other in owned if other.path == route.path]
            entries.append(_wrong_method(route, [same]))
    entries += shared
    reads = [route for route in shared if route.services is Services.WALLET_ADDRESS]
    for route in shared:
        same = [other for other in shared if other.path == route.path]
        entries.append(_wrong_method(route, [same, reads]))
    return entries


def _wrong_method(route: Route, groups: list[list[Route]]) -> WrongMethod:
    allowed = {method for group in groups for other in group for method in other.methods}
    return WrongMethod(path=route.path, allow=", ".join(sorted(allowed)), surface=route.surface)
