"""The public listener's route table: the only place that says which path goes where.

Rules:
- First match wins, so narrow paths stand before wide ones and the wallet addresses come last.
- A path is an RE2 expression over the whole path without its query.
- Ids are unreserved characters only: an escaped character in one would mean one thing to the guard
  and another to the transcoder.
- A query parameter that a route does not name is refused; a wallet address's query is dropped.
- A path that matches with another method answers 405 with all the methods of that path.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


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
_PAGE: Final = ("wallet-address", "cursor", "first", "last")


def _resource(name: str, path: str, to: str, *methods: str, query: tuple[str, ...] = ()) -> Route:
    return Route(
        name=name,
        path=f"/{_ID}/{path}/?",
        methods=methods,
        cluster=Cluster.BACKEND_GRPC,
        surface=Surface.OPEN_PAYMENTS,
        services=Services.RESOURCES,
        guard=Guard.BACKEND,
        query=query,
        to=to,
    )


def _gnap(name: str, path: str, to: str, *methods: str, shared: bool = False) -> Route:
    return Route(
        name=name,
        path=path,
        methods=methods,
        cluster=Cluster.AUTH_GRPC,
        surface=Surface.GNAP,
        services=Services.GRANT,
        guard=Guard.AUTH,
        shared=shared,
        to=to,
    )


def _wallet(name: str, path: str, to: str) -> Route:
    return Route(
        name=name,
        path=path,
        methods=("GET", "HEAD"),
        cluster=Cluster.BACKEND_GRPC,
        surface=Surface.OPEN_PAYMENTS,
        services=Services.WALLET_ADDRESS,
        query=QUERY_DROPPED,
        shared=True,
        to=to,
    )


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
    _gnap("continue", f"/continue/{_ID}/?", "ContinueGrant, CancelGrant", "POST", "DELETE"),
    _gnap("token", f"/token/{_ID}/?", "RotateToken, RevokeToken", "POST", "DELETE"),
    Route(
        name="incoming-payment-public",
        path=f"/{_ID}/incoming-payments/{_ID}/?",
        methods=("GET", "HEAD"),
        cluster=Cluster.BACKEND_GRPC,
        surface=Surface.OPEN_PAYMENTS,
        services=Services.PUBLIC_INCOMING_PAYMENT,
        without_authorization=True,
        to="GetPublicIncomingPayment",
    ),
    _resource("incoming-payment", f"incoming-payments/{_ID}", "GetIncomingPayment", "GET"),
    _resource(
        "incoming-payment-complete",
        f"incoming-payments/{_ID}/complete",
        "CompleteIncomingPayment",
        "POST",
    ),
    _resource(
        "incoming-payments-list", "incoming-payments", "ListIncomingPayments", "GET", query=_PAGE
    ),
    _resource("incoming-payments", "incoming-payments", "CreateIncomingPayment", "POST"),
    _resource("quotes", "quotes", "CreateQuote", "POST"),
    _resource("quote", f"quotes/{_ID}", "GetQuote", "GET"),
    _resource(
        "outgoing-payments-list", "outgoing-payments", "ListOutgoingPayments", "GET", query=_PAGE
    ),
    _resource("outgoing-payments", "outgoing-payments", "CreateOutgoingPayment", "POST"),
    _resource("outgoing-payment", f"outgoing-payments/{_ID}", "GetOutgoingPayment", "GET"),
    _resource("outgoing-payment-grant", "outgoing-payment-grant", "GetGrantSpentAmounts", "GET"),
    _gnap("grant", f"/{_ID}/?", "RequestGrant", "POST", shared=True),
    _wallet("wallet-address-keys", r"/(.*/)?jwks\.json", "GetWalletAddressKeys"),
    _wallet("wallet-address", "/.*", "GetWalletAddress"),
)

# The REST forms that an identity provider and a resource server of another make use.
OPERATOR_ROUTES: Final = (
    Route(
        name="introspect",
        path="/introspect",
        methods=("POST",),
        cluster=Cluster.AUTH_GRPC,
        surface=Surface.GNAP,
        services=Services.IDENTITY,
        to="Introspect",
    ),
    Route(
        name="interaction",
        path=f"/grant/{_ID}/{_ID}",
        methods=("GET",),
        cluster=Cluster.AUTH_GRPC,
        surface=Surface.GNAP,
        services=Services.IDENTITY,
        to="GetInteraction",
    ),
    Route(
        name="interaction-decision",
        path=f"/grant/{_ID}/{_ID}/(accept|reject)",
        methods=("POST",),
        cluster=Cluster.AUTH_GRPC,
        surface=Surface.GNAP,
        services=Services.IDENTITY,
        to="AcceptInteraction, RejectInteraction",
    ),
)


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
