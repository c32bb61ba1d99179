"""Downloading: against a server of our own that stumbles."""

import gzip
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from mfbench.errors import StructureError
from mfbench_tasks.structures.download import download

BODY = gzip.compress(b"data_1ABC\n")


@pytest.fixture
def server():
    """Answers with the queued (status, body, claimed length), then with BODY."""

    class Handler(BaseHTTPRequestHandler):
        queue: list = []  # noqa: RUF012
        paths: list = []  # noqa: RUF012

        def do_GET(self):
            self.paths.append(self.path)
            status, body, length = self.queue.pop(0) if self.queue else (200, BODY, None)
            self.send_response(status)
            self.send_header("Content-Length", str(length if length is not None else len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args):
            pass

    Handler.queue, Handler.paths = [], []
    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=httpd.serve_forever, daemon=True)
    thread.start()
    yield Handler, f"http://127.0.0.1:{httpd.server_address[1]}"
    httpd.shutdown()
    httpd.server_close()
    thread.join()


def test_a_file_is_fetched_once_and_checked(server, tmp_path):
    handler, url = server
    path = download("1ABC", tmp_path, base_url=url)
    assert path.name == "1abc.cif.gz"
    assert path.read_bytes() == BODY
    assert download("1abc", tmp_path, base_url=url) == path
    assert handler.paths == ["/1abc.cif.gz"]
    path.write_bytes(BODY[:-3])  # a damaged cache is noticed
    assert download("1abc", tmp_path, base_url=url).read_bytes() == BODY
    assert len(handler.paths) == 2


def test_failures_are_retried_with_growing_waits(server, tmp_path):
    handler, url = server
    handler.queue += [(503, b"busy", None), (200, BODY[:-4], len(BODY)), (200, b"<html>", None)]
    waits = []
    assert download("1abc", tmp_path, base_url=url, sleep=waits.append).read_bytes() == BODY
    assert len(waits) == 3
    assert waits == sorted(waits)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["1abc.cif.gz", "1abc.cif.gz.sha256"]


def test_an_entry_that_does_not_exist_is_not_retried(server, tmp_path):
    handler, url = server
    handler.queue += [(404, b"", None)] * 2
    with pytest.raises(StructureError, match="1abc.*404"):
        download("1abc", tmp_path, base_url=url, sleep=lambda s: None)
    assert len(handler.paths) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_is_down_and_a_bad_id_are_one_line(tmp_path):
    with pytest.raises(StructureError, match="1abc"):
        download("1abc", tmp_path, base_url="http://127.0.0.1:9", attempts=2, sleep=lambda s: None)
    with pytest.raises(StructureError, match="not a PDB id"):
        download("../etc", tmp_path)
