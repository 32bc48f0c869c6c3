"""LangCoop's package, as far as a plug-in meets it: the registry of planners and controllers."""

from common.registry import Registry

VLMDRIVE_REGISTRY = Registry()
for taken in ("Adam", "SGD", "Linear", "Conv2d", "StepLR", "DataLoader"):  # torch's own names are in it too
    VLMDRIVE_REGISTRY[taken] = object

from vlmdrive import controller
