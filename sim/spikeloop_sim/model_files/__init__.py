"""What the readers of URDF and SDF files share: numbers, poses, shapes, meshes, frames."""
