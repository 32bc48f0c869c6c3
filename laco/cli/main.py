"""The `laco` command: one file per subcommand, heavy imports inside the subcommands."""

import sys

import typer

from laco.cli.agent import agent
from laco.cli.calibrate import calibrate
from laco.cli.compare import compare
from laco.cli.distill import app as distill
from laco.cli.keys import app as keys
from laco.cli.langcoop import app as langcoop
from laco.cli.models import app as models
from laco.cli.profile import app as profile
from laco.cli.routes import app as routes
from laco.cli.run import run
from laco.cli.scenarios import scenarios
from laco.cli.view import view
from laco.cli.world import app as world
from laco.errors import LacoError

HELP = "Vehicles with transformer drivers that share a CARLA world and talk in KV caches."
app = typer.Typer(no_args_is_help=True, add_completion=False, help=HELP, pretty_exceptions_enable=False)
for command in (run, compare, scenarios):
    app.command()(command)
app.add_typer(routes, name="routes")
app.add_typer(world, name="world")
app.add_typer(langcoop, name="langcoop")
app.command()(view)
app.command()(agent)
app.add_typer(distill, name="distill")
app.command()(calibrate)
app.add_typer(profile, name="profile")
app.add_typer(models, name="models")
app.add_typer(keys, name="keys")


def main() -> None:
    """Run the command line; a `LacoError` becomes one line on stderr and exit status 2."""
    try:
        app()
    except LacoError as error:
        sys.stderr.write(f"laco: {error}\n")
        sys.exit(2)
