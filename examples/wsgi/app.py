"""The same server over the blocking :class:`regstore.Registry`: werkzeug takes requests apart.

::

    REGISTRY_URL=DIRECTORY gunicorn -k gthread --threads 32 'examples.wsgi.app:create()'

gunicorn sends blobs that lie in files, and ranges of them, with the system's ``sendfile``.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, suppress
from functools import partial
from string import punctuation
from typing import TYPE_CHECKING
from urllib.parse import quote

from werkzeug.exceptions import ClientDisconnected, HTTPException
from werkzeug.routing import Map, MapAdapter, Rule
from werkzeug.wrappers import Request, Response
from werkzeug.wsgi import LimitedStream, wrap_file

from examples import oci_http
from regstore import (
    ANYWHERE,
    BlobReader,
    Descriptor,
    Digest,
    Registry,
    RegstoreError,
    Repository,
    Upload,
)
from regstore.errors import BlobUnknownError, NameInvalidError
from regstore.oci import OCI_INDEX

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

Authorize = Callable[[Request, str, str], None]
"""Lets a request pass, or raises, for a repository's name (``""``: all) and an action: ``pull``,
``push`` or ``delete``; as in :data:`examples.registry.app.Authorize`."""

READ_BYTES = 256 << 10
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]
RULES = [
    ("/healthz", "health"),
    ("/readyz", "ready"),
    ("/v2/", "base"),
    ("/v2/_catalog", "catalog"),
    ("/v2/<path:name>/tags/list", "tags"),
    ("/v2/<path:name>/referrers/<digest>", "referrers"),
    ("/v2/<path:name>/manifests/<reference>", "manifest"),
    ("/v2/<path:name>/blobs/uploads/", "uploads"),
    ("/v2/<path:name>/blobs/uploads/<upload_id>", "upload"),
    ("/v2/<path:name>/blobs/<digest>", "blob"),
]


def allow_everybody(request: Request, name: str, action: str) -> None:
    """Let every request pass."""


class App:
    """The application. ``PUT`` to the endpoint ``blob`` would go to ``put_blob``, and so on."""

    def __init__(self, registry: Registry, authorize: Authorize = allow_everybody) -> None:
        self._registry = registry
        self._authorize = authorize
        rules = [self._rule(path, name) for path, name in RULES]
        self._map = Map(rules, strict_slashes=False, merge_slashes=False)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request. A body that ends before its length raises, as not all servers do."""
        query = environ.get("QUERY_STRING", "")  # werkzeug fails of octets that are no UTF-8
        environ["QUERY_STRING"] = quote(query, safe=punctuation, encoding="latin-1")
        request = Request(environ, populate_request=False)
        if not environ.get("wsgi.input_terminated") or request.content_length is not None:
            length = request.content_length or 0
            environ["wsgi.input"] = LimitedStream(environ["wsgi.input"], length)
        try:
            response = self._match(request).dispatch(partial(self._handle, request))
        except RegstoreError as error:
            _drain(request)
            body, status = oci_http.error_body(error), oci_http.status_of(error)
            response = _json(body, status, oci_http.error_headers(error))
        except HTTPException as error:
            _drain(request)
            response = _refusal(error, environ)
        return response(environ, start_response)

    def _rule(self, path: str, endpoint: str) -> Rule:
        methods = [method for method in METHODS if hasattr(self, f"{method.lower()}_{endpoint}")]
        return Rule(path, endpoint=endpoint, methods=methods)

    def _match(self, request: Request) -> MapAdapter:
        """Match the path alone: the host and the query are the client's, and may be anything."""
        return self._map.bind("", path_info=request.path, default_method=request.method)

    def _handle(self, request: Request, endpoint: str, values: dict[str, str]) -> Response:
        method = request.method.lower()
        is_plain_head = method == "head" and not hasattr(self, f"head_{endpoint}")
        handle = getattr(self, f"{'get' if is_plain_head else method}_{endpoint}")
        response: Response = handle(request, **values)
        return response

    def _repository(self, request: Request, name: str, action: str) -> Repository:
        repository = self._registry.repository(name)
        self._authorize(request, name, action)
        return repository

    def get_health(self, request: Request) -> Response:
        return Response("ok\n")

    def get_ready(self, request: Request) -> Response:
        self._registry.ping()
        return Response("ok\n")

    def get_base(self, request: Request) -> Response:
        self._authorize(request, "", "pull")
        return _json(b"{}", 200, oci_http.API_VERSION)

    def get_catalog(self, request: Request) -> Response:
        self._authorize(request, "", "pull")
        n = oci_http.page_limit(request.args.get("n"), oci_http.MAX_LISTED)
        page = self._registry.repositories.page(n, request.args.get("last"))
        body = oci_http.to_json({"repositories": page.items})
        return _json(body, 200, oci_http.next_link(request.path, n, page))

    def get_tags(self, request: Request, name: str) -> Response:
        repository = self._repository(request, name, "pull")
        n = oci_http.page_limit(request.args.get("n"), oci_http.MAX_PAGE)
        page = repository.tags.page(n, request.args.get("last"))
        body = oci_http.to_json({"name": name, "tags": page.items})
        return _json(body, 200, oci_http.next_link(request.path, n, page))

    def get_referrers(self, request: Request, name: str, digest: str) -> Response:
        repository = self._repository(request, name, "pull")
        n = oci_http.page_limit(request.args.get("n"), oci_http.MAX_LISTED)
        kind = request.args.get("artifactType") or None
        page = repository.referrers.page(digest, n, request.args.get("last"), kind)
        headers = oci_http.next_link(request.path, n, page, artifactType=kind)
        if kind:
            headers["OCI-Filters-Applied"] = "artifactType"
        return Response(oci_http.index_of(page.items), headers=headers, content_type=OCI_INDEX)

    def get_manifest(self, request: Request, name: str, reference: str) -> Response:
        manifest = self._repository(request, name, "pull").manifests.get(reference)
        return _content(request, manifest.descriptor, manifest.body)

    def head_manifest(self, request: Request, name: str, reference: str) -> Response:
        found = self._repository(request, name, "pull").manifests.stat(reference)
        return _content(request, found)

    def put_manifest(self, request: Request, name: str, reference: str) -> Response:
        result = self._repository(request, name, "push").manifests.put(
            _body(request),
            request.headers.get("Content-Type"),
            digest=reference if ":" in reference else None,
            tags=oci_http.tags_to_push(request.args.getlist("tag"), reference),
            expect=oci_http.expectation(reference, request.headers.get),
        )
        return Response(status=201, headers=oci_http.pushed_headers(name, result))

    def delete_manifest(self, request: Request, name: str, reference: str) -> Response:
        repository = self._repository(request, name, "delete")
        if ":" in reference:
            repository.manifests.delete(reference)
        else:
            repository.tags.delete(reference, oci_http.expectation(reference, request.headers.get))
        return Response(status=202)

    def get_blob(self, request: Request, name: str, digest: str) -> Response:
        blobs, wanted = self._repository(request, name, "pull").blobs, Digest(digest)
        if oci_http.is_unmodified(request.headers.get("If-None-Match"), wanted):
            return _content(request, blobs.stat(wanted))
        if self._registry.driver.capabilities.redirect and (url := blobs.redirect_url(wanted)):
            headers = {"Location": url, "Docker-Content-Digest": wanted}
            return Response(status=307, headers=headers)
        part = None
        if asked := oci_http.range_wanted(request.headers.get, wanted):
            part = oci_http.byte_range(asked, blobs.stat(wanted).size)
        start, stop = part or (0, None)
        with ExitStack() as stack:
            reader = stack.enter_context(blobs.open(wanted, start, stop and stop - start))
            response = _blob(request, reader, start)
            response.call_on_close(stack.pop_all().close)
        if part is not None:
            response.status_code = 206
            response.headers.update(oci_http.range_headers(*part, reader.size))
        return response

    def head_blob(self, request: Request, name: str, digest: str) -> Response:
        found = self._repository(request, name, "pull").blobs.stat(digest)
        return _content(request, found)

    def delete_blob(self, request: Request, name: str, digest: str) -> Response:
        self._repository(request, name, "delete").blobs.delete(digest)
        return Response(status=202)

    def post_uploads(self, request: Request, name: str) -> Response:
        repository, query = self._repository(request, name, "push"), request.args
        if "mount" in query and self._mount(request, repository):
            return _created(name, Digest(query["mount"]))
        if "digest" in query:
            digest = Digest(query["digest"])
            repository.blobs.put(_body(request), digest)
            return _created(name, digest)
        algorithm = query.get("digest-algorithm", "sha256")
        with repository.uploads.create(algorithm=algorithm) as upload:
            headers = oci_http.upload_headers(name, upload.id, 0)
        return Response(status=202, headers=headers)

    def get_upload(self, request: Request, name: str, upload_id: str) -> Response:
        with self._upload(request, name, upload_id) as upload:
            return _standing(name, upload, 204)

    def patch_upload(self, request: Request, name: str, upload_id: str) -> Response:
        with self._upload(request, name, upload_id) as upload:
            start, size = oci_http.chunk_place(request.headers.get)
            upload.receive(_body(request), start, size)
            return _standing(name, upload, 202)

    def put_upload(self, request: Request, name: str, upload_id: str) -> Response:
        with self._upload(request, name, upload_id) as upload:
            start, size = oci_http.chunk_place(request.headers.get)
            digest = Digest(request.args.get("digest", ""))
            upload.finish(digest, _body(request), start, size)
        return _created(name, digest)

    def delete_upload(self, request: Request, name: str, upload_id: str) -> Response:
        self._upload(request, name, upload_id).cancel()
        return Response(status=204)

    def _mount(self, request: Request, repository: Repository) -> bool:
        source = request.args.get("from")
        try:
            self._authorize(request, source or "", "pull")
            found = ANYWHERE if source is None else source
            repository.blobs.mount(request.args["mount"], found)
        except (BlobUnknownError, NameInvalidError, oci_http.RequestError):
            return False
        return True

    def _upload(self, request: Request, name: str, upload_id: str) -> Upload:
        return self._repository(request, name, "push").uploads.resume(upload_id)


