# Starts receivers and kills them. Arguments: hosttap, directory, seed.
import random, subprocess

PROGRAM, DIRECTORY, SEED = sys.argv[1:]
NAME, SIZE = "file.bin", 2 << 20
rng = random.Random(SEED)
counts = {}
# The system calls that the receiver makes only to make a file durable under its name.
CALLS = ["fsync", "fdatasync", "rename", "renameat", "renameat2", "linkat", "unlinkat"]
# How long the receiver hashes the partial file, and how long it takes from the last byte to the
# receipt. The first files measure both.
durations = {"hash": 0.05, "commit": 0.05}


def start():
    receiver = ["setpriv", "--pdeathsig", "KILL", "--", PROGRAM, "recv", "--dir", DIRECTORY]
    for _ in range(1000):
        log = open(f"{DIRECTORY}.log", "wb")
        program = subprocess.Popen(receiver, stderr=log)
        while program.poll() is None:
            if b"Listening" in open(f"{DIRECTORY}.log", "rb").read():
                return program
            time.sleep(0.003)
        # The kernel may release the TAP of a killed receiver a moment later.
        errors = open(f"{DIRECTORY}.log").read()
        assert "another program holds" in errors, errors
        time.sleep(0.01)
    raise AssertionError("the last receiver never releases the TAP")


def start_traced(call, how):
    """A receiver, and the strace that changes its system calls from the first sender on. What it tries at the start
    does not count."""
    program = start()
    command = ["strace", "-f", "-o", f"{DIRECTORY}.trace", "-e", f"trace={call}", "-e", f"inject={call}:{how}",
               "-p", str(program.pid)]
    tracer = subprocess.Popen(command, stderr=subprocess.PIPE)
    line = tracer.stderr.readline()
    assert b"attached" in line, line
    return program, tracer


def end(program, tracer):
    program.kill()
    program.wait()
    tracer.wait()
    tracer.stderr.close()


def inspect(data):
    """The length of the partial file, and whether the file has its name. Anything else is a failure."""
    held, named = 0, False
    for name in os.listdir(DIRECTORY):
        found = open(f"{DIRECTORY}/{name}", "rb").read()
        if name == NAME:
            assert found == data, "a file has its name but is incomplete"
            named = True
        elif name.endswith(".part"):
            assert found == data[:len(found)], "the partial file differs from what was sent"
            held = max(held, len(found))
        else:
            assert name.startswith(".tickwire-finished"), f"{name} was stored a second time"
    return held, named


def attempt(data, phase):
    """One connection, with a kill in `phase`, or none. Returns the receipt, if one arrived."""
    held, named = inspect(data)
    was_named, program, receipt_reply = named, start(), None
    connection = connect()

    def kill(within):
        time.sleep(rng.uniform(0, within))
        program.kill()
        program.wait()
        # No process is left that could send anything.
        connection.settimeout(0.01)

    connection.sendall(offer(data, NAME))
    begin = time.monotonic()
    if phase == "hash":
        kill(durations["hash"])
    else:
        _, status, offset = read_reply(connection)
        if held == len(data):
            durations["hash"] = time.monotonic() - begin
        assert (status, offset) == (FINE, len(data) if named else held), (status, offset, held, named)
        end = rng.randrange(offset, len(data) + 1) if phase == "data" else len(data)
        connection.sendall(data[offset:end])
        if phase == "data":
            kill(0.02)
        else:
            wait_until_acknowledged(connection)
        begin = time.monotonic()
        if phase == "commit":
            kill(1.3 * durations["commit"])
        if phase != "data":
            try:
                receipt_reply = read_reply(connection)
            except OSError:
                pass
        if phase is None and not was_named:
            durations["commit"] = time.monotonic() - begin
    program.kill()
    program.wait()
    reset(connection)
    held, named = inspect(data)
    if receipt_reply is not None:
        assert receipt_reply == (RECEIPT, FINE, len(data)), receipt_reply
        assert named, "a receipt for a file that is not stored"
    if phase:
        complete = "complete" if held == len(data) else "partial"
        left = "named" if named else complete if held else "nothing"
        counts[f"{phase}: {left}"] = counts.get(f"{phase}: {left}", 0) + 1
    return receipt_reply


def finish(data):
    """The next attempt succeeds. Another one gets the receipt again, and the file is stored once."""
    assert attempt(data, None), "no receipt"
    assert attempt(data, None), "no receipt"
    assert inspect(data) == (0, True)
    os.remove(f"{DIRECTORY}/{NAME}")


def kill_at_random(wanted):
    kills, number = 0, 0
    while kills < wanted:
        number += 1
        data = pattern(SIZE, f"{SEED} {number}")
        # The first files are not interrupted, so that the durations are known.
        for _ in range(0 if number < 3 else rng.randrange(1, 6)):
            if inspect(data) == (0, False):
                phase = rng.choice(["data", "data", "commit"])
            else:
                phase = rng.choice(["hash", "data", "commit", "commit"])
            attempt(data, phase)
            kills += 1
        finish(data)
    say(kills, "kills, then found", *(f"{left} {count}," for left, count in sorted(counts.items())))


def kill_before_each_call():
    for number, call in enumerate(CALLS):
        count = 1
        while kill_before(call, count, pattern(100000, 100 * number + count)):
            count += 1


def fail(call, how):
    """What a receiver replies and leaves if the first such system call of each thread fails."""
    data = pattern(100000, call)
    traced = start_traced(call, f"{how}:when=1")
    replies = send_checked(data, NAME)
    end(*traced)
    say(replies[-1], inspect(data), signs_of_life > 0)
    if not inspect(data)[1]:
        finish(data)


def kill_before(call, count, data):
    """Kills the receiver before system call number `count`. Returns whether it got that far."""
    program, tracer = start_traced(call, f"signal=KILL:when={count}")
    receipt_reply = None
    connection = connect()
    connection.sendall(offer(data, NAME))
    assert read_reply(connection) == (ANSWER, FINE, 0)
    connection.sendall(data)
    connection.settimeout(0.05)
    while receipt_reply is None and program.poll() is None:
        try:
            receipt_reply = read_reply(connection)
        except OSError:
            pass
    end(program, tracer)
    reset(connection)
    held, named = inspect(data)
    if receipt_reply is None:
        say("before", call, count, "named" if named else held)
    finish(data)
    return receipt_reply is None
