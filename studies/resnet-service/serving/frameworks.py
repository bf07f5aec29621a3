"""Compares ASGI frameworks and servers as a carrier of small pictures: cost of one request.

Each gets the same application: read a body of 3 kB, answer 150 bytes of JSON. The server runs on
one core, autocannon on another.

    pip install starlette uvicorn httptools uvloop granian hypercorn fastapi litestar
    pip install blacksheep aiohttp
    python studies/resnet-service/serving/frameworks.py
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.request import urlopen

from load import cpu_seconds, load

ANSWER = 'b\'{"classes": [\' + b\'{"label": "automobile", "probability": 0.5}, \' * 3 + b"{}]}"'
APPS = {
    "bare": """
async def app(scope, receive, send):
    if scope["type"] != "http": return
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"): break
    headers = [(b"content-length", str(len(ANSWER)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": ANSWER})
""",
    "starlette": """
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route
async def answer(request):
    if request.method == "POST": await request.body()
    return Response(ANSWER, media_type="application/json")
app = Starlette(routes=[Route("/models/{name}/classify", answer, methods=["GET", "POST"])])
""",
    "fastapi": """
from fastapi import FastAPI, Request, Response
app = FastAPI()
@app.post("/models/{name}/classify")
@app.get("/models/{name}/classify")
async def answer(name: str, request: Request) -> Response:
    if request.method == "POST": await request.body()
    return Response(ANSWER, media_type="application/json")
""",
    "litestar": """
from litestar import Litestar, Request, Response, route
@route("/models/{name:str}/classify", http_method=["GET", "POST"], status_code=200)
async def answer(name: str, request: Request) -> Response[bytes]:
    if request.method == "POST": await request.body()
    return Response(ANSWER, media_type="application/json")
app = Litestar([answer])
""",
    "blacksheep": """
from blacksheep import Application, Content, Request, Response
app = Application()
async def answer(request: Request, name: str):
    if request.method == "POST": await request.read()
    return Response(200, content=Content(b"application/json", ANSWER))
app.router.add_post("/models/{name}/classify", answer)
app.router.add_get("/models/{name}/classify", answer)
""",
}  # fmt: skip
AIOHTTP = """
from aiohttp import web
async def answer(request):
    await request.read()
    return web.Response(body=ANSWER, content_type="application/json")
app = web.Application()
app.router.add_route("*", "/models/{name}/classify", answer)
web.run_app(app, host="127.0.0.1", port=PORT, access_log=None, print=None)
"""
UVICORN = "-m uvicorn app:app --port PORT --no-access-log --log-level error --http httptools"
SERVERS = {
    "uvicorn": f"{UVICORN} --loop asyncio",
    "uvicorn+uvloop": f"{UVICORN} --loop uvloop",
    "uvicorn+h11": UVICORN.replace("httptools", "h11") + " --loop asyncio",
    "granian": "-m granian app:app --interface asgi --port PORT --no-access-log --no-log",
    "hypercorn": "-m hypercorn app:app --bind 127.0.0.1:PORT --log-level ERROR",
}
PAIRS = [
    *(("bare", server) for server in SERVERS),
    *((app, "uvicorn") for app in APPS if app != "bare"),
    ("aiohttp", "itself"),
]
PORT, ROUNDS, SECONDS, RATE = 8765, 3, 3, 200


def measure(app: str, server: str, body: Path) -> tuple[float, float, float, float]:
    """Seconds to the first answer, processor time of the start, of a request, and the p50."""
    with tempfile.TemporaryDirectory() as folder:
        code = AIOHTTP if app == "aiohttp" else APPS[app]
        text = f"ANSWER = {ANSWER}\n{code}".replace("PORT", str(PORT))
        (Path(folder) / "app.py").write_text(text)
        words = "app.py" if app == "aiohttp" else SERVERS[server].replace("PORT", str(PORT))
        url = f"http://127.0.0.1:{PORT}/models/m/classify"
        began = time.monotonic()
        process = subprocess.Popen(
            ["taskset", "-c", "0", sys.executable, *words.split()], cwd=folder,
            stdout=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            wait(url)
            started = time.monotonic() - began
            pids = family(process.pid)
            start = cpu_seconds(*pids)
            done = load(url, body, seconds=SECONDS, rate=RATE)
            assert done.failed == 0, (app, server, done)
            spent = cpu_seconds(*pids) - start
            return started, start, spent / (done.rate * SECONDS), done.p50
        finally:
            process.terminate()
            process.wait()


def family(pid: int) -> list[int]:
    """Return the number of a process and those of all below it."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(each for child in children for each in family(int(child)))]


def wait(url: str) -> None:
    """Wait for an answer."""
    for _ in range(1000):
        with contextlib.suppress(OSError):
            urlopen(url).read()
            return
        time.sleep(0.02)
    raise TimeoutError(url)


def main() -> None:
    """Print the table."""
    with tempfile.NamedTemporaryFile() as body:
        body.write(os.urandom(3000))
        body.flush()
        found: dict[tuple[str, str], list[tuple[float, ...]]] = {pair: [] for pair in PAIRS}
        for _ in range(ROUNDS):  # interleaved, so that a busy minute hits all of them
            for pair in PAIRS:
                found[pair].append(measure(*pair, Path(body.name)))
        print("| framework | server | start, CPU s | per request, CPU µs | p50, ms |")
        print("|---|---|---:|---:|---:|")
        for (app, server), rows in found.items():
            columns = zip(*rows, strict=True)
            _, start, spent, p50 = (sorted(column)[len(column) // 2] for column in columns)
            print(f"| {app} | {server} | {start:.2f} | {1e6 * spent:.0f} | {p50:.1f} |")


if __name__ == "__main__":
    main()
