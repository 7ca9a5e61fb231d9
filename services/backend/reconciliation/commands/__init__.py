"""What is written of a comparison."""
