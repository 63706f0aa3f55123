"""Dask's scheduler and worker as programs of their own, to be killed by a test."""

import contextlib
import socket
import subprocess
import sys


@contextlib.contextmanager
def started(*command):
    """Run a program of Dask; end it with the block, whatever state it is in."""
    process = subprocess.Popen(
        [sys.executable, "-m", "distributed.cli." + command[0], *command[1:]],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@contextlib.contextmanager
def small_cluster():
    """Start a scheduler and one worker; give the address, and both processes."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    address = f"tcp://127.0.0.1:{port}"
    here = ("--host", "127.0.0.1", "--no-dashboard")
    with (
        started("dask_scheduler", "--port", str(port), *here) as scheduler,
        started("dask_worker", address, "--no-nanny", "--nthreads=1", *here) as worker,
    ):
        yield address, {"scheduler": scheduler, "worker": worker}
