# Starts receivers and kills them: hosttap, folder, seed.
import random, subprocess

PROGRAM, FOLDER, SEED = sys.argv[1:]
NAME, SIZE = "file.bin", 2 << 20
dice = random.Random(SEED)
tally = {}
# What the receiver calls to make a file durable under its name, and for nothing else.
CALLS = ["fsync", "fdatasync", "rename", "renameat", "renameat2", "linkat", "unlinkat"]
# How long the receiver hashes what it holds, and from the last byte to the receipt; the first files measure it.
times = {"hash": 0.05, "commit": 0.05}


def start(*under):
    receiver = ["setpriv", "--pdeathsig", "KILL", "--", PROGRAM, "recv", "--dir", FOLDER]
    for _ in range(1000):
        log = open(f"{FOLDER}.log", "wb")
        program = subprocess.Popen([*under, *receiver], stderr=log)
        while program.poll() is None:
            if b"Listening" in open(f"{FOLDER}.log", "rb").read():
                return program
            time.sleep(0.003)
        # A receiver dies with the strace that it ran under, but a moment later.
        said = open(f"{FOLDER}.log").read()
        assert "another program holds" in said, said
        time.sleep(0.01)
    raise AssertionError("the last receiver holds the TAP for ever")


def look(data):
    """What is in the folder: how much is held, and whether the file has its name. All else is a failure."""
    held, named = 0, False
    for name in os.listdir(FOLDER):
        found = open(f"{FOLDER}/{name}", "rb").read()
        if name == NAME:
            assert found == data, "a file has its name and is not whole"
            named = True
        elif name.endswith(".part"):
            assert found == data[:len(found)], "what is held is not what was sent"
            held = max(held, len(found))
        else:
            assert name.startswith(".tickwire-finished"), f"{name} was stored a second time"
    return held, named


def attempt(data, act):
    """One connection, up to the kill; the receipt, where one came."""
    held, named = look(data)
    was_named, program, got = named, start(), None
    connection = dial()

    def kill(within):
        time.sleep(dice.uniform(0, within))
        program.kill()
        program.wait()
        # Nobody is there to reset the connection: what it has not brought by now never comes.
        connection.settimeout(0.01)

    connection.sendall(offer(data, NAME))
    begun = time.monotonic()
    if act == "hash":
        kill(times["hash"])
    else:
        _, status, offset = reply(connection)
        if held == len(data):
            times["hash"] = time.monotonic() - begun
        assert (status, offset) == (FINE, len(data) if named else held), (status, offset, held, named)
        end = dice.randrange(offset, len(data) + 1) if act == "data" else len(data)
        connection.sendall(data[offset:end])
        if act == "data":
            kill(0.02)
        else:
            wait_until_sent(connection)
        begun = time.monotonic()
        if act == "commit":
            kill(1.3 * times["commit"])
        if act != "data":
            try:
                got = reply(connection)
            except OSError:
                pass
        if act is None and not was_named:
            times["commit"] = time.monotonic() - begun
    program.kill()
    program.wait()
    reset(connection)
    held, named = look(data)
    if got is not None:
        assert got == (RECEIPT, FINE, len(data)) and named, "a receipt for what is not there"
    if act:
        left = "named" if named else "whole" if held == len(data) else "part" if held else "nothing"
        tally[f"{act}: {left}"] = tally.get(f"{act}: {left}", 0) + 1
    return got


def finish(data):
    """The next try succeeds; and a receipt that was lost is repeated, and the file stored once."""
    assert attempt(data, None), "no receipt"
    assert attempt(data, None), "no receipt"
    assert look(data) == (0, True)
    os.remove(f"{FOLDER}/{NAME}")


def kill_at_random(wanted):
    kills, number = 0, 0
    while kills < wanted:
        number += 1
        data = pattern(SIZE, f"{SEED} {number}")
        # The first files come whole, so that the times are known.
        for _ in range(0 if number < 3 else dice.randrange(1, 6)):
            if look(data) == (0, False):
                act = dice.choice(["data", "data", "commit"])
            else:
                act = dice.choice(["hash", "data", "commit", "commit"])
            attempt(data, act)
            kills += 1
        finish(data)
    say(kills, "kills, then found", *(f"{left} {count}," for left, count in sorted(tally.items())))


def kill_before_each_call():
    for number, call in enumerate(CALLS):
        count = 1
        while kill_before(call, count, pattern(100000, 100 * number + count)):
            count += 1


def fail(call, how):
    """What a receiver says, and leaves, for which the first such call of each thread goes wrong."""
    data = pattern(100000, call)
    program = start("strace", "-f", "-qq", "-o", f"{FOLDER}.trace", "-e", f"trace={call}",
                    "-e", f"inject={call}:{how}:when=1")
    said = send_checked(data, NAME)
    program.kill()
    program.wait()
    say(said[-1], look(data), signs_of_life > 0)
    if not look(data)[1]:
        finish(data)


def kill_before(call, count, data):
    """Whether it came to that: the receiver calls it so often for one file."""
    program, got = start("strace", "-f", "-qq", "-o", f"{FOLDER}.trace", "-e", f"trace={call}",
                         "-e", f"inject={call}:signal=KILL:when={count}"), None
    connection = dial()
    connection.sendall(offer(data, NAME))
    assert reply(connection) == (ANSWER, FINE, 0)
    connection.sendall(data)
    connection.settimeout(0.05)
    while got is None and program.poll() is None:
        try:
            got = reply(connection)
        except OSError:
            pass
    program.kill()
    program.wait()
    reset(connection)
    held, named = look(data)
    if got is None:
        say("before", call, count, "named" if named else held)
    finish(data)
    return got is None
