"""Makes the maps of this folder: `python -m laco.scenarios.maps.make [NAME ...]` rewrites all, or those named.

A map is a pair: `NAME.net.xml` for SUMO and `NAME.xodr` for everyone else, in the same coordinates. The same version
of SUMO's tools makes the same bytes. How a signal of the OpenDRIVE file finds its links in the network: `signals.py`.
"""

import sys
from pathlib import Path

from laco.errors import LacoError, ScenarioError
from laco.scenarios.maps.convert import convert
from laco.scenarios.maps.crossing import crossing, crossing_net
from laco.scenarios.maps.document import Document
from laco.scenarios.maps.hill import hill
from laco.scenarios.maps.network import read_network
from laco.scenarios.maps.recipes import RECIPES, Recipe
from laco.scenarios.maps.scenery import add_scenery
from laco.scenarios.maps.signals import add_crosswalks, add_signals

BY_HAND = ("crossing", "hill")
NAMES = (*BY_HAND, *RECIPES)


def make(name: str) -> dict[str, str]:
    """The files of a map by their names. Raises `ScenarioError` when SUMO's tools are missing."""
    if name == "hill":
        return {"hill.xodr": hill()}
    if name == "crossing":
        return {"crossing.xodr": crossing(), "crossing.net.xml": crossing_net()}
    if name not in RECIPES:
        raise ScenarioError(f"no map is called {name!r}; there is {', '.join(NAMES)}")
    net = RECIPES[name].net()
    return {f"{name}.net.xml": net, f"{name}.xodr": opendrive(name, net, RECIPES[name])}


def opendrive(name: str, net: str, recipe: Recipe) -> str:
    """The OpenDRIVE text of a network, with lights, signs, crosswalks and what stands beside its roads."""
    network = read_network(net)
    outlines = [point for edge in network.edges.values() for lane in edge.lanes for point in lane.shape]
    x, y = [float(point[0]) for point in outlines], [float(point[1]) for point in outlines]
    document = Document(name, f"scenery seed {recipe.scenery.seed}", (min(x), min(y), max(x), max(y)))
    layout = convert(network, document)
    add_signals(document, layout, recipe.lit)
    add_crosswalks(document, network.crossings)
    if recipe.finish is not None:
        recipe.finish(document, layout)
    add_scenery(document, network, recipe.scenery)
    return document.text()


def main(names: list[str]) -> int:
    """Write the maps beside this script; 2 when one cannot be made."""
    try:
        for name in names or NAMES:
            for file, text in make(name).items():
                Path(__file__).with_name(file).write_bytes(text.encode())
    except LacoError as error:
        sys.stderr.write(f"laco: {error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
