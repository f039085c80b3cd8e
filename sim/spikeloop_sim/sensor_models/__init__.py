"""The models of LiDAR and IMU against recordings of real ones."""
