"""The sensors that can be spawned, with CARLA's names and defaults of their settings.

What only shapes the look of a real lens is accepted and has no effect; so are debug settings.
"""

Rows = tuple[tuple[str, str, str], ...]  # name, type, default
TICK: Rows = (("sensor_tick", "float", "0.0"),)  # [s] between messages; zero: every frame
IMAGE: Rows = (
    ("image_size_x", "int", "800"),
    ("image_size_y", "int", "600"),
    ("fov", "float", "90.0"),
    ("lens_circle_falloff", "float", "5.0"),
    ("lens_circle_multiplier", "float", "0.0"),
    ("lens_k", "float", "-1.0"),
    ("lens_kcube", "float", "0.0"),
    ("lens_x_size", "float", "0.08"),
    ("lens_y_size", "float", "0.08"),
)
LOOK: Rows = (
    ("enable_postprocess_effects", "bool", "true"),
    ("gamma", "float", "2.2"),
    ("exposure_mode", "string", "histogram"),
    ("shutter_speed", "float", "200.0"),
    ("iso", "float", "100.0"),
    ("fstop", "float", "1.4"),
    ("min_fstop", "float", "1.2"),
    ("blade_count", "int", "5"),
    ("exposure_compensation", "float", "0.0"),
    ("exposure_min_bright", "float", "10.0"),
    ("exposure_max_bright", "float", "12.0"),
    ("exposure_speed_up", "float", "3.0"),
    ("exposure_speed_down", "float", "1.0"),
    ("calibration_constant", "float", "16.0"),
    ("focal_distance", "float", "1000.0"),
    ("blur_amount", "float", "1.0"),
    ("blur_radius", "float", "0.0"),
    ("motion_blur_intensity", "float", "0.45"),
    ("motion_blur_max_distortion", "float", "0.35"),
    ("motion_blur_min_object_screen_size", "float", "0.1"),
    ("slope", "float", "0.88"),
    ("toe", "float", "0.55"),
    ("shoulder", "float", "0.26"),
    ("black_clip", "float", "0.0"),
    ("white_clip", "float", "0.04"),
    ("temp", "float", "6500.0"),
    ("tint", "float", "0.0"),
    ("chromatic_aberration_intensity", "float", "0.0"),
    ("chromatic_aberration_offset", "float", "0.0"),
    ("bloom_intensity", "float", "0.675"),
    ("lens_flare_intensity", "float", "0.1"),
)
LIDAR: Rows = (
    ("channels", "int", "32"),
    ("range", "float", "10.0"),
    ("points_per_second", "int", "56000"),
    ("rotation_frequency", "float", "10.0"),
    ("upper_fov", "float", "10.0"),
    ("lower_fov", "float", "-30.0"),
    ("horizontal_fov", "float", "360.0"),
)
ECHO: Rows = (
    ("atmosphere_attenuation_rate", "float", "0.004"),
    ("dropoff_general_rate", "float", "0.45"),
    ("dropoff_intensity_limit", "float", "0.8"),
    ("dropoff_zero_intensity", "float", "0.4"),
    ("noise_stddev", "float", "0.0"),
)
SEED: Rows = (("noise_seed", "int", "0"),)
RADAR: Rows = (
    ("horizontal_fov", "float", "30.0"),
    ("vertical_fov", "float", "30.0"),
    ("range", "float", "100.0"),
    ("points_per_second", "int", "1500"),
)
GNSS: Rows = tuple(
    (f"noise_{axis}_{part}", "float", "0.0") for axis in ("alt", "lat", "lon") for part in ("bias", "stddev")
)
IMU: Rows = tuple(
    (f"noise_{part}_{axis}", "float", "0.0")
    for part in ("accel_stddev", "gyro_stddev", "gyro_bias")
    for axis in "xyz"
)
OBSTACLE: Rows = (
    ("distance", "float", "5.0"),
    ("hit_radius", "float", "0.5"),
    ("only_dynamics", "bool", "false"),
    ("debug_linetrace", "bool", "false"),
)

# Whether it sends data of its own: the client works out lane invasions itself.
SENSORS: tuple[tuple[str, Rows, bool], ...] = (
    ("sensor.camera.rgb", IMAGE + LOOK + TICK, True),
    ("sensor.camera.semantic_segmentation", IMAGE + TICK, True),
    ("sensor.camera.instance_segmentation", IMAGE + TICK, True),
    ("sensor.camera.depth", IMAGE + TICK, True),
    ("sensor.lidar.ray_cast", LIDAR + ECHO + SEED + TICK, True),
    ("sensor.lidar.ray_cast_semantic", LIDAR + TICK, True),
    ("sensor.other.radar", RADAR + SEED + TICK, True),
    ("sensor.other.gnss", GNSS + SEED + TICK, True),
    ("sensor.other.imu", IMU + SEED + TICK, True),
    ("sensor.other.obstacle", OBSTACLE + TICK, True),
    ("sensor.other.collision", (), True),
    ("sensor.other.lane_invasion", (), False),
)
