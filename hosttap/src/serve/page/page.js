// The page's side of a room: one WebSocket, which comes back by itself.
//
//   joining -> open -> waiting -> joining ...
//
// A frame is a line: "NAME: message" is somebody's, "* ..." the room's own.
"use strict";

const MESSAGE_BYTES = 4096; // a longer one would end the connection; the server may take less
const NAME_BYTES = 32;
const LINES_KEPT = 500;
const JOIN_MS = 10_000; // until the room must have answered
const WAIT_MS = { first: 500, longest: 8_000 };
const QUIET_MS = 20_000; // without a frame, after which the server is asked whether it is there
const ANSWER_MS = 5_000;
const UNHEARD = "This may not have been heard.";

const at = (id) => document.getElementById(id);
const log = at("log");
const message = at("message");
const seat = { room: at("room"), name: at("name") };

let socket = null;
let isOpen = false;
let failures = 0;
let timer = 0;
let ownName = "";
let unheard = []; // said, and not heard from the room yet

// What is shown of the connection.

function show(state, text, seconds = "") {
  at("state").dataset.state = state;
  // What changes every second is not read out.
  if (at("state-text").textContent !== text) at("state-text").textContent = text;
  at("state-count").textContent = seconds;
  // Not `disabled`, for then Enter would do nothing, and say nothing.
  at("send").setAttribute("aria-disabled", String(state !== "open"));
}

function hint(text, isRefusal) {
  at("hint").textContent = text;
  at("hint").classList.toggle("refused", isRefusal);
}

const HINT = at("hint").textContent;

// The life of the connection.

function room() {
  return seat.room.value.trim() || "lobby";
}

function address() {
  const scheme = location.protocol === "https:" ? "wss:" : "ws:";
  const query = new URLSearchParams({ room: room() });
  const name = seat.name.value.trim();
  if (name) query.set("name", name);
  return `${scheme}//${location.host}/ws?${query}`;
}

function join() {
  leave();
  show("busy", `Joining ${room()} …`);
  const mine = new WebSocket(address());
  socket = mine;
  after(JOIN_MS, () => lost("no answer"));
  mine.onopen = () => {
    if (socket !== mine) return;
    isOpen = true;
    ownName = "";
    show("open", `In ${room()}`);
    listen();
  };
  mine.onmessage = (event) => {
    if (socket !== mine) return;
    if (typeof event.data === "string") receive(event.data);
    if (socket === mine) listen();
  };
  mine.onclose = (event) => {
    if (socket !== mine) return;
    lost(reason(event), event.code === 1009);
  };
}

// Forgets the connection, whatever becomes of it, and gives back what is still unheard.
function leave() {
  clearTimeout(timer);
  const old = socket;
  socket = null;
  isOpen = false;
  if (old) old.close(1000);
  giveBack();
}

function lost(why, isTooLong = false) {
  if (ownName) note(`Disconnected: ${why}.`);
  if (isTooLong) giveBackLongest();
  ownName = "";
  leave();
  const longest = Math.min(WAIT_MS.first * 2 ** failures, WAIT_MS.longest);
  failures += 1;
  // By chance, so that not everybody returns at the same moment.
  count(Date.now() + longest * (0.5 + Math.random() / 2), why);
}

function count(until, why) {
  const left = until - Date.now();
  if (left <= 0) return join();
  show("lost", `Disconnected: ${why}. Trying again`, ` in ${Math.ceil(left / 1000)} s`);
  after(Math.min(left, 1_000), () => count(until, why));
}

function reason(event) {
  if (!navigator.onLine && !isOpen) return "this computer is offline";
  if (event.reason) return event.reason;
  if (event.code === 1009) return "the message was too long";
  if (event.code === 1001) return "the server is going away";
  if (event.code === 1008 || event.code === 1013) return "the server could not keep up with us";
  return isOpen ? "the connection broke" : "the server does not answer";
}

// A browser does not tell a page that nothing comes any more. So the server is asked: soon while it
// owes us our own words, else by chance, for all pages of a room hear the same frame, and the server
// has not a place for each of them at the same moment.
function listen() {
  after(unheard.length ? ANSWER_MS : QUIET_MS * (1 + Math.random()), ask);
}

async function ask() {
  const mine = socket;
  const isThere = await fetch("/", { method: "HEAD", signal: AbortSignal.timeout(ANSWER_MS) })
    .then(() => true, () => false);
  if (socket !== mine) return;
  if (isThere) listen();
  else lost(navigator.onLine ? "the server does not answer" : "this computer is offline");
}

function after(delay, what) {
  clearTimeout(timer);
  timer = setTimeout(what, delay);
}

// What is said.

