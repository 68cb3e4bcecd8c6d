"""Telemetry: what listens to calls. Nothing here changes what a call does."""
