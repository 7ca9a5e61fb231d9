"""Who takes part in the local network: two banks, their customers and what they open with."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, kw_only=True)
class Customer:
    """A customer of a bank with one account and one wallet address."""

    path: str
    name: str
    balance: int
    """Opening balance in units of the bank's asset."""


@dataclass(frozen=True, kw_only=True)
class Bank:
    """An account servicing entity with a node of its own."""

    slug: str
    name: str
    asset_code: str
    asset_scale: int
    customers: tuple[Customer, ...]

    @property
    def ilp_address(self) -> str:
        """The node's ILP address."""
        return f"test.{self.slug}"

    @property
    def database(self) -> str:
        """What the names of its databases begin with."""
        return self.slug.replace("-", "_")


SCALE: Final = 2
# Banks settle with each other in one asset, whatever their customers hold.
SETTLEMENT_ASSET: Final = ("USD", SCALE)
# Units of an asset that each node and each peering opens with: enough to play for long.
LIQUIDITY: Final = 100_000_000
# Small enough that a payment takes several packets.
MAX_PACKET_AMOUNT: Final = 1_000

# Rates of each base as decimal texts: exact, and JSON numbers as they stand.
RATES: Final = {
    "USD": {"USD": "1", "EUR": "0.92"},
    "EUR": {"EUR": "1", "USD": "1.08"},
}

CLOUD_NINE: Final = Bank(
    slug="cloud-nine-wallet",
    name="Cloud Nine Wallet",
    asset_code="USD",
    asset_scale=SCALE,
    customers=(
        Customer(path="alice", name="Alice Adams", balance=100_000),
        Customer(path="bert", name="Bert Brown", balance=50_000),
    ),
)
HAPPY_LIFE: Final = Bank(
    slug="happy-life-bank",
    name="Happy Life Bank",
    asset_code="EUR",
    asset_scale=SCALE,
    customers=(
        Customer(path="carla", name="Carla Costa", balance=80_000),
        # The app that the demonstration pays with is a client with a wallet address of its own.
        Customer(path="paper-shop", name="Paper Shop", balance=0),
    ),
)
BANKS: Final = (CLOUD_NINE, HAPPY_LIFE)


def money(units: int, code: str, scale: int) -> str:
    """An amount for people, such as "12.05 USD"."""
    sign = "-" if units < 0 else ""
    whole, part = divmod(abs(units), 10**scale)
    fraction = f".{part:0{scale}d}" if scale else ""
    return f"{sign}{whole:,}{fraction} {code}"
