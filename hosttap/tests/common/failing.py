# Runs a program whose system calls fail as they do on some file systems: `NAME=ERRNO ... -- PROGRAM
# ARGUMENT ...`. A filter of seccomp(2) answers the calls; numbers from asm/unistd_64.h.
import ctypes, errno, os, platform, struct, sys

X86_64 = {"flock": 73, "fsync": 74, "linkat": 265, "renameat2": 316, "syncfs": 306}
AARCH64 = {"flock": 32, "fsync": 82, "linkat": 37, "renameat2": 276, "syncfs": 267}
NUMBERS = {"x86_64": X86_64, "aarch64": AARCH64}[platform.machine()]
PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS, SECCOMP_MODE_FILTER = 22, 38, 2
ALLOW, ERRNO = 0x7FFF0000, 0x00050000
LOAD, JUMP_IF_EQUAL, RETURN = 0x20, 0x15, 0x06

split = sys.argv.index("--")
code = [(LOAD, 0, 0, 0)]
for call in sys.argv[1:split]:
    name, error = call.split("=")
    code += [(JUMP_IF_EQUAL, 0, 1, NUMBERS[name]), (RETURN, 0, 0, ERRNO | getattr(errno, error))]
code.append((RETURN, 0, 0, ALLOW))
code = [struct.pack("HBBI", *instruction) for instruction in code]
filter = ctypes.create_string_buffer(b"".join(code))
program = ctypes.create_string_buffer(struct.pack("HxxxxxxQ", len(code), ctypes.addressof(filter)))
libc = ctypes.CDLL(None, use_errno=True)
assert libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
assert libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0) == 0
os.execv(sys.argv[split + 1], sys.argv[split + 1:])
