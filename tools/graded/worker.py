"""The process in which a student's cells run: python -m tools.graded.worker

It reads frames from standard input and answers on standard output: "run" a cell, "call"
a function, count a function's "steps". Whatever a cell does to this process, the judge
lives in another one and gets nothing from here but values.
"""

import contextlib
import itertools
import os
import pickle
import sys
import traceback
import warnings
from collections.abc import Iterator

OUTPUT = 20_000  # characters of a cell's output that are kept


def main():
    answers, questions = os.dup(1), os.dup(0)
    os.dup2(2, 1)  # what students print must not mix with the answers
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    from IPython.core.interactiveshell import InteractiveShell

    from tools.graded import frames, sandbox

    sandbox.limit_this_process()
    shell = InteractiveShell.instance()
    shell.colors = "NoColor"
    shell.enable_gui = lambda gui=None: None  # for `%matplotlib inline`
    sys.modules["__main__"].__dict__.update(shell.user_ns)
    while True:
        words, blobs = frames.receive(questions)
        try:
            reply, data = DO[words["do"]](shell, words, blobs)
        except BaseException as error:  # whatever a student's code raises
            reply, data = {"error": described(error, shell)}, b""
        frames.send(answers, reply, data)


def run(shell, words, _):
    from IPython.utils.capture import capture_output

    with capture_output(display=False) as captured:
        result = shell.run_cell(words["source"])
    error = result.error_before_exec or result.error_in_exec
    said = (captured.stdout + captured.stderr)[:OUTPUT]
    return {"said": said, "error": described(error, shell) if error else None}, b""


def call(shell, words, blobs):
    from tools.graded import frames
    from utils.answers import LONGEST, plain, witness
    from utils.check_words import require_function
    from utils.model_answers import saved

    function = object_called(shell, words["name"])
    require_function(function)
    arguments, keywords = pickle.loads(blobs)
    names = shell.user_ns
    kept = {name: names.pop(name) for name in words["without"] if name in names}
    try:
        if words["seed"] is not None:
            import keras

            keras.utils.set_random_seed(words["seed"])
        with sheltered():
            came = function(*arguments, **keywords)
            if isinstance(came, Iterator):
                came = list(itertools.islice(came, LONGEST))
    finally:
        names.update(kept)
    after = [witness(x) for x in (*arguments, *keywords.values())]
    came = saved(came) if is_model(came) else plain(came)
    value, data = frames.packed([came, list(map(plain, after))])
    return {"value": value}, data


def steps(shell, words, blobs):
    from utils.check_steps import steps_of

    (arguments,), _ = pickle.loads(blobs)
    function = object_called(shell, words["name"])
    with sheltered():
        return {"value": steps_of(function, arguments, shell.user_ns)}, b""


@contextlib.contextmanager
def sheltered():
    """Let a right answer warn, of the log of 0, say, as the checks of a notebook do."""
    import numpy as np

    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        yield


def object_called(shell, name):
    try:
        return shell.user_ns[name]
    except KeyError:
        raise NameError(f"name {name!r} is not defined", name=name) from None


def is_model(value):
    keras = sys.modules.get("keras")
    return keras is not None and isinstance(value, keras.Model)


def described(error, shell):
    """Say in plain words what was raised, and where in the student's code."""
    from utils.check_words import in_short, named_last

    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    lines = [place.line for place in traceback.extract_tb(error.__traceback__)]
    places = [
        (frame.f_code.co_name, line)
        for frame, line in zip(frames, lines, strict=True)
        if frame.f_globals is shell.user_ns
    ]
    name, line = named_last([name for name, _ in places]), (places or [("", "")])[-1][1]
    missing = error.name if isinstance(error, NameError) else None
    return {
        "kind": type(error).__name__,
        "text": in_short(error)[:2000],
        "where": name,
        "line": line,
        "missing": missing,
        "inside": bool(places),
        "own": bool(frames) and frames[-1].f_globals is shell.user_ns,
    }


DO = {"run": run, "call": call, "steps": steps}

if __name__ == "__main__":
    main()
