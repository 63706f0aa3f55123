"""The processes of a graded submission: the student's (worker) and the judge's."""
