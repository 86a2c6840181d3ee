"""What cannot leave."""

from dsv3c.ir.errors import Dsv3cError


class ExitError(Dsv3cError):
    """A program, or a part of one, that torch-mlir is not given or does not take."""
