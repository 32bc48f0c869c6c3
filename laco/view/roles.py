"""Which vehicles stand out: those that somebody drives or has named."""

EGO = ("ego", "hero")
TRAFFIC = ("", "autopilot", "traffic", "background", "default", "scenario")


def standing(type_id: str, role: str) -> str:
    """What a page shows an actor as: ego, named, hazard, parked, traffic, walker or prop.

    Egos have CARLA's customary role names ("hero", "ego_vehicle"); `named` are all others with a name of their
    own, such as the connected vehicles of a scenario.
    """
    if type_id.startswith("walker."):
        return "walker"
    if not type_id.startswith("vehicle."):
        return "prop"
    role = role.lower()
    if role.startswith(EGO):
        return "ego"
    for word in ("hazard", "parked"):
        if role.startswith(word):
            return word
    return "traffic" if role.rstrip("0123456789_-") in TRAFFIC else "named"
