"""For those who operate a bot."""