def _body(request: Request) -> Iterator[bytes]:
    return iter(lambda: request.environ["wsgi.input"].read(READ_BYTES), b"")


def _drain(request: Request) -> None:
    left = oci_http.DRAINED_BYTES
    with suppress(ClientDisconnected):
        for piece in _body(request):
            left -= len(piece)
            if left <= 0:
                return


def _blob(request: Request, reader: BlobReader, start: int) -> Response:
    headers = oci_http.content_headers(reader.descriptor)
    path = reader.local_file()
    if path is None:
        return Response(reader, headers=headers)
    file = path.open("rb")
    file.seek(start)
    return Response(wrap_file(request.environ, file), headers=headers, direct_passthrough=True)


def _content(request: Request, content: Descriptor, body: bytes = b"") -> Response:
    if oci_http.is_unmodified(request.headers.get("If-None-Match"), content.digest):
        return Response(status=304, headers=oci_http.digest_headers(content.digest))
    return Response([body], headers=oci_http.content_headers(content))


def _standing(name: str, upload: Upload, status: int) -> Response:
    headers = oci_http.upload_headers(name, upload.id, upload.status())
    return Response(status=status, headers=headers)


def _created(name: str, digest: Digest) -> Response:
    return Response(status=201, headers=oci_http.created_headers(name, digest))


def _json(body: bytes, status: int, headers: dict[str, str]) -> Response:
    return Response(body, status, headers, content_type="application/json")


def _refusal(error: HTTPException, environ: WSGIEnvironment) -> Response:
    body = oci_http.failure("UNSUPPORTED", error.name)
    headers = {key: value for key, value in error.get_headers(environ) if key != "Content-Type"}
    return _json(body, error.code or 500, headers)


def create() -> App:
    """Return the server over the store that ``REGISTRY_URL`` names."""
    return App(Registry.open(os.environ["REGISTRY_URL"]))
