// A reload, "back", and a network that is cut: the page says so, and is in its room again.
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
});
