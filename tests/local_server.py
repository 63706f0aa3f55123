"""An HTTP server on this machine, for tests of what downloads."""

import http.server
import threading
from contextlib import contextmanager, suppress


@contextmanager
def serving(body):
    """Run a server whose answer to GET is written by body(handler).

    Yields:
        Its address, and the list of the methods that it was asked for so far.
    """
    asked = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_HEAD(self):
            asked.append("HEAD")
            self.send_response(200)
            self.end_headers()

        def do_GET(self):
            asked.append("GET")
            with suppress(OSError):
                body(self)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        server.socket.close()


def send(handler, raw, length=None, status=200):
    """Answer with some bytes, announced as so many (as many as they are)."""
    handler.send_response(status)
    handler.send_header("Content-Length", str(length or len(raw)))
    handler.end_headers()
    handler.wfile.write(raw)
    handler.wfile.flush()
