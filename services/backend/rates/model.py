"""Exchange rates as an operator's rates service gives them."""

from collections.abc import Mapping
from dataclasses import dataclass

from ilpkit.money import Asset, Ratio


@dataclass(frozen=True, slots=True)
class RateSheet:
    """Prices of one base currency: counter units per base unit, both in major units."""

    base: str
    prices: Mapping[str, Ratio]
    fetched_at_ms: int

    def rate(self, source: Asset, destination: Asset) -> Ratio | None:
        """Destination units per source unit, scales included; None when the pair is unknown."""
        price = (
            Ratio(1, 1) if destination.code == source.code else self.prices.get(destination.code)
        )
        return None if price is None else price.for_assets(source, destination)
