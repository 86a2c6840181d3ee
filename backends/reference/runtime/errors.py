"""What generation refuses, told without the compiler: artifacts carry no other errors of ours than these."""


class RequestError(ValueError):
    """A request that generation cannot meet: ``what`` is wrong, ``hint`` the next step."""

    def __init__(self, what: str, hint: str = "") -> None:
        super().__init__(f"{what}\n  {hint}" if hint else what)
        self.what, self.hint = what, hint


class CacheFull(RequestError):
    """The pool has no page left for the tokens of a step."""
