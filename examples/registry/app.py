"""The routes: each takes a request apart, asks regstore, and puts the answer together."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import cast

from starlette.applications import Starlette
from starlette.endpoints import HTTPEndpoint
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from examples import oci_http
from examples.registry.metrics import Metrics, Timed
from examples.registry.streams import BlobResponse, Drained
from regstore import (
    ANYWHERE,
    AsyncRegistry,
    AsyncRepository,
    Descriptor,
    Digest,
    RegstoreError,
)
from regstore.errors import BlobUnknownError, NameInvalidError
from regstore.oci import OCI_INDEX
from regstore.upload import AsyncUpload

Authorize = Callable[[Request, str, str], Awaitable[None]]
"""Lets a request pass, or raises.

Called with the repository's name and the action: ``pull``, ``push`` or ``delete``. The name ``""``
is the registry as a whole: its catalog, and mounts that name no source, which reach everything. ::

    async def authorize(request: Request, name: str, action: str) -> None:
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if not token:
            scope = f"repository:{name}:{action}"
            challenge = f'Bearer realm="https://auth.example/token",scope="{scope}"'
            raise oci_http.UnauthorizedError("say who you are", challenge=challenge)
        if action not in grants(token, name):  # for passwords: "Basic", and base64 of user:password
            raise oci_http.DeniedError(f"you may not {action} {name}")
