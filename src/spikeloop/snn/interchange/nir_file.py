"""NIR files: read any into a network, write a network (Pedersen et al., Nat. Comm. 15, 8122).

NIR describes differential equations, and has no word for the time step, the kind of reset and the
solver. They are kept as metadata: `dt` of the graph in s, `reset` and `solver` of each neuron. For
files of others, which lack these, the caller gives them. Reading executes no code of the file.

A neuron fires where v >= threshold; NIR says >, which differs only where both are equal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import nir
import numpy as np
import torch
from torch import nn

from spikeloop.snn.graph import Edge, GraphError, GraphNetwork
from spikeloop.snn.interchange.nir_nodes import FROM_NIR, NIRError, Timing, node_of
from spikeloop.snn.layers.fixed_delay import Delay
from spikeloop.snn.layers.recurrent import Recurrent
from spikeloop.snn.neurons.neuron import RESETS, SOLVERS, Neuron
from spikeloop.snn.stateful import load_state, reset, state_of


def read_nir(
    path: str | Path,
    dt: float | None = None,
    resets: str | Mapping[str, str] | None = None,
    solver: str | None = None,
) -> GraphNetwork:
    """Read a NIR file.

    Args:
        path: the file.
        dt: time step, s; by default the one that the file keeps.
        resets: "hard", "soft" or "none", for all neurons or by node; by default those that the
            file keeps, else hard, as NIR has it.
        solver: "euler" or "exact"; by default the one that the file keeps, else euler, as the
            other readers take it.

    Returns:
        The network, in the file's own float types, with its input and output shapes (without
        batch) in `input_shape` and `output_shape`.

    Raises:
        NIRError: the file can't be read, or has a node that isn't supported; the message says
            which.

    """
    try:
        # Its type check refuses grouped convolutions; torch checks shapes when the network runs.
        graph = nir.read(path, type_check=False)
        return network_of(graph, dt, resets, solver)
    except NIRError as error:
        raise NIRError(f"{path}: {error}") from error
    except (OSError, KeyError, AssertionError, ValueError, TypeError) as error:
        raise NIRError(f"{path}: isn't a NIR file that can be read: {error}") from error


def network_of(
    graph: Any,
    dt: float | None = None,
    resets: str | Mapping[str, str] | None = None,
    solver: str | None = None,
) -> GraphNetwork:
    """The network of a NIR graph; see `read_nir`."""
    nodes, edges = _flat(graph)
    dt = dt if dt is not None else graph.metadata.get("dt")
    if dt is None:
        raise NIRError("doesn't tell its time step; give dt in s")
    source = _only(nodes, nir.Input, "input")
    sink = _only(nodes, nir.Output, "output")
    known = isinstance(resets, Mapping) and set(resets) - set(nodes)
    if known:
        raise NIRError(f"resets are given for {sorted(known)}, which aren't nodes")
    layers = {}
    for name, node in nodes.items():
        if name in (source, sink):
            continue
        timing = _timing(node, name, float(dt), resets, solver)
        layers[name] = _layer(name, node, timing)
    shapes = {name: _shape(node.output_type) for name, node in nodes.items()}
    known_shapes = {name: shape for name, shape in shapes.items() if shape is not None}
    try:
        network = GraphNetwork(layers, edges, source, sink, known_shapes)
    except GraphError as error:
        raise NIRError(str(error)) from error
    network.dt = float(dt)
    network.input_shape, network.output_shape = shapes[source], shapes[sink]
    return network


def _layer(name: str, node: Any, timing: Timing) -> nn.Module:
    if isinstance(node, (nir.Input, nir.Output)):
        return nn.Identity()
    maker = FROM_NIR.get(type(node))
    if maker is None:
        raise NIRError(f"node '{name}' is a {type(node).__name__}, which isn't supported")
    try:
        return maker(node, timing)
    except ValueError as error:
        raise NIRError(f"node '{name}': {error}") from error


def _timing(
    node: Any,
    name: str,
    dt: float,
    resets: str | Mapping[str, str] | None,
    solver: str | None,
) -> Timing:
    told = node.metadata if isinstance(node.metadata, dict) else {}
    chosen = resets.get(name) if isinstance(resets, Mapping) else resets
    timing = Timing(dt, chosen or told.get("reset", "hard"), solver or told.get("solver", "euler"))
    if timing.reset not in RESETS or timing.solver not in SOLVERS:
        raise NIRError(f"node '{name}': unknown reset or solver in {timing}")
    return timing


def _flat(graph: Any, prefix: str = "") -> tuple[dict[str, Any], list[Edge]]:
    """Nodes and edges, those of graphs within graphs among them, by names with dots."""
    nodes: dict[str, Any] = {}
    edges: list[Edge] = []
    entry: dict[str, str] = {}
    leave: dict[str, str] = {}
    for name, node in graph.nodes.items():
        entry[name] = leave[name] = prefix + name
        if isinstance(node, nir.NIRGraph):
            inner, between = _flat(node, f"{prefix}{name}.")
            entry[name] = _only(inner, nir.Input, f"input of '{name}'", prefix + name)
            leave[name] = _only(inner, nir.Output, f"output of '{name}'", prefix + name)
            nodes |= inner
            edges += between
        else:
            nodes[prefix + name] = node
    edges += [(leave[a], entry[b]) for a, b in graph.edges]
    return nodes, edges


def _only(nodes: Mapping[str, Any], kind: type, what: str, within: str = "") -> str:
    depth = within.count(".") + (1 if within else 0)
    found = [n for n, v in nodes.items() if isinstance(v, kind) and n.count(".") == depth]
    if not within:
        # Names may have dots of their own; the outermost has the fewest.
        every = [n for n, v in nodes.items() if isinstance(v, kind)]
        fewest = min((n.count(".") for n in every), default=0)
        found = [n for n in every if n.count(".") == fewest]
    if len(found) != 1:
        raise NIRError(f"must have one {what}, not {len(found)}: {sorted(found)}")
    return found[0]


def _shape(types: Any) -> tuple[int, ...] | None:
    value = next(iter(types.values()), None) if types else None
    return None if value is None else tuple(int(n) for n in np.atleast_1d(value))


def write_nir(
    network: nn.Module, path: str | Path, input_shape: Sequence[int] | None = None
) -> None:
    """Write a network as a NIR file.

    Args:
        network: a GraphNetwork, an nn.Sequential (nested ones are joined), or one layer.
        path: the file; it appears whole or not at all.
        input_shape: shape of the input without batch; a network that was read knows it.

    Raises:
        NIRError: a layer has no node in NIR, neurons have different time steps, or the shape
            isn't known.

    """
    graph = graph_of(network, input_shape)
    target = Path(path)
    partial = target.with_name(target.name + ".partial")
    nir.write(partial, graph)
    partial.replace(target)


def graph_of(network: nn.Module, input_shape: Sequence[int] | None = None) -> Any:
    """The NIR graph of a network; see `write_nir`."""
    shape = tuple(input_shape or getattr(network, "input_shape", None) or ())
    if not shape:
        raise NIRError("the shape of the input isn't known; give input_shape, without batch")
    layers, edges, source, sink = _parts(network)
    shapes, outcome = _shapes(network, layers, shape)
    nodes: dict[str, Any] = {source: nir.Input({"input": np.array(shape)})}
    for name, layer in layers.items():
        nodes[name] = _node(name, layer, shapes[name])
    nodes[sink] = nir.Output({"output": np.array(outcome)})
    steps = {module.dt for module in network.modules() if isinstance(module, (Neuron, Delay))}
    if len(steps) > 1:
        raise NIRError(f"its layers have different time steps: {sorted(steps)} s")
    metadata: dict[str, Any] = {"dt": steps.pop()} if steps else {}
    return nir.NIRGraph(nodes=nodes, edges=edges, metadata=metadata, type_check=False)


def _node(name: str, layer: nn.Module, shape: tuple[int, ...]) -> Any:
    try:
        node = node_of(layer, shape)
    except NIRError as error:
        raise NIRError(f"layer '{name}': {error}") from error
    if isinstance(layer, Neuron):
        node.metadata = {"reset": layer.reset_mode, "solver": layer.solver}
    return node


def _parts(network: nn.Module) -> tuple[dict[str, nn.Module], list[Edge], str, str]:
    if isinstance(network, GraphNetwork):
        layers = {name: network.layer(name) for name in network.nodes()}
        return layers, network.edges, network.source, network.sink
    found: dict[str, nn.Module] = {}
    edges: list[Edge] = []
    last = "input"
    for name, layer in _chain(network, ""):
        if isinstance(layer, nn.Identity):
            continue
        if isinstance(layer, Recurrent):
            loop = f"{name}.recurrence"
            found |= {name: layer.neuron, loop: layer.recurrence}
            edges += [(name, loop), (loop, name)]
        else:
            found[name] = layer
        edges.append((last, name))
        last = name
    edges.append((last, "output"))
    return found, edges, "input", "output"


def _chain(network: nn.Module, prefix: str) -> list[tuple[str, nn.Module]]:
    if not isinstance(network, nn.Sequential):
        return [(prefix.rstrip(".") or "0", network)]
    return [
        pair
        for name, layer in network.named_children()
        for pair in _chain(layer, f"{prefix}{name}.")
    ]


def _shapes(
    network: nn.Module, layers: Mapping[str, nn.Module], shape: tuple[int, ...]
) -> tuple[dict[str, tuple[int, ...]], tuple[int, ...]]:
    """Input shape of each layer and of the output, by one step of zeros; no state changes."""
    found: dict[str, tuple[int, ...]] = {}
    hooks = []
    for name, layer in layers.items():

        def note(module: nn.Module, given: Any, name: str = name) -> None:
            found[name] = tuple(given[0].shape[1:])

        hooks.append(layer.register_forward_pre_hook(note))
    # A neuron within a recurrent layer is stepped, not called: its shape is that of the layer.
    within = {m: m.neuron for m in network.modules() if isinstance(m, Recurrent)}
    names = {layer: name for name, layer in layers.items()}
    for outer, inner in within.items():

        def pass_on(module: nn.Module, given: Any, name: str = names[inner]) -> None:
            found[name] = tuple(given[0].shape[1:])

        hooks.append(outer.register_forward_pre_hook(pass_on))
    kept = state_of(network)
    reset(network)
    first = next((p for p in network.parameters()), torch.empty(0))
    try:
        with torch.no_grad():
            y = network(torch.zeros(1, *shape, dtype=first.dtype))
    finally:
        for hook in hooks:
            hook.remove()
        reset(network)
        load_state(network, kept)
    return found, tuple(y.shape[1:])


__all__ = ["NIRError", "graph_of", "network_of", "read_nir", "write_nir"]
