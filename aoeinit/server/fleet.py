"""A fleet in one file: clients, the disks of their own and those they share. The format is TOML 1.0."""

import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Final, TypeVar

from aoeinit.aoe.ethernet import parse_mac
from aoeinit.aoe.target import Target
from aoeinit.errors import ConfigError
from aoeinit.server import lan as network
from aoeinit.server.exports import BUFFERS, Export, Writes, whole_disk
from aoeinit.server.ipxe import Loading
from aoeinit.server.lan import Client, Lan
from aoeinit.server.toml_lines import Key, key_lines

T = TypeVar("T")

TOP: Final = {
    "interface": str,
    "server": str,
    "range": str,
    "router": str,
    "chainload": bool,
    "script": str,
    "kernel": str,
    "image": str,
    "parameters": str,
    "writes": str,
    "buffers": int,
    "golden": dict,
    "client": list,
}
GOLDEN: Final = {"target": str, "device": str, "buffers": int}
CLIENT: Final = {
    "name": str,
    "mac": (str, list),
    "address": str,
    "golden": str,
    "target": str,
    "device": str,
    "writes": str,
    "buffers": int,
}
EXAMPLES: Final = {
    "interface": 'interface = "eth1"',
    "server": 'server = "10.11.0.1/24"',
    "range": 'range = "10.11.0.100-10.11.0.199"',
    "kernel": 'kernel = "http://10.11.0.1/vmlinuz"',
    "image": 'image = "http://10.11.0.1/initrd.img"',
    "name": 'name = "hyperion"',
    "mac": 'mac = "52:54:00:11:00:01"',
    "target": 'target = "e11.0"',
    "device": 'device = "/dev/vg/hyperion"',
}
_TYPES: Final = {str: "a string", bool: "true or false", int: "a whole number", dict: "a table"}


@dataclass(frozen=True, slots=True)
class Fleet:
    """The clients of a network, what is exported to them, and what iPXE loads if not from the target."""

    lan: Lan
    clients: tuple[Client, ...]
    exports: tuple[Export, ...]
    loading: Loading | None


def read_fleet(text: str, shown: str) -> Fleet:
    """Read a fleet; ``shown`` is the name of the file in messages.

    Raises :class:`ConfigError`, with the line, for what cannot be meant and for what two of them cannot both
    have: a name, a MAC, an address, a target, a disk that one of them writes to.
    """
    try:
        values = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # also a number of five thousand digits, lists in lists
        raise ConfigError(f"{shown}: not TOML: {error}", "see docs/server.md for an example") from error
    return _Reader(values, text, shown).fleet()


def _lines(text: str) -> Mapping[Key, int]:
    """Tell where the keys stand; nothing of a text with tables in tables beyond measure."""
    try:
        return key_lines(text)
    except RecursionError:
        return {}