function receive(text) {
  failures = 0; // not before: a server that hangs up at once is not asked without end
  const joined = /^\* (.+) joined$/.exec(text);
  if (joined && !ownName) {
    ownName = joined[1];
    show("open", `In ${room()} as ${ownName}`);
  }
  // After a cut, our old self may have had the name until now.
  const wanted = seat.name.value.trim();
  const isOurs = same(ownName, wanted) || !ownName || !wanted;
  if (!isOurs && same(text, `* ${wanted} left`)) join();
  const end = text.indexOf(": ");
  if (text.startsWith("* ") || end < 0) return add("notice", "", text.replace(/^\* /, ""));
  const isOwn = text.slice(0, end) === ownName;
  if (isOwn) unheard.shift();
  add(isOwn ? "own" : "", text.slice(0, end), text.slice(end + 2));
}

// Names are the same whatever the case of their ASCII letters.
function same(one, other) {
  return one.toLowerCase() === other.toLowerCase();
}

function note(text) {
  add("notice", "", text);
}

function add(kind, name, text) {
  const isAtEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 8;
  const line = document.createElement("p");
  line.className = kind;
  const time = document.createElement("time");
  const now = new Date();
  time.dateTime = now.toISOString();
  time.textContent = now.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  line.append(time);
  if (name) {
    const who = document.createElement("b");
    who.textContent = `${name}: `;
    line.append(who);
  }
  // Neither name nor text turns the other round, whatever way they are written.
  const what = document.createElement("bdi");
  what.textContent = text;
  line.append(what);
  log.append(line);
  while (log.childElementCount > LINES_KEPT) log.firstElementChild.remove();
  if (isAtEnd) log.scrollTop = log.scrollHeight;
  else at("newer").hidden = false;
}

function bytes(text) {
  return new TextEncoder().encode(text).length;
}

function say() {
  const text = message.value;
  if (!text.trim()) return;
  if (bytes(text) > MESSAGE_BYTES) {
    return hint(`${bytes(text)} bytes are too many: a message has at most ${MESSAGE_BYTES}.`, true);
  }
  if (!isOpen || socket.readyState !== WebSocket.OPEN) {
    return hint("Not connected: the message stays here until you send it again.", true);
  }
  socket.send(text);
  message.value = "";
  hint(HINT, false);
  // The room says it to us, too. Who goes on writing does not put the question off.
  if (unheard.push(text) === 1) listen();
}

// With its connection goes perhaps what is still unheard. The last of it is in the field again, what
// was said before it in the log.
function giveBack() {
  const last = unheard.pop();
  for (const text of unheard) note(`${UNHEARD} ${text}`);
  unheard = [];
  if (last !== undefined) giveBackOne(last, UNHEARD);
}

// The server does not say which message was too long for it.
function giveBackLongest() {
  const [longest] = [...unheard].sort((one, other) => bytes(other) - bytes(one));
  if (longest === undefined) return;
  unheard.splice(unheard.indexOf(longest), 1);
  giveBackOne(longest, "The server took no message of this length.");
}

function giveBackOne(text, why) {
  if (message.value) return note(`${why} ${text}`);
  message.value = text;
  hint(`${why} Here it is again.`, true);
}

// What is known the next time, in a browser that keeps anything.

function keep(key, value) {
  try {
    localStorage.setItem(`tickwire.${key}`, value);
  } catch { /* it keeps nothing */ }
}

function kept(key) {
  try {
    return localStorage.getItem(`tickwire.${key}`) ?? "";
  } catch {
    return "";
  }
}

// What people do.

at("say").addEventListener("submit", (event) => {
  event.preventDefault();
  say();
});

for (const field of Object.values(seat)) {
  field.addEventListener("input", () => {
    const isLong = bytes(field.value.trim()) > NAME_BYTES;
    field.setCustomValidity(isLong ? `At most ${NAME_BYTES} bytes in UTF-8.` : "");
  });
}

at("seat").addEventListener("submit", (event) => {
  event.preventDefault();
  for (const key of ["room", "name"]) keep(key, seat[key].value.trim());
  failures = 0;
  join();
  message.focus();
});

log.addEventListener("scroll", () => {
  if (log.scrollHeight - log.scrollTop - log.clientHeight < 8) at("newer").hidden = true;
});

at("newer").addEventListener("click", () => {
  log.scrollTop = log.scrollHeight;
  message.focus();
});

addEventListener("online", () => {
  if (!isOpen) join();
});
// There may be no internet, and the server all the same.
addEventListener("offline", () => {
  if (isOpen) after(0, ask);
});
// A page that is kept for "back" lets its connection go, and takes a new one when it is shown again.
addEventListener("pagehide", leave);
addEventListener("pageshow", (event) => {
  if (event.persisted) join();
});

for (const key of ["room", "name"]) seat[key].value = kept(key);
join();
