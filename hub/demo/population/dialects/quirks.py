"""A record's own dice: small choices of how a row is written, always the same for the same record."""


class Dice:
    """Reads random bits of a record one choice after another."""

    __slots__ = ("_bits",)

    def __init__(self, bits: int) -> None:
        self._bits = bits

    def below(self, sides: int) -> int:
        """A number from 0 to `sides` - 1."""
        self._bits, rest = divmod(self._bits, sides)
        return rest

    def one_in(self, sides: int) -> bool:
        return self.below(sides) == 0
