"""Sources on a pod's own node: nothing that a policy says stops them, so that an intent that names no node forgives them."""

from __future__ import annotations

from thwart.lib.bitsets import members
from thwart.network.engine import Model
from thwart.network.explain import Party, judge

_MOST = 50_000  # flows that are looked at one by one; beyond, what is unknown stays so


class Nearness:
    """Which sources are forgiven."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._foreign = next(iter(model.planes.values())).foreign
        self._left = _MOST
        self._known: dict[tuple[int, int, int], bool] = {}

    def forgiven(self, destination: int, doubtful: int, evil: int, mask: int) -> int:
        """Of the sources that may reach a destination, and those that do, the ones on its own node.

        A host of which it is not known whether it is the node is forgiven where nothing else makes the answer unknown.
        """
        sure, perhaps = self._foreign.near(destination)
        if self._model.classes[destination].is_one_host:
            sure |= 1 << destination
        found = sure & (doubtful | evil)
        for host in members(perhaps & doubtful & ~evil):
            if self._only_the_node(host, destination, mask):
                found |= 1 << host
        return found

    def _only_the_node(self, host: int, destination: int, mask: int) -> bool:
        key = (host, destination, mask)
        if key not in self._known:
            if self._left <= 0:
                return False
            self._known[key] = self._ask(host, destination, mask)
        return self._known[key]

    def _ask(self, host: int, destination: int, mask: int) -> bool:
        for port in members(mask):
            self._left -= 1
            answer = judge(self._model, Party(host), Party(destination), 1 << port)
            if answer.allowed is None and any(reason.policy for reason in answer.because):
                return False
        return True
