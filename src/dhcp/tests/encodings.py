"""Prints messages as scapy encodes them, one a line: its name, and its bytes in hexadecimal.

    python3 encodings.py >encodings.txt        (with scapy 2.6 or later)
"""

from scapy.layers.dhcp import BOOTP, DHCP

MAC = bytes([2, 0, 0, 0, 0, 1])
XID = 0x11223344
WANTED = [1, 121, 3, 6, 15, 26, 42, 58, 59, 81]


def reply(kind, **options):
    bootp = BOOTP(op=2, xid=XID, yiaddr="10.0.0.9", chaddr=MAC, siaddr="10.0.0.1")
    listed = [("message-type", kind), ("server_id", "10.0.0.1")]
    # scapy takes several addresses as further members of the tuple.
    several = ((name, value if isinstance(value, list) else [value]) for name, value in options.items())
    listed += [(name, *values) for name, values in several]
    return bootp / DHCP(options=listed + ["end"])


def request(kind, address="0.0.0.0", more=(), asks=True):
    bootp = BOOTP(op=1, xid=XID, secs=258, ciaddr=address, chaddr=MAC)
    listed = [("message-type", kind), ("client_id", b"\x01us"), *more]
    if asks:
        listed += [("max_dhcp_size", 1500), ("hostname", b"lamp"), ("param_req_list", WANTED)]
    return bytes(bootp / DHCP(options=listed + ["end"])).ljust(384, b"\0")


MESSAGES = {
    "ack": bytes(reply(
        "ack",
        lease_time=3600,
        renewal_time=1800,
        rebinding_time=3150,
        subnet_mask="255.255.0.0",
        router=["10.0.0.1", "10.0.0.2"],
        name_server=["10.0.0.3", "10.0.0.4"],
        domain=b"home.lan",
        NTP_server="10.0.0.5",
    )),
    "nak": bytes(reply("nak")),
    "discover": request("discover"),
    "request": request("request", more=[("requested_addr", "10.0.0.9"), ("server_id", "10.0.0.1")]),
    "renewal": request("request", address="10.0.0.9"),
    "release": request("release", address="10.0.0.9", more=[("server_id", "10.0.0.1")], asks=False),
}

if __name__ == "__main__":
    for name, message in MESSAGES.items():
        print(name, message.hex())
