// A reload, "back", and a network that is cut: the page says so, is in its room again, and loses no word.
run(async () => {
  const one = await browser();
  const ada = await tab(one, "ada");
  const terminal = new Terminal("carol");
  await hears(ada, "is now carol");

  await ada.reload();
  await inLobby(ada, "ada");
  await say(ada, "after a reload");
  await terminal.hears("ada: after a reload");

  await ada.goto("about:blank");
  await terminal.hears("* ada left");
  await ada.goBack();
  await inLobby(ada, "ada");
  await say(ada, "after back");
  await terminal.hears("ada: after back");

  ip("link", "set", "tap0", "down");
  await state(ada, "Disconnected");
  await say(ada, "not lost");
  await ada.locator("#hint.refused", { hasText: "stays here" }).waitFor();
  equal(await ada.inputValue("#message"), "not lost");
  ip("link", "set", "tap0", "up");
  await inLobby(ada, "ada");
  await ada.press("#message", "Enter");
  await terminal.hears("ada: not lost");

  // A cut that the browser does not see: what was said into it comes back.
  cut();
  await say(ada, "the first");
  await say(ada, "the last");
  await state(ada, "Disconnected");
  await ada.locator("#hint.refused", { hasText: "may not have been heard" }).waitFor();
  equal(await ada.inputValue("#message"), "the last");
  await hears(ada, "may not have been heard. the first");
  mend();
  await inLobby(ada, "ada");

  // Who goes on writing notices it, too, and before the server, whom no answer reaches any more, hangs
  // up after 40 s.
  cut();
  let words = 0;
  while (await ada.getAttribute("#state", "data-state") === "open") {
    if (words === 10) fail("10 words were said into a cut that nobody noticed");
    words += 1;
    await say(ada, `word ${words}.`);
    await ada.waitForTimeout(3_000);
  }
  mend();
  await inLobby(ada, "ada");

  // Who does not wait, but joins again, has it back at once.
  cut();
  await say(ada, "before joining");
  await ada.click("#seat button");
  await ada.locator("#hint.refused", { hasText: "may not have been heard" }).waitFor();
  equal(await ada.inputValue("#message"), "before joining");
  mend();
  await inLobby(ada, "ada");
});

function cut() {
  ip("neigh", "replace", HOST, "lladdr", "02:00:00:00:00:99", "dev", "tap0", "nud", "permanent");
}

function mend() {
  ip("neigh", "del", HOST, "dev", "tap0");
}
