"""What course.py starts for maintainers and instructors; no notebook imports it."""
