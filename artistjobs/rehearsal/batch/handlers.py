"""HTTP handlers of the simulated Files and Batch APIs."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from itertools import count
from random import Random
from typing import Protocol

from aiohttp import BodyPartReader, web

from artistjobs.rehearsal.batch.files import StoredFile
from artistjobs.rehearsal.batch.life import FINAL, Batch, BatchDesk
from artistjobs.rehearsal.batch.lines import ENDPOINT
from artistjobs.rehearsal.replies import ApiError, Body, Delivery, SimulatedReply, encode
from artistjobs.rehearsal.service import check_key, read_body

Send = Callable[[web.Request, SimulatedReply], Awaitable[web.StreamResponse]]
"""Sends a reply to a request."""


_PIECE_BYTES = 256 * 1024


_FILES_MAX, _BATCHES_MAX = 10_000, 100


_SERVER_ERROR = ApiError(500, "The server had an error while processing your request.", type="server_error")


_SLOW_DOWN = ApiError(429, "Rate limit reached for requests.", code="rate_limit_exceeded", type="requests")


class _Listed(Protocol):
    id: str

    def json(self) -> Body: ...


def add_batch_routes(app: web.Application, desk: BatchDesk, send: Send) -> None:
    """Add the endpoints of files and batches to an application."""
    _Handlers(desk, send).add_routes(app)


@dataclass(slots=True)
class _Handlers:
    """The endpoints of files and batches."""

    desk: BatchDesk
    send: Send
    _numbers: "count[int]" = field(default_factory=count)

    def add_routes(self, app: web.Application) -> None:
        """Add the routes of the two APIs."""
        routes: list[tuple[str, str, Callable[[web.Request], Awaitable[web.StreamResponse]]]] = [
            ("POST", "/v1/files", self.upload),
            ("GET", "/v1/files", self.list_files),
            ("GET", "/v1/files/{id}", self.retrieve_file),
            ("DELETE", "/v1/files/{id}", self.delete_file),
            ("GET", "/v1/files/{id}/content", self.download),
            ("POST", "/v1/batches", self.create),
            ("GET", "/v1/batches", self.list_batches),
            ("GET", "/v1/batches/{id}", self.retrieve),
            ("POST", "/v1/batches/{id}/cancel", self.cancel),
        ]
        for method, path, handler in routes:
            app.router.add_route(method, path, self._served(handler))
        app.on_cleanup.append(self._clean_up)

    async def _clean_up(self, _app: web.Application) -> None:
        await self.desk.close()

    def _served(
        self, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        """Return a handler that checks the key first, and sometimes fails."""

        async def serve(request: web.Request) -> web.StreamResponse:
            self.desk.log.append(f"{request.method} {request.path}")
            if error := check_key(request.headers.get("Authorization")):
                return await self.send(request, error.reply())
            is_plain = request.method == "GET" and not request.path.endswith("/content")
            chance = self._chance("request")
            if is_plain and chance.random() < self.desk.rules.server_error:
                return await self.send(request, chance.choice([_SERVER_ERROR, _SLOW_DOWN]).reply())
            return await handler(request)

        return serve

    async def upload(self, request: web.Request) -> web.StreamResponse:
        chance = self._chance("upload")
        is_cut, is_stored = chance.random() < self.desk.rules.cut_upload, chance.random() < 0.5  # noqa: PLR2004
        file = await self._received(request)
        if isinstance(file, ApiError):
            return await self.send(request, file.reply())
        if not is_cut or is_stored:
            self.desk.files.keep(file)
        if is_cut:
            return await self.send(request, SimulatedReply(name="cut_upload", manner=Delivery.RESET))
        return await self._object(request, file.json())

    async def list_files(self, request: web.Request) -> web.StreamResponse:
        newest_first = request.query.get("order", "desc") == "desc"
        files = self.desk.files.listed(request.query.get("purpose"), newest_first=newest_first)
        return await self._object(request, _page(files, request, _FILES_MAX, _FILES_MAX))

    async def retrieve_file(self, request: web.Request) -> web.StreamResponse:
        file = self.desk.files.find(request.match_info["id"])
        if isinstance(file, ApiError):
            return await self.send(request, file.reply())
        return await self._object(request, file.json())

    async def delete_file(self, request: web.Request) -> web.StreamResponse:
        file = self.desk.files.find(request.match_info["id"])
        if isinstance(file, ApiError):
            return await self.send(request, file.reply())
        return await self._object(request, self.desk.files.delete(file))

    async def download(self, request: web.Request) -> web.StreamResponse:
        file = self.desk.files.find(request.match_info["id"])
        if isinstance(file, ApiError):
            return await self.send(request, file.reply())
        is_cut = self._chance("download").random() < self.desk.rules.cut_download
        response = web.StreamResponse(headers={"Content-Type": "application/octet-stream"})
        response.content_length = file.size
        await response.prepare(request)
        left = file.size // 2 if is_cut else file.size
        with file.path.open("rb") as content:
            while left and (piece := content.read(min(left, _PIECE_BYTES))):
                await response.write(piece)
                left -= len(piece)
        if is_cut and request.transport is not None:
            request.transport.close()
        return response

    async def create(self, request: web.Request) -> web.StreamResponse:
        chance = self._chance("create")
        is_lost, is_made = chance.random() < self.desk.rules.lost_create, chance.random() < 0.5  # noqa: PLR2004
        body = read_body(await request.read())
        error = body if isinstance(body, ApiError) else _fault_of(body)
        file = error or self.desk.files.find(str(body["input_file_id"]))  # type: ignore[index]  # no error: an object
        if isinstance(file, ApiError):
            return await self.send(request, file.reply())
        if is_lost and not is_made:
            return await self.send(request, _SERVER_ERROR.reply())
        metadata = body.get("metadata") if isinstance(body, dict) else None
        batch = self.desk.create(file, metadata if isinstance(metadata, dict) else {})
        if is_lost:
            return await self.send(request, SimulatedReply(name="lost_create", manner=Delivery.RESET))
        return await self._object(request, batch.json())

    async def list_batches(self, request: web.Request) -> web.StreamResponse:
        now = self.desk.files.clock()
        listed = [batch for batch in reversed(self.desk.batches.values()) if batch.listed_from <= now]
        return await self._object(request, _page(listed, request, 20, _BATCHES_MAX))

    async def retrieve(self, request: web.Request) -> web.StreamResponse:
        batch = self._find(request)
        if isinstance(batch, ApiError):
            return await self.send(request, batch.reply())
        self._count_progress(batch)
        shown = batch.json()
        if batch.status == "in_progress" and self._chance("status").random() < self.desk.rules.unknown_status:
            shown["status"] = "rehearsing"
        return await self._object(request, shown)

    async def cancel(self, request: web.Request) -> web.StreamResponse:
        batch = self._find(request)
        if isinstance(batch, ApiError):
            return await self.send(request, batch.reply())
        if batch.status in FINAL:
            message = f"Cannot cancel a batch with status '{batch.status}'."
            return await self.send(request, ApiError(409, message).reply())
        if batch.status != "cancelling":
            self.desk.cancel(batch)
        return await self._object(request, batch.json())

    def _find(self, request: web.Request) -> Batch | ApiError:
        name = request.match_info["id"]
        batch = self.desk.batches.get(name)
        if batch is None or batch.found_from > self.desk.files.clock():
            return ApiError(404, f"No batch found with id '{name}'.")
        return batch

    def _count_progress(self, batch: Batch) -> None:
        if batch.status == "in_progress" and self.desk.rules.seconds:
            share = (self.desk.files.clock() - batch.started) / self.desk.rules.seconds
            batch.completed = int(min(1.0, share) * batch.total)

    async def _received(self, request: web.Request) -> StoredFile | ApiError:
        """Read an upload, piece by piece; return the file, which is not stored yet."""
        purpose, file = "", None
        async for part in await request.multipart():
            if not isinstance(part, BodyPartReader):
                continue
            if part.name == "purpose":
                purpose = await part.text()
            elif part.name == "file":
                file = self.desk.files.create(
                    part.filename or "upload", "batch", listed_after=self.desk.rules.list_lag_seconds
                )
                with file.path.open("wb") as content:
                    while piece := await part.read_chunk(_PIECE_BYTES):
                        content.write(piece)
        if file is None:
            return ApiError(400, "'file' is a required property", param="file")
        file.purpose = purpose
        if purpose == "batch" and not file.filename.endswith(".jsonl"):
            return ApiError(400, "Invalid file format for Batch API. Must be .jsonl")
        return file

    async def _object(self, request: web.Request, value: Body) -> web.StreamResponse:
        return await self.send(request, SimulatedReply(name=str(value.get("object")), content=encode(value)))

    def _chance(self, what: str) -> Random:
        return Random(f"{self.desk.seed} {what} {next(self._numbers)}")


def _fault_of(body: Body) -> ApiError | None:
    for name in ("input_file_id", "endpoint", "completion_window"):
        if not body.get(name):
            return ApiError(400, f"Missing required parameter: '{name}'.", "missing_required_parameter", name)
    if body["endpoint"] != ENDPOINT:
        return ApiError(400, f"Invalid value: '{body['endpoint']}'.", "invalid_value", "endpoint")
    if body["completion_window"] != "24h":
        return ApiError(400, f"Invalid value: '{body['completion_window']}'.", "invalid_value", "completion_window")
    return None


def _page(objects: Iterable[_Listed], request: web.Request, usual: int, most: int) -> Body:
    """Return one page of a list, after the object that ``after`` names."""
    limit = min(int(request.query.get("limit", usual)), most)
    after, found = request.query.get("after"), list(objects)
    names = [one.id for one in found]
    start = names.index(after) + 1 if after in names else 0
    page = found[start : start + limit]
    return {
        "object": "list",
        "data": [one.json() for one in page],
        "first_id": page[0].id if page else None,
        "last_id": page[-1].id if page else None,
        "has_more": start + limit < len(found),
    }
