"""What each part costs: differences of flash and static RAM between images. See costs.sh."""

from sizes import FIRMWARE, core_route, flash_and_ram

IMAGES = FIRMWARE / "target" / "costs-images"
# (what, image, the image that it is compared with)
ROWS = (
    ("bare socket: smoltcp, driver, clock, harness", "plain-bare", None),
    ("`minimal`: the program above", "plain-minimal", None),
    ("`get`: loop and HTTP client", "plain-get", "plain-bare"),
    ("DHCP client, in `join`, beside the HTTP client", "plain-join", "plain-get"),
    ("resolver, and a client that dials names, with smoltcp's UDP, in `join`", "dns-join", "plain-join"),
    ("SNTP client and clock, with smoltcp's UDP, in `join`", "sntp-join", "plain-join"),
    ("`echo`: loop and server", "plain-echo", "plain-bare"),
    ("`chat`: loop and peer", "plain-chat", "plain-bare"),
    ("`recv`: loop, receiver, SHA-256, flash store", "plain-recv", "plain-bare"),
    ("`update`: loop, HTTP client, download, SHA-256, flash store", "plain-update", "plain-bare"),
    ("`page`: loop and HTTP server of four callers (`server`)", "page-page", "plain-bare"),
    ("`websocket`, in `page`", "websocket-page", "page-page"),
    ("`hub`: rooms over WebSocket and in lines, the page of `rooms`", "rooms-rooms", "websocket-page"),
    ("`socketio`, in `rooms`", "socketio-rooms", "rooms-rooms"),
    ("guard, in `get`", "guard-get", "plain-get"),
    ("its loss recovery", "recovery-get", "guard-get"),
    ("feature `reno`, in `get`", "reno-get", "plain-get"),
    ("feature `ipv6`, in `get`", "ipv6-get", "plain-get"),
    ("feature `ipv6`, of it in a bare socket", "ipv6-bare", "plain-bare"),
    ("place and message of a panic, in `get`", "panic-location-get", "plain-get"),
)


def main():
    print(f"core {core_route()}")
    print("| what | image, flash | flash more | RAM more |")
    print("|---|---|---|---|")
    for what, image, base in ROWS:
        flash, ram = flash_and_ram(IMAGES / image)
        base_flash, base_ram = flash_and_ram(IMAGES / base) if base else (0, 0)
        print(f"| {what} | {flash:,} | {flash - base_flash:,} | {ram - base_ram:,} |")


if __name__ == "__main__":
    main()