"""


async def allow_everybody(request: Request, name: str, action: str) -> None:
    """Let every request pass."""


@dataclass(frozen=True)
class Frontend:
    """What the routes work with."""

    registry: AsyncRegistry
    authorize: Authorize
    metrics: Metrics


class Resource(HTTPEndpoint):
    """What a route stands for; its methods are those of HTTP."""

    @property
    def frontend(self) -> Frontend:
        """What this application was made with."""
        frontend: Frontend = self.scope["app"].state.frontend
        return frontend

    @property
    def name(self) -> str:
        """The repository in the path."""
        name: str = self.scope["path_params"]["name"]
        return name

    async def repository(self, request: Request, action: str) -> AsyncRepository:
        """Return the repository in the path, if *action* is allowed there."""
        repository = self.frontend.registry.repository(self.name)
        await self.frontend.authorize(request, self.name, action)
        return repository


class Base(Resource):
    """Spec, "Determining Support"."""

    async def get(self, request: Request) -> Response:
        await self.frontend.authorize(request, "", "pull")
        return JSONResponse({}, headers=oci_http.API_VERSION)


class Catalog(Resource):
    """The repositories; not in the spec, but in its ancestor."""

    async def get(self, request: Request) -> Response:
        await self.frontend.authorize(request, "", "pull")
        n = oci_http.page_limit(request.query_params.get("n"), oci_http.MAX_LISTED)
        page = await self.frontend.registry.repositories.page(n, request.query_params.get("last"))
        link = oci_http.next_link(self.scope["path"], n, page)
        return JSONResponse({"repositories": page.items}, headers=link)


class Tags(Resource):
    """Spec, "Listing Tags"."""

    async def get(self, request: Request) -> Response:
        repository = await self.repository(request, "pull")
        n = oci_http.page_limit(request.query_params.get("n"), oci_http.MAX_PAGE)
        page = await repository.tags.page(n, request.query_params.get("last"))
        link = oci_http.next_link(self.scope["path"], n, page)
        return JSONResponse({"name": self.name, "tags": page.items}, headers=link)


class Referrers(Resource):
    """Spec, "Listing Referrers"."""

    async def get(self, request: Request) -> Response:
        repository = await self.repository(request, "pull")
        query, digest = request.query_params, request.path_params["digest"]
        n = oci_http.page_limit(query.get("n"), oci_http.MAX_LISTED)
        kind = query.get("artifactType") or None
        page = await repository.referrers.page(digest, n, query.get("last"), kind)
        headers = oci_http.next_link(self.scope["path"], n, page, artifactType=kind)
        if kind:
            headers["OCI-Filters-Applied"] = "artifactType"
        return Response(oci_http.index_of(page.items), headers=headers, media_type=OCI_INDEX)


class Manifests(Resource):
    """Spec, "Pulling manifests", "Pushing Manifests", "Deleting tags", "Deleting Manifests"."""

    async def get(self, request: Request) -> Response:
        repository = await self.repository(request, "pull")
        manifest = await repository.manifests.get(request.path_params["reference"])
        return _content(request, manifest.descriptor, manifest.body)

    async def head(self, request: Request) -> Response:
        repository = await self.repository(request, "pull")
        return _content(request, await repository.manifests.stat(request.path_params["reference"]))

    async def put(self, request: Request) -> Response:
        repository = await self.repository(request, "push")
        reference = request.path_params["reference"]
        result = await repository.manifests.put(
            request.stream(),
            request.headers.get("Content-Type"),
            digest=reference if ":" in reference else None,
            tags=oci_http.tags_to_push(request.query_params.getlist("tag"), reference),
            expect=oci_http.expectation(reference, request.headers.get),
        )
        return Response(status_code=201, headers=oci_http.pushed_headers(self.name, result))

    async def delete(self, request: Request) -> Response:
        repository = await self.repository(request, "delete")
        reference = request.path_params["reference"]
        if ":" in reference:
            await repository.manifests.delete(reference)
        else:
            await repository.tags.delete(
                reference, oci_http.expectation(reference, request.headers.get)
            )
        return Response(status_code=202)


class Blobs(Resource):
    """Spec, "Pulling blobs", "Deleting Blobs"."""

    async def get(self, request: Request) -> Response:
        blobs = (await self.repository(request, "pull")).blobs
        digest = Digest(request.path_params["digest"])
        if oci_http.is_unmodified(request.headers.get("If-None-Match"), digest):
            return _content(request, await blobs.stat(digest))
        if self.frontend.registry.driver.capabilities.redirect:
            url = await blobs.redirect_url(digest)
            if url is not None:
                return RedirectResponse(url, headers={"Docker-Content-Digest": digest})
        return BlobResponse(blobs, digest, oci_http.range_wanted(request.headers.get, digest))

    async def head(self, request: Request) -> Response:
        repository = await self.repository(request, "pull")
        return _content(request, await repository.blobs.stat(request.path_params["digest"]))

    async def delete(self, request: Request) -> Response:
        repository = await self.repository(request, "delete")
        await repository.blobs.delete(request.path_params["digest"])
        return Response(status_code=202)


class Uploads(Resource):
    """Spec, "Pushing blobs", up to the session id, and "Mounting a blob"."""

    async def post(self, request: Request) -> Response:
        repository, query = await self.repository(request, "push"), request.query_params
        if "mount" in query and await self._mount(request, repository):
            return self._created(Digest(query["mount"]))
        if "digest" in query:
            digest = Digest(query["digest"])
            await repository.blobs.put(request.stream(), digest)
            return self._created(digest)
        algorithm = query.get("digest-algorithm", "sha256")
        async with await repository.uploads.create(algorithm=algorithm) as upload:
            headers = oci_http.upload_headers(self.name, upload.id, 0)
        return Response(status_code=202, headers=headers)

    async def _mount(self, request: Request, repository: AsyncRepository) -> bool:
        source = request.query_params.get("from")
        try:
            await self.frontend.authorize(request, source or "", "pull")
            found = ANYWHERE if source is None else source
            await repository.blobs.mount(request.query_params["mount"], found)
        except (BlobUnknownError, NameInvalidError, oci_http.RequestError):
            return False
        return True

    def _created(self, digest: Digest) -> Response:
        return Response(status_code=201, headers=oci_http.created_headers(self.name, digest))


class Upload(Resource):
    """One upload in progress. Leaving ``async with`` parks it: any process can go on with it."""

    async def get(self, request: Request) -> Response:
        async with await self._upload(request) as upload:
            return await self._standing(upload, 204)

    async def patch(self, request: Request) -> Response:
        async with await self._upload(request) as upload:
            start, size = oci_http.chunk_place(request.headers.get)
            await upload.receive(request.stream(), start, size)
            return await self._standing(upload, 202)

    async def put(self, request: Request) -> Response:
        async with await self._upload(request) as upload:
            start, size = oci_http.chunk_place(request.headers.get)
            digest = Digest(request.query_params.get("digest", ""))
            await upload.finish(digest, request.stream(), start, size)
        return Response(status_code=201, headers=oci_http.created_headers(self.name, digest))

    async def delete(self, request: Request) -> Response:
        await (await self._upload(request)).cancel()
        return Response(status_code=204)

    async def _upload(self, request: Request) -> AsyncUpload:
        repository = await self.repository(request, "push")
        return repository.uploads.resume(request.path_params["upload_id"])

    async def _standing(self, upload: AsyncUpload, status: int) -> Response:
        headers = oci_http.upload_headers(self.name, upload.id, await upload.status())
        return Response(status_code=status, headers=headers)


class Health(Resource):
    """Whether the process runs (``/healthz``), and whether its store answers (``/readyz``)."""

    async def get(self, request: Request) -> Response:
        if self.scope["path"] == "/readyz":
            await self.frontend.registry.ping()
        return Response(b"ok\n", media_type="text/plain")


class Exposition(Resource):
    """What Prometheus reads."""

    async def get(self, request: Request) -> Response:
        return Response(self.frontend.metrics.text(), media_type=self.frontend.metrics.media_type)


def _content(request: Request, content: Descriptor, body: bytes = b"") -> Response:
    if oci_http.is_unmodified(request.headers.get("If-None-Match"), content.digest):
        return Response(status_code=304, headers=oci_http.digest_headers(content.digest))
    return Response(body, headers=oci_http.content_headers(content))


ROUTES = [
    Route("/healthz", Health),
    Route("/readyz", Health),
    Route("/metrics", Exposition),
    Route("/v2/", Base),
    Route("/v2/_catalog", Catalog),
    Route("/v2/{name:path}/tags/list", Tags),
    Route("/v2/{name:path}/referrers/{digest}", Referrers),
    Route("/v2/{name:path}/manifests/{reference}", Manifests),
    Route("/v2/{name:path}/blobs/uploads/", Uploads),
    Route("/v2/{name:path}/blobs/uploads/{upload_id}", Upload),
    Route("/v2/{name:path}/blobs/{digest}", Blobs),
]


async def _refuse(request: Request, failure: Exception) -> Response:
    error = cast("RegstoreError", failure)
    return Response(
        oci_http.error_body(error),
        oci_http.status_of(error),
        oci_http.error_headers(error),
        media_type="application/json",
    )


async def _refuse_route(request: Request, failure: Exception) -> Response:
    error = cast("HTTPException", failure)
    body = oci_http.failure("UNSUPPORTED", error.detail)
    return Response(body, error.status_code, error.headers, media_type="application/json")


async def _forget(request: Request, failure: Exception) -> Response:
    """Answer nobody: the client is gone, and what it sent of an upload is parked."""
    return Response(status_code=400)


def create_app(
    registry: AsyncRegistry,
    metrics: Metrics | None = None,
    authorize: Authorize = allow_everybody,
) -> Starlette:
    """Return the server for *registry*, which it closes when it ends.

    :param metrics: what ``/metrics`` shows; give it to the registry, too, as its observer.
    """

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with registry:
            yield

    metrics = metrics or Metrics()
    metrics.watch(registry)
    app = Starlette(
        routes=ROUTES,
        lifespan=lifespan,
        middleware=[Middleware(Timed, metrics=metrics), Middleware(Drained)],
        exception_handlers={
            RegstoreError: _refuse,
            HTTPException: _refuse_route,
            ClientDisconnect: _forget,
        },
    )
    app.router.redirect_slashes = False
    app.state.frontend = Frontend(registry, authorize, metrics)
    return app
