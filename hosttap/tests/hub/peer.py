# The same as peer.js, with python-socketio. It is the second to come.
import json, os, sys
import socketio

COUNT = 1000
client = socketio.Client(reconnection_delay=0.5, reconnection_delay_max=2)
heard = 0
acknowledged = 0


def tell(*words):
    # At once, for there are several threads.
    sys.stdout.write(" ".join(words) + "\n")


def on(name):
    return client.on(name, namespace="/test")


def fail(why):
    tell(why)
    os._exit(1)


def acknowledge(others):
    global acknowledged
    if others != 1:
        fail(f"{others} others")
    acknowledged += 1
    if acknowledged == COUNT:
        tell("all acknowledged")


@on("connect")
def connect():
    tell("connected")


@on("news")
def news(data):
    tell("news", json.dumps(data, separators=(",", ":")))


@on("my other event")
def my_other_event(data):
    tell("my other event", json.dumps(data, separators=(",", ":")))
    client.emit("my other event", {"my": "d\u00e4ta"}, namespace="/test")
    for number in range(COUNT):
        client.emit("count", number, namespace="/test", callback=acknowledge)


@on("message")
def message(data):
    tell("message", data["name"], data["text"])


@on("count")
def count(number):
    global heard
    if number != heard:
        fail(f"{number} in place of {heard}")
    heard += 1
    if heard == COUNT:
        tell("all heard")


client.connect("http://192.168.69.1/?name=py", namespaces=["/test"], transports=["websocket"])
for line in sys.stdin:
    client.send(line.strip(), namespace="/test")
client.disconnect()
