"""GET /decisions/NAMESPACE/NAME: what the autoscaler decided on a service, a line for each time."""

from aiohttp import web

from triton_operator.autoscaling.decision_log import DecisionLog

NDJSON = "application/x-ndjson"
WRITE_BYTES = 65536


def decision_routes(log: DecisionLog) -> list[web.RouteDef]:
    """The route. Keys of the log are `NAMESPACE/NAME`."""

    async def decisions(request: web.Request) -> web.StreamResponse:
        key = f"{request.match_info['namespace']}/{request.match_info['name']}"
        if key not in log:
            return web.Response(
                text=f"no decisions on {key} are kept here: nobody scales it, it has just begun, "
                "or another operator does\n",
                status=404,
            )
        response = web.StreamResponse(headers={"Content-Type": NDJSON})
        await response.prepare(request)
        # In pieces: unpacking an hour at once would hold up every reconcile.
        piece = bytearray()
        for line in log.lines(key):
            piece += line.encode() + b"\n"
            if len(piece) >= WRITE_BYTES:
                await response.write(bytes(piece))
                piece.clear()
        await response.write(bytes(piece))
        await response.write_eof()
        return response

    return [web.get("/decisions/{namespace}/{name}", decisions)]
