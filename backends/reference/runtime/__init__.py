"""What a program needs around its meanings: stored tensors, parameters, generation.  Artifacts carry copies."""
