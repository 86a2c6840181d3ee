"""What programs are: types, dialects, symbols, targets, cost rules, verifier, text."""
