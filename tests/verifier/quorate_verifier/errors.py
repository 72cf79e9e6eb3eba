"""Why something is refused, and where."""

from __future__ import annotations


class Refusal(Exception):
    """A value that the page refuses: a stable code (section 23), where it is, and why in words."""

    def __init__(self, code: str, where: str, reason: str) -> None:
        super().__init__(f"{code}: {where}: {reason}" if where else f"{code}: {reason}")
        self.code = code
        self.where = where
        self.reason = reason


class Malformed(Exception):
    """Bytes or text that are not the one encoding of a value. The codec adds `where` on the way out."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.where: list[str] = []

    def within(self, name: str) -> Malformed:
        """The same, inside the part `name` of something larger."""
        self.where.insert(0, name)
        return self

    def refusal(self, whole: str, code: str = "not_canonical") -> Refusal:
        """The refusal of `whole` for this reason."""
        return Refusal(code, ".".join([whole, *self.where]), self.reason)


class UsageError(Exception):
    """What the caller gave cannot be used: a malformed genesis document or argument."""
