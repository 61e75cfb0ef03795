# `websockets` of PyPI as server or client, $1: each message must come back as it was sent.
import asyncio, sys
from websockets.asyncio.client import connect
from websockets.asyncio.server import serve

MESSAGES = [
    "",
    b"",
    "grüße",
    bytes(range(256)),
    # At the limits of the three forms of a length.
    b"\x00" * 125,
    b"\x7e" * 126,
    b"\xff" * 65_535,
    "é" * 32_768,
    # In fragments, the second of which is empty.
    ["in ", "", "parts: ", "ж" * 5_000],
    b"0123456789abcdef" * 65_536,
]


async def check(socket):
    for message in MESSAGES:
        _, heard = await asyncio.gather(socket.send(message), socket.recv())
        sent = "".join(message) if isinstance(message, list) else message
        assert heard == sent, (heard[:100], sent[:100])
    await (await socket.ping(b"are you there?"))
    await socket.close()
    assert socket.protocol.close_rcvd.code == 1000, socket.protocol.close_rcvd
    print(f"{len(MESSAGES)} messages came back, a pong, closed with {socket.close_code}")


async def client():
    async with connect("ws://192.168.69.1:12345/", max_size=None) as socket:
        await check(socket)


async def server():
    ended = asyncio.get_running_loop().create_future()

    async def handle(socket):
        try:
            await check(socket)
            ended.set_result(None)
        except BaseException as error:
            ended.set_exception(error)

    async with serve(handle, "192.168.69.100", 9001, max_size=None):
        print("ready")
        await ended


asyncio.run({"client": client, "server": server}[sys.argv[1]]())
