"""What stands for the simulator: cars on an empty plane, simple pictures, CARLA's frame and units.

Runs on Python 3.7 with numpy and some `carla` module, the wheel or the one in `standin`.
"""
