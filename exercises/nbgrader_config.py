"""nbgrader's settings for this course, which it reads when it runs in this folder."""

import os

c = get_config()  # noqa: F821 (nbgrader provides it)

c.CourseDirectory.root = os.path.dirname(os.path.abspath(__file__))
c.CourseDirectory.course_id = "ann-vs-cnn"

# What stands in the student's copy in place of a solution: valid Python, and honest.
c.ClearSolutions.code_stub = {
    "python": 'raise NotImplementedError("Write your answer here.")'
}

# The slowest cell trains a small CNN twice: 15 seconds on two idle cores, and far more
# where a whole class is graded at once.
c.Execute.timeout = 300  # seconds for one cell; then it is interrupted
# TensorFlow writes to stderr while it starts; and whatever the machine, the digits are
# those of the sample.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["MNIST_DATA"] = "sample"
