//! HTTP/1.0 GET: pure bytes (URL, request, head, body) and the machine over them.
