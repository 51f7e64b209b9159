"""The network cards that QEMU emulates, and which of them an image has a driver for."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Card:
    """A model of QEMU's, the modules that serve it, the driver last, and whether it can boot by itself."""

    model: str
    modules: tuple[str, ...]
    has_rom: bool = True

    @property
    def driver(self) -> str:
        """The module that makes the interface."""
        return self.modules[-1]


CARDS: Final = (
    Card("e1000", ("e1000",)),
    Card("e1000e", ("e1000e",)),
    Card("igb", ("igb",), has_rom=False),
    Card("virtio-net-pci", ("virtio_pci", "virtio_net")),
    Card("vmxnet3", ("vmxnet3",)),
    # The other driver for these chips, 8139too, leaves the one that QEMU emulates to this one.
    Card("rtl8139", ("8139cp",)),
    Card("pcnet", ("pcnet32",)),
    Card("ne2k_pci", ("ne2k_pci",)),
    Card("tulip", ("tulip",), has_rom=False),
    # It does not work without firmware, which is not free.
    Card("i82551", ("e100",)),
)
"""The first that can be had is taken."""


def choose_card(
    models: Collection[str], modules: Collection[str], own: Iterable[str] = (), *, by_rom: bool = False
) -> Card | None:
    """Choose a card that QEMU has and the image's ``modules``, or built-in ones, serve; ``None`` without.

    One that a driver of the machine's ``own`` cards serves is better than any other. ``by_rom`` asks for one
    that can start the machine.
    """
    able = [
        card
        for card in CARDS
        if card.model in models and set(card.modules) <= set(modules) and (card.has_rom or not by_rom)
    ]
    drivers = set(own)
    return next((card for card in able if card.driver in drivers), able[0] if able else None)
