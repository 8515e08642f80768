"""`hub serve` killed with SIGKILL: its web processes go too, and another can begin on the same port."""

import asyncio
import socket
from pathlib import Path

import httpx2
import psutil

from hub.runtime import Hub
from hub.settings import Settings
from tests.processes import Running, started


async def test_web_processes_do_not_outlive_who_made_them(hub: Hub, hub_settings: Settings, tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    for _ in range(2):
        with started(hub_settings, tmp_path, "serve", "--workers", "2", HUB_PORT=str(port)) as running:
            await _answers(port, running)
            children = psutil.Process(running.process.pid).children(recursive=True)
            assert len(children) >= 2
            running.kill()
        _, alive = await asyncio.to_thread(psutil.wait_procs, children, 30)
        assert alive == []


async def _answers(port: int, running: Running) -> None:
    async with asyncio.timeout(90), httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        while True:
            assert running.process.poll() is None, running.log.read_text()
            try:
                if (await client.get("/readyz")).is_success:
                    return
            except httpx2.TransportError:
                await asyncio.sleep(0.1)
