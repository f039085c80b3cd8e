"""A network as a graph of named layers, which may have cycles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor, nn

from spikeloop.snn.stateful import State, Stateful

Edge = tuple[str, str]


class GraphError(ValueError):
    """A graph can't be run; the message names the node or edge."""


class _Held(Stateful):
    """The last output of a node whose edge closes a cycle."""

    state_names: tuple[str, ...] = ("last",)

    def __init__(self, shape: Sequence[int]) -> None:
        super().__init__()
        self.shape = tuple(shape)

    def initial_state(self, x: Tensor) -> State:
        return (x.new_zeros(len(x), *self.shape),)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        return state[0], (x,)


class GraphNetwork(nn.Module):
    """Layers joined by edges; a node's input is the sum of all edges into it.

    An edge that closes a cycle brings what its source gave a step before, 0 at first; where it
    leads from a synapse, the delay is moved to the neuron before it, so that the synapse's bias
    counts from the first step on.

    Input, output: (batch, ...), of the nodes `source` and `sink`.

    Args:
        layers: module of each node, without the input and the output.
        edges: (from, to), in any order.
        source: name of the input node.
        sink: name of the output node.
        shapes: output shape of nodes, without batch; for those only from which a cycle is closed.

    Attributes:
        dt: time step in s, input_shape, output_shape: without batch; where they are known.

    Raises:
        GraphError: an edge leads nowhere, the output can't be reached, or a shape is missing.

    """

    def __init__(
        self,
        layers: Mapping[str, nn.Module],
        edges: Sequence[Edge],
        source: str,
        sink: str,
        shapes: Mapping[str, Sequence[int]] | None = None,
    ) -> None:
        super().__init__()
        self.dt: float | None = None
        self.input_shape: tuple[int, ...] | None = None
        self.output_shape: tuple[int, ...] | None = None
        for edge in edges:
            for end in edge:
                if end not in layers and end not in (source, sink):
                    raise GraphError(f"the edge {edge[0]} -> {edge[1]} names no node '{end}'")
        self.source, self.sink, self.edges = source, sink, list(edges)
        self._key = {name: name.replace(".", "/") for name in layers}
        for name, layer in layers.items():
            self.add_module(self._key[name], layer)
        back = [self._moved_back(edge, layers) for edge in _back_edges(edges, source)]
        self.order, self._into = _schedule(edges, set(back), source)
        if sink not in self.order:
            raise GraphError(f"the output '{sink}' can't be reached from the input '{source}'")
        self._held: dict[Edge, _Held] = {}
        for edge in back:
            if edge[0] not in (shapes or {}):
                raise GraphError(f"a cycle starts at '{edge[0]}', whose output shape is unknown")
            held = self._held[edge] = _Held((shapes or {})[edge[0]])
            self.add_module(f"{self._key[edge[0]]}>{self._key[edge[1]]}", held)

    def layer(self, name: str) -> nn.Module:
        """The module of a node."""
        module: nn.Module = getattr(self, self._key[name])
        return module

    def nodes(self) -> list[str]:
        """Names of the nodes that have a module, as they were given."""
        return list(self._key)

    def is_chain(self) -> bool:
        """Whether the nodes follow one another without branches or cycles."""
        return (
            not self._held
            and all(len(into) <= 1 for into in self._into.values())
            and (len(self.edges) == len(self.order) - 1)
        )

    def forward(self, x: Tensor) -> Tensor:
        """One streaming step."""
        done = {self.source: x}
        for name in self.order:
            if name == self.source:
                continue
            given = [
                self._recall(edge, x) if edge in self._held else done[edge[0]]
                for edge in self._into[name]
            ]
            total = given[0]
            for other in given[1:]:
                total = total + other
            done[name] = total if name == self.sink else self._call(name, total)
        for edge, held in self._held.items():
            held.state = (done[edge[0]],)
        return done[self.sink]

    def _recall(self, edge: Edge, x: Tensor) -> Tensor:
        held = self._held[edge]
        return (held.initial_state(x) if held.state is None else held.state)[0]

    def _call(self, name: str, x: Tensor) -> Tensor:
        layer = self.layer(name)
        weight = getattr(layer, "weight", None)
        # Files mix float32 weights and float64 neurons.
        y: Tensor = layer(x if weight is None else x.to(weight.dtype))
        return y

    def _moved_back(self, edge: Edge, layers: Mapping[str, nn.Module]) -> Edge:
        while edge[0] in layers and not isinstance(layers[edge[0]], Stateful):
            into = [e for e in self.edges if e[1] == edge[0]]
            out = [e for e in self.edges if e[0] == edge[0]]
            if len(into) != 1 or len(out) != 1:
                break
            edge = into[0]
        return edge


def _back_edges(edges: Sequence[Edge], source: str) -> list[Edge]:
    """Edges that lead back to a node on the way to their own source, by depth-first search."""
    out: dict[str, list[str]] = {}
    for a, b in edges:
        out.setdefault(a, []).append(b)
    found, on_way, finished = [], {source}, set()
    stack = [(source, iter(out.get(source, [])))]
    while stack:
        node, left = stack[-1]
        for after in left:
            if after in on_way:
                found.append((node, after))
            elif after not in finished:
                on_way.add(after)
                stack.append((after, iter(out.get(after, []))))
                break
        else:
            stack.pop()
            on_way.discard(node)
            finished.add(node)
    return found


def _schedule(
    edges: Sequence[Edge], back: set[Edge], source: str
) -> tuple[list[str], dict[str, list[Edge]]]:
    """Nodes in an order in which all that isn't held is there in time, and the edges into each."""
    reached, ahead = {source}, [source]
    while ahead:
        node = ahead.pop()
        for a, b in edges:
            if a == node and b not in reached:
                reached.add(b)
                ahead.append(b)
    into: dict[str, list[Edge]] = {node: [] for node in reached}
    for edge in edges:
        if edge[0] in reached:
            into[edge[1]].append(edge)
    order: list[str] = []
    left = sorted(reached)
    while left:
        ready = [n for n in left if all(e in back or e[0] in order for e in into[n])]
        if not ready:
            raise GraphError(f"the nodes {left} wait for one another")
        order += ready
        left = [n for n in left if n not in ready]
    return order, into
