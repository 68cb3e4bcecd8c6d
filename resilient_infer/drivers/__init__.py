"""Drivers perform what the plan orders: they send, sleep and read the clock."""
