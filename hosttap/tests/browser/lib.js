// What every script here begins with: browsers, terminals, and waiting.
"use strict";
const { chromium } = require("playwright-core");
const { spawn, execFileSync } = require("node:child_process");
const { mkdtempSync, readdirSync, readFileSync } = require("node:fs");

const HOST = "192.168.69.1";
const WAIT_MS = 600_000; // however slow the machine
// Without a sandbox, for tests run as root; without what a browser asks the internet for.
const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
  "--disable-background-networking", "--disable-component-update"];

const started = [];

async function browser() {
  const server = await chromium.launchServer({ executablePath: "/usr/bin/chromium", args: FLAGS,
    timeout: WAIT_MS });
  started.push(() => server.close());
  return { process: server.process(), page: await chromium.connect(server.wsEndpoint()) };
}

// A tab of this browser, in the lobby under this name.
async function tab(browser, name, options = {}) {
  const context = await browser.page.newContext({ viewport: { width: 1024, height: 700 }, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(WAIT_MS);
  page.on("pageerror", (error) => fail(`an error in the page: ${error.message}`));
  await page.goto(`http://${HOST}/`);
  await page.fill("#name", name);
  await page.click("#seat button");
  await inLobby(page, name);
  return page;
}

async function state(page, text) {
  await page.locator("#state-text", { hasText: text }).waitFor();
}

// In the lobby, under this name and no longer one.
async function inLobby(page, name) {
  await state(page, new RegExp(`^In lobby as ${name}$`));
}

async function say(page, text) {
  await page.fill("#message", text);
  await page.press("#message", "Enter");
}

async function hears(page, text) {
  await page.locator("#log p", { hasText: text }).first().waitFor();
}

// What was said in this tab, without the times.
async function said(page) {
  return page.$$eval("#log p", (lines) => lines.map((line) => {
    const copy = line.cloneNode(true);
    copy.querySelector("time").remove();
    return copy.textContent;
  }));
}

class Terminal {
  constructor(name) {
    this.text = "";
    this.process = spawn("nc", [HOST, "4000"]);
    this.process.stdout.on("data", (data) => { this.text += data; });
    started.push(() => this.process.kill());
    this.say(`/name ${name}`);
  }

  say(line) {
    this.process.stdin.write(`${line}\n`);
  }

  async hears(line) {
    await until(() => this.text.split("\n").includes(line), `the terminal hears "${line}"`);
  }
}

async function until(isSo, what) {
  for (const end = Date.now() + WAIT_MS; !(await isSo());) {
    if (Date.now() > end) fail(`waited in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

function equal(one, other) {
  if (JSON.stringify(one) !== JSON.stringify(other)) {
    fail(`${JSON.stringify(one)} is not ${JSON.stringify(other)}`);
  }
}

function ip(...words) {
  execFileSync("ip", words);
}

// The process and all that it started.
function family(id) {
  const parents = readdirSync("/proc").filter((name) => /^\d+$/.test(name)).map((name) => {
    try {
      const stat = readFileSync(`/proc/${name}/stat`, "utf8");
      return [Number(name), Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1])];
    } catch {
      return [0, 0]; // it ended meanwhile
    }
  });
  const all = [id];
  for (const one of all) all.push(...parents.filter(([, parent]) => parent === one).map(([child]) => child));
  return all;
}

function signal(browser, name) {
  for (const id of family(browser.process.pid)) process.kill(id, name);
}

function fail(why) {
  console.error(why);
  process.exit(1);
}

async function run(script) {
  try {
    await script();
  } catch (error) {
    fail(error.stack);
  }
  for (const end of started) await end();
  console.log("done");
  process.exit(0);
}
