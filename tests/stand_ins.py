"""What several test files put in the place of something slow, or of something evil."""

from pathlib import Path


class StandIn:
    """A model as far as files go, without the five seconds that TensorFlow takes."""

    def __init__(self, number=7):
        self.number = number

    def count_params(self):
        return self.number

    def save(self, path):
        Path(path).write_bytes(str(self.number).encode() * 1000)


class WritesAFile:
    """Unpickled, it leaves a trace on the disk, as a malicious pickle would."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)
