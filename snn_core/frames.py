"""Names of the coordinate frames of a simulated robot."""

BASE_FRAME = "base_link"
WORLD_FRAME = "odom"
CAMERA_FRAME = "camera_optical_frame"
EVENT_FRAME = "event_camera_optical_frame"
LIDAR_FRAME = "range_link"
IMU_FRAME = "imu_link"
