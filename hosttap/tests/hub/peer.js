// A client of Socket.IO in the namespace /test: greets whoever comes, and then counts to 1,000 with it.
const { io } = require("socket.io-client");
const COUNT = 1000;
const socket = io("http://192.168.69.1/test", { transports: ["websocket"], query: { name: "js" } });
let heard = 0;
let acknowledged = 0;

function fail(why) {
  console.log(why);
  process.exit(1);
}

function count() {
  for (let number = 0; number < COUNT; number += 1) {
    socket.emit("count", number, (others) => {
      if (others !== 1) fail(`${others} others`);
      acknowledged += 1;
      if (acknowledged === COUNT) console.log("all acknowledged");
    });
  }
}

socket.on("connect", () => console.log("connected"));
socket.on("disconnect", (reason) => console.log("disconnected", reason));
socket.on("connect_error", (error) => console.log("error", error.message));
socket.on("news", (data, acknowledge) => {
  console.log("news", JSON.stringify(data));
  acknowledge();
});
socket.on("joined", (member) => {
  console.log("joined", member.name);
  // Once: after a restart nobody counts.
  if (member.name === "py" && heard === 0) socket.emit("my other event", { my: "data" });
});
socket.on("my other event", (data) => {
  console.log("my other event", JSON.stringify(data));
  count();
});
socket.on("message", (message) => console.log("message", message.name, message.text));
socket.on("count", (number) => {
  if (number !== heard) fail(`${number} in place of ${heard}`);
  heard += 1;
  if (heard === COUNT) console.log("all heard");
});
process.stdin.on("data", (line) => socket.send(String(line).trim()));
process.stdin.on("end", () => socket.close());