@dataclass(slots=True)
class _Reader:
    """One reading: the values, the text they are of, and where each name, MAC, … was seen first.

    ``lines`` are looked for when the first message needs them: for a long list that takes its time.
    """

    values: Mapping[str, Any]
    text: str
    shown: str
    taken: dict[tuple[str, object], tuple[Key, str]] = field(default_factory=dict)
    lines: Mapping[Key, int] | None = None

    def fleet(self) -> Fleet:
        self.check_keys((), self.values, TOP)
        lan = self.lan()
        golden = {name: self.golden(name, lan) for name in self.values.get("golden", {})}
        clients, exports = [], []
        admitted: dict[str, list[str]] = {name: [] for name in golden}
        for number, values in enumerate(self.values.get("client", ())):
            key: Key = ("client", number)
            self.check_keys(key, values, CLIENT)
            client, shared = self.client(key, values, lan, golden)
            clients.append(client)
            if shared:
                admitted[shared] += client.macs
            else:
                exports.append(self.own_disk(key, values, client, lan))
        if not clients:
            raise self.error(("client",), "no client is named", "add one: [[client]]")
        for name, macs in admitted.items():
            if not macs:
                raise self.error(("golden", name), f"no client has golden = {name!r}", "name it, or drop it")
            exports.append(_with_macs(golden[name], macs))
        return Fleet(lan, tuple(clients), tuple(exports), self.loading())

    def lan(self) -> Lan:
        texts = [self.required((), self.values, name) for name in ("interface", "server", "range")]
        router, script = (self.values.get(name, "") for name in ("router", "script"))
        chainload = self.values.get("chainload", False)
        return self.at(
            ("server",), lambda: network.checked(*texts, router=router, chainload=chainload, script=script)
        )

    def loading(self) -> Loading | None:
        words = [self.values.get(name, "") for name in ("kernel", "image", "parameters")]
        if not any(words):
            return None
        self.required((), self.values, "kernel")
        self.required((), self.values, "image")
        return self.at(("kernel",), lambda: Loading.checked(*words))

    def golden(self, name: str, lan: Lan) -> Export:
        key, values = ("golden", name), self.values["golden"][name]
        self.check_keys(key, values, GOLDEN)
        return self.export(key, values, lan, read_only=True)

    def client(
        self, key: Key, values: Mapping[str, Any], lan: Lan, golden: Mapping[str, Export]
    ) -> tuple[Client, str]:
        """Read a client, and the name of the golden disk if it has none of its own."""
        name = self.at((*key, "name"), lambda: network.parse_name(self.required(key, values, "name")))
        given = self.required(key, values, "mac")
        texts = given if isinstance(given, list) else [given]
        macs = tuple(self.at((*key, "mac"), partial(parse_mac, text)) for text in texts)
        address = None
        if "address" in values:
            address = self.at((*key, "address"), lambda: network.parse_address(values["address"]))
        shared = values.get("golden", "")
        if shared:
            self.check_golden(key, values, golden)
            target = golden[shared].target
        else:
            target = self.target(key, values)
        client = Client(name, macs, target, address)
        self.at((*key, "address"), lambda: network.check_address(client, lan))
        for host, mac, _ in client.cards():
            self.take("name", host, (*key, "name"), name)
            self.take("MAC", mac, (*key, "mac"), name)
        if address:
            self.take("address", address, (*key, "address"), name)
        return client, shared

    def check_golden(self, key: Key, values: Mapping[str, Any], golden: Mapping[str, Export]) -> None:
        shared = values["golden"]
        if shared not in golden:
            known = ", ".join(golden) or "none"
            raise self.error((*key, "golden"), f"no [golden.{shared}]", f"there are: {known}")
        for name in ("target", "device", "writes", "buffers"):
            if name in values:
                raise self.error((*key, name), f"{name} beside golden", "leave one of the two out")

    def own_disk(self, key: Key, values: Mapping[str, Any], client: Client, lan: Lan) -> Export:
        return _with_macs(self.export(key, values, lan, read_only=False), client.macs)

    def export(self, key: Key, values: Mapping[str, Any], lan: Lan, *, read_only: bool) -> Export:
        """Read an export and see that nobody else has its target or, unless both only read, its disk."""
        device = self.required(key, values, "device")
        writes = self.inherited(values, "writes", Writes.SYNC.value)
        if writes not in set(Writes):
            where = (*key, "writes") if "writes" in values else ("writes",)
            raise self.error(where, f"writes = {writes!r}", f"it is one of {', '.join(Writes)}")
        buffers = self.inherited(values, "buffers", BUFFERS)
        target = self.target(key, values)
        made = Export(target, device, lan.interface, (), read_only, Writes(writes), buffers)
        export = self.at((*key, "device"), made.checked)
        who = str(values.get("name", key[-1]))
        self.take("target", target, (*key, "target"), who)
        self.take_disk(device, (*key, "device"), who, read_only=read_only)
        return export

    def target(self, key: Key, values: Mapping[str, Any]) -> Target:
        return self.at((*key, "target"), lambda: Target.parse(self.required(key, values, "target")))

    def take(self, kind: str, value: object, key: Key, who: str) -> None:
        """Note that somebody has a value which nobody else may have."""
        if other := self.taken.get((kind, value)):
            where, first = other
            raise self.error(
                key,
                f"{who} has the {kind} {value}, as {first} on line {self.line(where)}",
                "change one of them",
            )
        self.taken[kind, value] = (key, who)

    def take_disk(self, device: str, key: Key, who: str, *, read_only: bool) -> None:
        """Note a disk, and what it is a partition of; any number may read one that nobody writes to."""
        whole = whole_disk(device)
        clashes = [("disk", device), ("part of", device), *([("disk", whole)] if whole else [])]
        for kind, name in clashes:
            other = self.taken.get((kind, name))
            if other and not (read_only and other[0][0] == "golden"):
                where, first = other
                raise self.error(
                    key,
                    f"{who} has the disk {device}, and so has {first} on line {self.line(where)}",
                    "change one",
                )
        self.taken.setdefault(("disk", device), (key, who))
        if whole:
            self.taken.setdefault(("part of", whole), (key, who))

    def check_keys(self, key: Key, values: object, known: Mapping[str, Any]) -> None:
        """See that a table has keys that are known, each of its type."""
        if not isinstance(values, dict):
            raise self.error(
                key, f"{key[-1] if key else 'it'} is no table", "see docs/server.md for an example"
            )
        for name, value in values.items():
            where = (*key, name)
            if name not in known:
                raise self.error(where, f"unknown key {name!r}", f"known are {', '.join(known)}")
            kinds = known[name] if isinstance(known[name], tuple) else (known[name],)
            if type(value) not in kinds or (isinstance(value, list) and not _is_list_for(name, value)):
                raise self.error(where, f"{name} is not {_TYPES.get(kinds[0], 'a list of tables')}", None)

    def required(self, key: Key, values: Mapping[str, Any], name: str) -> Any:  # noqa: ANN401 - checked before
        if name not in values:
            what = f"[{'.'.join(str(each) for each in key)}]" if key else "the file"
            raise self.error(key, f"{what} has no {name}", f"add it: {EXAMPLES[name]}")
        return values[name]

    def inherited(self, values: Mapping[str, Any], name: str, default: T) -> T:
        """Give a value of a disk, or else of the whole file."""
        found: T = values.get(name, self.values.get(name, default))
        return found

    def at(self, key: Key, read: Callable[[], T]) -> T:
        """Read a value; what is wrong with it gets the line."""
        try:
            return read()
        except ConfigError as error:
            if error.message.startswith(f"{self.shown}:"):
                raise
            raise self.error(key, error.message, error.hint) from error

    def line(self, key: Key) -> int:
        """Give the line of a key, or of the table that it would be in."""
        if self.lines is None:
            self.lines = _lines(self.text)
        while key and key not in self.lines:
            key = key[:-1]
        return self.lines.get(key, 1)

    def error(self, key: Key, message: str, hint: str | None) -> ConfigError:
        return ConfigError(f"{self.shown}:{self.line(key)}: {message}", hint)


def _with_macs(export: Export, macs: Iterable[str]) -> Export:
    return replace(export, macs=tuple(macs))


def _is_list_for(name: str, value: Sequence[object]) -> bool:
    """Whether a list has something in it, and only what this key has: MACs, else tables."""
    return bool(value) and all(isinstance(each, str if name == "mac" else dict) for each in value)
