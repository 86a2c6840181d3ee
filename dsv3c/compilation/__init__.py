"""What a compile does and is told: the operating point, the plan, pipelines, the driver, lowering to kernels."""
