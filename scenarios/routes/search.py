"""The cheapest way through a row of points, each of which may lie on one of several lanes: Dijkstra, layer by layer."""

import heapq
from collections.abc import Mapping, Sequence

from laco.scenarios.routes.lanes import Edge, LaneGraph

SLACK = 80.0  # [m] of cost that a dearer lane of a point may still be worth
BACK = 3  # steps that a point may lie behind the one before it: drawn by hand, or both at a junction's edge
Candidates = Mapping[int, float]
"""Nodes, and what it costs to take a point to be there [m]."""
Step = tuple[int, Edge]
"""A node and the edge that is taken from it."""


def through(graph: LaneGraph, points: Sequence[Candidates]) -> tuple[list[Step], int] | int:
    """The edges of the cheapest way and the node it starts at, or the number of the point that cannot be reached from
    the one before it."""
    costs: dict[int, float] = dict(points[0])
    layers: list[dict[int, tuple[int, list[Step]]]] = []
    for number, goals in enumerate(points[1:], start=1):
        found = _hop(graph, costs, goals)
        if not found:
            return number
        layers.append({node: (source, steps) for node, (_, source, steps) in found.items()})
        costs = {node: cost for node, (cost, _, _) in found.items()}
    node = min(costs, key=costs.__getitem__)
    way: list[Step] = []
    for layer in reversed(layers):
        node, steps = layer[node]
        way = steps + way
    return way, node


def _hop(
    graph: LaneGraph, sources: Candidates, goals: Candidates
) -> dict[int, tuple[float, int, list[Step]]]:
    """For each node where the next point may be: cost, the node of this point it is reached from, and how."""
    best = dict(sources)
    came: dict[int, Step] = {}
    queue = [(cost, node) for node, cost in sources.items()]
    heapq.heapify(queue)
    found: dict[int, float] = {}
    done: set[int] = set()
    while queue and queue[0][0] <= min(found.values(), default=float("inf")) + SLACK:
        cost, node = heapq.heappop(queue)
        if node in done:
            continue
        done.add(node)
        if node in goals:
            found[node] = cost + goals[node]
        for edge in graph.edges(node):
            total = cost + edge.cost
            if total < best.get(edge.to, float("inf")):
                best[edge.to] = total
                came[edge.to] = (node, edge)
                heapq.heappush(queue, (total, edge.to))
    reached = {node: (cost, *_back(came, node)) for node, cost in found.items()}
    return reached | _standing(graph, sources, goals, found)


def _back(came: Mapping[int, Step], node: int) -> tuple[int, list[Step]]:
    steps: list[Step] = []
    while node in came:
        steps.append(came[node])
        node = came[node][0]
    return node, steps[::-1]


def _standing(
    graph: LaneGraph, sources: Candidates, goals: Candidates, found: Mapping[int, float]
) -> dict[int, tuple[float, int, list[Step]]]:
    """Where the next point lies just behind this one on its lane, the way stays where it is."""
    staying: dict[int, tuple[float, int, list[Step]]] = {}
    for goal, extra in goals.items():
        for steps, node in enumerate(graph.ahead(goal, BACK)):
            cost = sources.get(node, float("inf")) + extra + 2.0 * steps
            if node != goal and cost < found.get(node, float("inf")):
                staying[node] = (cost, node, [])
    return staying
