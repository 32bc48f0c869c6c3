"""Options that several subcommands share: what a run is made of."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from laco.agents.channels import CHANNEL_NAMES, TRANSFERS
from laco.comm.codecs import available

if TYPE_CHECKING:
    from collections.abc import Sequence

    from laco.comm.security import Keyring

# How a cache becomes bytes.
CodecName = StrEnum("CodecName", {name: name for name in (*available(), *TRANSFERS)})  # type: ignore[misc]


class ChannelName(StrEnum):
    """What the vehicles share; `all` runs every channel that the driver can carry on the same seed, side by side."""

    ALL = "all"
    SILENT = "silent"
    OBSERVATION = "observation"
    LANGUAGE = "language"
    CONCLUSION = "conclusion"
    VISUAL = "visual"
    LATENT = "latent"


class DriverName(StrEnum):
    """Who drives: the built-in small network, a language model, a vision-language model, or rules as bounds: the expert
    (on `observation` it sees what all vehicles see) and a driver like CARLA's own."""

    VECTOR = "vector"
    LLM = "llm"
    VLM = "vlm"
    EXPERT = "expert"
    AUTO = "auto"


DRIVES = (
    "Who drives: a small network (vector), a language model (llm), a vision-language model (vlm), or rules as bounds "
    "(expert, and auto like CARLA's own)."
)
SHARE = f"What the vehicles share: {', '.join(CHANNEL_NAMES)}"
Channel = Annotated[
    ChannelName,
    typer.Option(metavar="CHANNEL", help=f"{SHARE}; or all that the driver can carry, one after the other."),
]
Driver = Annotated[DriverName, typer.Option(metavar="DRIVER", help=DRIVES)]
Caution = Annotated[
    float | None,
    typer.Option(
        min=0.0,
        max=1.0,
        help="How fast whoever hides is assumed to come: from 0, nobody hides, to 1, at full speed.",
        show_default="the driver's",
    ),
]
Codec = Annotated[
    CodecName | None,
    typer.Option(
        metavar="CODEC",
        help=f"How a cache, or the recipe for it, becomes bytes: {', '.join(CodecName)}.",
        show_default="the driver's",
    ),
]
Budget = Annotated[
    int | None,
    typer.Option(metavar="BYTES", help="Most air bytes of a message, for --codec auto.", show_default="any"),
]
Deadline = Annotated[
    float | None,
    typer.Option(
        metavar="MS",
        help="Within which a message is to be heard at the radio's rate, for --codec auto.",
        show_default="100, or any with --budget",
    ),
]
Calibration = Annotated[Path | None, typer.Option(help="A laco.yaml to use instead of the driver's own.")]
Model = Annotated[
    str | None,
    typer.Option(metavar="NAME|PATH", help="Model of the llm or vlm driver.", show_default="llm: smollm2"),
]
Adapters = Annotated[
    list[Path] | None,
    typer.Option(metavar="FILE|FOLDER", help="Adapters by which other models' caches are read; may be given again."),
]
Agents = Annotated[
    list[str] | None,
    typer.Option(
        metavar="[KEY@]HOST:PORT",
        help="A host that `laco agent` serves, and the name of its key if it is not obvious; may be given again.",
    ),
]
Curve = Annotated[
    bool | None,
    typer.Option(
        "--curve/--insecure",
        help="Encrypt what vehicles say and let trusted keys speak only (laco keys), or neither.",
        show_default="--curve if one of the agents is beyond loopback",
    ),
]
Radio = Annotated[
    str, typer.Option(metavar="NAME|FILE", help="What the air does: a preset or a YAML file (docs/radio.md).")
]
Loss = Annotated[
    str,
    typer.Option(
        metavar="MODEL",
        help="Lost fragments: bernoulli:P, gilbert:P,R\\[,1-H\\[,1-K]] as netem's gemodel, or distance.",
        show_default="the radio's",
    ),
]
Reach = Annotated[
    float | None,
    typer.Option("--range", metavar="M", help="Metres beyond which nothing is heard.", show_default="the radio's"),
]
TimeMode = Annotated[
    str,
    typer.Option(
        metavar="MODE",
        help="What thinking costs in the world: frozen (nothing), charged (what it takes), or charged:MS.",
    ),
]


def secured(agents: "Sequence[str]", curve: bool | None) -> "tuple[Sequence[str], Keyring | None]":
    """The agents' addresses, checked, and the keys if CURVE is to be used. Raises: ConfigError."""
    from laco.agents.addresses import Address, keys_for
    from laco.cli.keys import warn_of

    found = [Address.of(text) for text in agents]
    keys = keys_for([address.host for address in found], curve)
    if keys is None:
        warn_of([address.host for address in found])
    else:
        for address in found:
            address.expected(keys)
    return agents, keys
