"""What serves one lab only: sweeps, ImageNet's networks."""
