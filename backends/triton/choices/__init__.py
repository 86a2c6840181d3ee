"""Which kernel runs an op, with which configurations, and why not another."""
