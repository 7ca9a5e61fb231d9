"""What is written when liquidity runs low."""
