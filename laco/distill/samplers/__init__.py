"""The samplers, one per file. A new one is a file of its own and a name in this union; recipes then know it."""

from laco.distill.samplers.hard_first import HardFirst
from laco.distill.samplers.uniform import Uniform

AnySampler = Uniform | HardFirst
