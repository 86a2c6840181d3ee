"""Measurements of dsv3c beside other programs; each file or folder says how it is run."""
