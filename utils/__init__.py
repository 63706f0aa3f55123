"""Helpers of the course: what would distract from the lesson, one noun a file."""
