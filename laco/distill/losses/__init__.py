"""The losses, one per file. A new one is a file of its own and a name in this union; recipes then know it."""

from laco.distill.losses.behaviour_cloning import BehaviourCloning
from laco.distill.losses.cross_view import CrossView
from laco.distill.losses.hidden_matching import HiddenMatching
from laco.distill.losses.kv_matching import KVMatching
from laco.distill.losses.self_distillation import SelfDistillation
from laco.distill.losses.soft_labels import SoftLabels

AnyLoss = BehaviourCloning | SelfDistillation | SoftLabels | HiddenMatching | KVMatching | CrossView
