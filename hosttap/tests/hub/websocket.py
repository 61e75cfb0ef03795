# A member by WebSocket under the name $1: prints what it hears, and says what it reads from stdin.
import sys, threading
from websockets.sync.client import connect

socket = connect(f"ws://192.168.69.1/ws?name={sys.argv[1]}", compression=None)


def say():
    for line in sys.stdin:
        socket.send(line.rstrip("\n"))
    socket.close()


threading.Thread(target=say).start()
for text in socket:
    print(text)
print("* closed with", socket.close_code, flush=True)
