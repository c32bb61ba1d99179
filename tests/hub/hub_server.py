"""A small server that speaks the Hub's HTTP API: what huggingface_hub needs to read and write a dataset.

Repositories live in memory. Parquet files are stored as large files: ``resolve`` redirects to a storage
address with the file's SHA-256 as its ETag, as the Hub does. Every request is in ``log``.
"""

import base64
import hashlib
import json
import re
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

TOKEN = "hf_writer"
READER = "hf_reader"


@dataclass
class Repository:
    private: bool = False
    commits: dict = field(default_factory=dict)  # sha → {path: content}
    branches: dict = field(default_factory=dict)  # name → sha
    messages: list = field(default_factory=list)

    def commit(self, files, branch="main", message=""):
        text = json.dumps([message, len(self.commits), sorted(files)])
        sha = hashlib.sha1(text.encode()).hexdigest()
        self.commits[sha] = dict(files)
        self.branches[branch] = sha
        self.messages.append(message)
        return sha

    def files(self, revision):
        return self.commits.get(self.branches.get(revision, revision))


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    range: str | None
    status: int
    sent: int = 0


class HubServer(ThreadingHTTPServer):
    """Runs in a thread of its own; faults are planned in its attributes."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        # As on the Hub, storage is another host: the client follows no redirect within one.
        self.storage_url = f"http://localhost:{self.server_address[1]}"
        self.repositories, self.blobs, self.log = {}, {}, []
        self.cut = {}  # SHA-256 → bytes after which the connection is closed, once
        self.refused = set()  # SHA-256 of large files that are not given out
        self.slow = set()  # SHA-256 → answered only after `released`
        self.released = threading.Event()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def fetched(self):
        """Bytes sent of each large file: SHA-256 → total over requests."""
        total = {}
        for request in self.log:
            if request.method == "GET" and request.path.startswith("/storage/"):
                name = request.path.removeprefix("/storage/")
                total[name] = total.get(name, 0) + request.sent
        return total


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def _go(self):
        path = unquote(urlsplit(self.path).path)
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length) if length else self._chunks()
        for method, pattern, action in _ROUTES:
            match = re.fullmatch(pattern, path)
            if match and self.command in method.split("|"):
                return getattr(self, action)(body, *match.groups())
        return self._answer(404, error="EntryNotFound")

    do_GET = do_HEAD = do_POST = do_PUT = _go

    def _chunks(self):
        body = b""
        if self.headers.get("Transfer-Encoding") == "chunked":
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        return body

    def _answer(self, status, content=None, *, error=None, headers=None, sent=None):
        data = content if isinstance(content, bytes) else json.dumps(content or {}).encode()
        shown = data if sent is None else data[:sent]
        self.server.log.append(
            Request(self.command, self.path, self.headers.get("Range"), status, len(shown))
        )
        self.send_response(status)
        for name, value in {"Content-Length": str(len(data)), **(headers or {})}.items():
            self.send_header(name, value)
        if error:
            self.send_header("X-Error-Code", error)
            self.send_header("X-Error-Message", error)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(shown)
        if sent is not None:
            self.wfile.flush()
            self.close_connection = True

    def _token(self):
        return (self.headers.get("Authorization") or "").removeprefix("Bearer ")

    def _open(self, name):
        """The repository, when the caller may read it."""
        found = self.server.repositories.get(name)
        if found is None or (found.private and self._token() not in (TOKEN, READER)):
            self._answer(401 if not self._token() else 404, error="RepoNotFound")
            return None
        return found

    def _may_write(self):
        if self._token() == TOKEN:
            return True
        self._answer(403 if self._token() else 401, {"error": "no right to write"})
        return False

    # --- reading

    def info(self, body, name, revision=None):
        if repository := self._open(name):
            files = repository.files(revision or "main")
            if files is None:
                return self._answer(404, error="RevisionNotFound")
            sha = repository.branches.get(revision or "main", revision)
            siblings = [{"rfilename": path} for path in sorted(files)]
            return self._answer(200, {"id": name, "sha": sha, "siblings": siblings})

    def resolve(self, body, name, revision, path):
        if repository := self._open(name):
            content = (repository.files(revision) or {}).get(path)
            if content is None:
                return self._answer(404, error="EntryNotFound")
            commit = {"X-Repo-Commit": repository.branches.get(revision, revision)}
            digest = hashlib.sha256(content).hexdigest()
            if not path.endswith(".parquet"):
                blob = hashlib.sha1(content).hexdigest()
                return self._answer(200, content, headers={**commit, "ETag": f'"{blob}"'})
            self.server.blobs[digest] = content
            linked = {"X-Linked-Etag": f'"{digest}"', "X-Linked-Size": str(len(content))}
            location = {"Location": f"{self.server.storage_url}/storage/{digest}"}
            return self._answer(302, b"", headers={**commit, **linked, **location})

    def storage(self, body, digest):
        if digest in self.server.slow:
            self.server.released.wait(30)
        if digest in self.server.refused:
            return self._answer(403, error="Forbidden")
        content = self.server.blobs[digest]
        start = int((re.match(r"bytes=(\d+)-", self.headers.get("Range") or "") or [0, 0])[1])
        headers = {"ETag": f'"{digest}"', "Accept-Ranges": "bytes"}
        if start:
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        sent = self.server.cut.pop(digest, None)
        return self._answer(206 if start else 200, content[start:], headers=headers, sent=sent)

    # --- writing

    def create(self, body):
        if self._may_write():
            wish = json.loads(body)
            name = f"{wish.get('organization') or 'writer'}/{wish['name']}"
            if name in self.server.repositories:
                return self._answer(409, {"url": f"{self.server.url}/datasets/{name}"})
            private = wish.get("visibility") == "private" or wish.get("private") is True
            self.server.repositories[name] = repository = Repository(private)
            repository.commit({".gitattributes": b"*.parquet filter=lfs\n"}, message="initial commit")
            return self._answer(200, {"url": f"{self.server.url}/datasets/{name}"})

    def branch(self, body, name, branch):
        if (repository := self._open(name)) and self._may_write():
            if branch in repository.branches:
                return self._answer(409, {"error": "exists"})
            repository.branches[branch] = repository.branches["main"]
            return self._answer(201)

    def validate(self, body):
        content = json.loads(body)["content"]
        ok = content.startswith("---\n")
        return self._answer(
            200 if ok else 400, {"errors": [] if ok else [{"message": "no metadata"}], "warnings": []}
        )

    def preupload(self, body, name, revision):
        if (repository := self._open(name)) and self._may_write():
            if repository.files(revision) is None:
                return self._answer(404, error="RevisionNotFound")
            files = [
                {
                    "path": file["path"],
                    "uploadMode": "lfs" if file["path"].endswith(".parquet") else "regular",
                    "shouldIgnore": False,
                }
                for file in json.loads(body)["files"]
            ]
            return self._answer(200, {"files": files})

    def batch(self, body, name):
        if self._open(name) and self._may_write():
            objects = [
                {
                    **{key: item[key] for key in ("oid", "size")},
                    **(
                        {}
                        if item["oid"] in self.server.blobs
                        else {
                            "actions": {
                                "upload": {"href": f"{self.server.storage_url}/storage/{item['oid']}"}
                            }
                        }
                    ),
                }
                for item in json.loads(body)["objects"]
            ]
            return self._answer(200, {"transfer": "basic", "objects": objects})

    def _upload_to(self, digest):
        return {"actions": {"upload": {"href": f"{self.server.storage_url}/storage/{digest}"}}}

    def upload(self, body, digest):
        if hashlib.sha256(body).hexdigest() != digest:
            return self._answer(400, {"error": "not the content that was announced"})
        self.server.blobs[digest] = body
        return self._answer(200)

    def commit(self, body, name, revision):
        if (repository := self._open(name)) and self._may_write():
            files, message = dict(repository.files(revision)), ""
            for line in body.splitlines():
                item = json.loads(line)
                value = item["value"]
                if item["key"] == "header":
                    message = value["summary"]
                elif item["key"] == "file":
                    files[value["path"]] = base64.b64decode(value["content"])
                elif item["key"] == "lfsFile":
                    files[value["path"]] = self.server.blobs[value["oid"]]
                elif item["key"] == "deletedFile":
                    del files[value["path"]]
            sha = repository.commit(files, revision, message)
            url = f"{self.server.url}/datasets/{name}/commit/{sha}"
            return self._answer(200, {"commitUrl": url, "commitOid": sha, "success": True})


_ID = r"([^/]+/[^/]+?)"
_ROUTES = [
    ("GET", rf"/api/datasets/{_ID}", "info"),
    ("GET", rf"/api/datasets/{_ID}/revision/(.+)", "info"),
    ("GET|HEAD", rf"/datasets/{_ID}/resolve/([^/]+)/(.+)", "resolve"),
    ("GET|HEAD", r"/storage/(\w+)", "storage"),
    ("PUT", r"/storage/(\w+)", "upload"),
    ("POST", r"/api/repos/create", "create"),
    ("POST", r"/api/validate-yaml", "validate"),
    ("POST", rf"/api/datasets/{_ID}/branch/(.+)", "branch"),
    ("POST", rf"/api/datasets/{_ID}/preupload/(.+)", "preupload"),
    ("POST", rf"/datasets/{_ID}\.git/info/lfs/objects/batch", "batch"),
    ("POST", rf"/api/datasets/{_ID}/commit/(.+)", "commit"),
]


class PlainServer(ThreadingHTTPServer):
    """Files of a folder over HTTP, with or without ranges; ``sent`` lists (path, bytes)."""

    daemon_threads = True

    def __init__(self, folder, ranges):
        super().__init__(("127.0.0.1", 0), _Plain)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.folder, self.ranges, self.sent = folder, ranges, []
        threading.Thread(target=self.serve_forever, daemon=True).start()


class _Plain(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def do_GET(self):
        path = self.server.folder / self.path.lstrip("/")
        if not path.is_file():
            self.send_response(404)
            self.send_header("Content-Length", "0")
            return self.end_headers()
        content = path.read_bytes()
        match = re.match(r"bytes=(\d+)-(\d*)", self.headers.get("Range") or "")
        partial = match is not None and self.server.ranges
        start = int(match[1]) if partial else 0
        end = min(int(match[2] or len(content)), len(content) - 1) if partial else len(content) - 1
        self.send_response(206 if partial else 200)
        self.send_header("Content-Length", str(end + 1 - start))
        self.send_header("Accept-Ranges", "bytes" if self.server.ranges else "none")
        if partial:
            self.send_header("Content-Range", f"bytes {start}-{end}/{len(content)}")
        self.end_headers()
        if self.command == "GET":
            self.server.sent.append((self.path, end + 1 - start))
            self.wfile.write(content[start : end + 1])

    do_HEAD = do_GET
