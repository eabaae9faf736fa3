"""Print which TCP ports of an address accept a connection: ``open_ports.py ADDRESS FIRST LAST``."""

import asyncio
import json
import sys


async def accepts(address: str, port: int, limit: asyncio.Semaphore) -> bool:
    """Try once."""
    async with limit:
        try:
            _, writer = await asyncio.wait_for(asyncio.open_connection(address, port), 3)
        except (OSError, asyncio.TimeoutError):
            return False
        writer.close()
        return True


async def main(address: str, first: int, last: int) -> list[int]:
    """Try all ports, some hundred at once."""
    limit = asyncio.Semaphore(400)
    ports = range(first, last + 1)
    found = await asyncio.gather(*(accepts(address, port, limit) for port in ports))
    return [port for port, is_open in zip(ports, found, strict=True) if is_open]


if __name__ == "__main__":
    print(json.dumps(asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))))  # noqa: T201 - the answer
