"""What operators do with packets whose outcome is unknown."""
