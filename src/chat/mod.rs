//! A 1:1 chat: lines as pure bytes, and the peer's machine.
