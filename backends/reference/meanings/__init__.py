"""What every op means: plain torch functions that know nothing of the IR; artifacts carry copies of these files."""
