"""What passes may do to results: programs run before and after, on one rank and on several."""
