"""Lowered programs as Python text: launches, streams and captured steps, and what the host runs."""
