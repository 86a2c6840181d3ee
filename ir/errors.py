"""Errors a user can cause: each says what is wrong, where, and what to do about it."""

from xdsl.dialects.builtin import LocationAttr
from xdsl.ir import Operation

from dsv3c.ir.locations import NOWHERE, describe


class Dsv3cError(Exception):
    """Base of every error that is reported without a traceback.

    ``what`` names the fact that is wrong, ``where`` the user's ``file:line`` (empty when there is none) and ``hint``
    the next step.  ``exit_code`` is 1 when a compile failed and 2 when the request itself was wrong.
    """

    exit_code = 1

    def __init__(self, what: str, *, where: str = "", hint: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.where = "" if where == NOWHERE else where
        self.hint = hint

    def __str__(self) -> str:
        parts = [f"{self.where}: {self.what}" if self.where else self.what]
        return "\n".join([*parts, f"  {self.hint}"] if self.hint else parts)


class UsageError(Dsv3cError):
    """The request cannot be understood: unknown name, missing file, conflicting options."""

    exit_code = 2


class IRError(Dsv3cError):
    """A program is not valid: malformed text, a failed verifier, a fact that does not hold."""


class ImportFailure(Dsv3cError):
    """A captured program uses something that has no counterpart in the IR."""


class PassError(Dsv3cError):
    """A pass was asked for where it cannot do its work."""


def at(op: Operation) -> str:
    """Where ``op`` came from, as a user reads it."""
    return describe(op.location)


def at_location(location: LocationAttr) -> str:
    """``describe`` under the name that reads well as a ``where`` argument."""
    return describe(location)
