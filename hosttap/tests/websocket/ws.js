// `ws` of npm as server or client, $1: each message must come back as it was sent.
const { WebSocket, WebSocketServer } = require("ws");
const PING = "are you there?";
const MESSAGES = [
  [""],
  [Buffer.alloc(0)],
  ["grüße"],
  [Buffer.from([...Array(256).keys()])],
  // At the limits of the three forms of a length.
  [Buffer.alloc(125, 0)],
  [Buffer.alloc(126, 0x7e)],
  [Buffer.alloc(65535, 0xff)],
  ["é".repeat(32768)],
  // In fragments, the second of which is empty.
  ["in ", "", "parts: ", "ж".repeat(5000)],
  [Buffer.alloc(1048576, "0123456789abcdef")],
];

function fail(why) {
  console.log(why);
  process.exit(1);
}

async function check(socket) {
  const next = (event) => new Promise((resolve) => socket.once(event, (...data) => resolve(data)));
  socket.on("error", (error) => fail(error.message));
  for (const parts of MESSAGES) {
    const answer = next("message");
    parts.forEach((part, index) => socket.send(part, { fin: index + 1 === parts.length }));
    const [heard, isBinary] = await answer;
    const sent = Buffer.concat(parts.map((part) => Buffer.from(part)));
    if (isBinary !== (typeof parts[0] !== "string")) fail("another kind came back");
    if (!heard.equals(sent)) fail(`${heard.length} bytes in place of these ${sent.length}`);
  }
  const pong = next("pong");
  socket.ping(PING);
  if (String(await pong) !== PING) fail("another pong");
  const closed = next("close");
  socket.close(1000);
  const [code] = await closed;
  console.log(`${MESSAGES.length} messages came back, a pong, closed with ${code}`);
}

if (process.argv[1] === "client") {
  const socket = new WebSocket("ws://192.168.69.1:12345/");
  socket.on("error", (error) => fail(error.message));
  socket.on("open", () => check(socket));
} else {
  const server = new WebSocketServer({ host: "192.168.69.100", port: 9001 });
  server.on("listening", () => console.log("ready"));
  server.on("connection", (socket) => check(socket).then(() => server.close()));
}
