"""What the three evaluators have in common, and where they differ."""

from dataclasses import dataclass

from laco.errors import ConfigError

LANGCOOP = "langcoop"
LEADERBOARD = "simulation/leaderboard"
SCRIPT = f"{LEADERBOARD}/leaderboard/leaderboard_evaluator_parameter.py"
PARAMETERS = f"{LEADERBOARD}/leaderboard/scenarios"
_COMMON = ("numpy", "yaml", "torch", "carla", "py_trees", "srunner.scenariomanager.carla_data_provider")
_OWN = ("cv2", "spconv", "openai", "carla_birdeye_view", "common.registry", "codriving", "opencood", "vlmdrive")


@dataclass(frozen=True)
class Evaluator:
    """One repository's evaluator. Paths are relative to the checkout.

    entry: the client's team agent, in the package `laco_langcoop`. scenarios: the scenario file by default.
    routes: where a route's id is looked for, with {} for the id. folders: routes are folders with a file per vehicle.
    modules: what its interpreter must import. files: what must be there.
    """

    name: str
    title: str
    entry: str
    scenarios: str
    routes: str
    folders: bool
    modules: tuple[str, ...]
    files: tuple[str, ...] = (SCRIPT, "simulation/scenario_runner")


_TOWN05 = f"{LEADERBOARD}/data/scenarios/town05_all_scenarios_2.json"
_SHORT = f"{LEADERBOARD}/data/evaluation_routes/town05_short_r{{}}.xml"
EVALUATORS = {
    evaluator.name: evaluator
    for evaluator in (
        Evaluator(
            LANGCOOP,
            "LangCoop",
            "entry/langcoop/laco_langcoop_agent.py",
            _TOWN05,
            _SHORT,
            False,
            (*_COMMON, *_OWN),
            (
                SCRIPT,
                "simulation/scenario_runner",
                f"{LEADERBOARD}/team_code/vlm_agent.py",
                f"{LEADERBOARD}/team_code/vlm_infer_action.py",
                "vlmdrive/controller/hypes_yaml/speed_curvature.yaml",
            ),
        ),
        Evaluator("v2xverse", "V2Xverse", "entry/colmdriver/laco_v2xverse_agent.py", _TOWN05, _SHORT, False, _COMMON),
        Evaluator(
            "colmdriver",
            "CoLMDriver",
            "entry/colmdriver/laco_v2xverse_agent.py",
            f"{LEADERBOARD}/data/scenarios/no_scenarios.json",
            f"{LEADERBOARD}/data/Interdrive/{{}}",
            True,
            _COMMON,
        ),
    )
}


def find(name: str) -> Evaluator:
    """Raises: ConfigError naming the known ones."""
    if name not in EVALUATORS:
        raise ConfigError(f"unknown evaluator {name!r}; there are {', '.join(EVALUATORS)}")
    return EVALUATORS[name]
