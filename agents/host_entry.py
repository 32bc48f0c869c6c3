"""Where an agent host process begins: light to import, so that starting one loads no torch in the parent."""


def main(endpoint: str, keys: str = "") -> None:
    """Serve vehicles to the runner at `endpoint` until it says stop or dies; keys: the key folder, for CURVE."""
    from laco.agents.server import serve
    from laco.processes import die_with_parent

    die_with_parent()
    serve(endpoint, keys)
