"""What serves one lab only: handwriting and its canvas, sweeps, ImageNet's networks."""
