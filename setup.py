"""Maps the repository's folders onto one import package.

`laco/ agents/ comm/ scenarios/` in the repository are `laco`, `laco.agents`, `laco.comm` and
`laco.scenarios` once installed: top-level packages named `agents` and `comm` would hide CARLA's
own `agents` and Jupyter's `comm`. Everything else about the distribution is in pyproject.toml.
"""

from setuptools import find_packages, setup

FOLDERS = {"laco": "laco", "laco.agents": "agents", "laco.comm": "comm", "laco.scenarios": "scenarios"}


def packages() -> list[str]:
    """Import names of every package below the four folders."""
    names = []
    for name, folder in FOLDERS.items():
        names.append(name)
        names += [f"{name}.{inner}" for inner in find_packages(folder)]
    return names


setup(packages=packages(), package_dir=FOLDERS)
