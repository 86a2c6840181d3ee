"""Times on a device: steps and kernels of an artifact, and candidates of a kernel."""
