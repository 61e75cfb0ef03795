// Two tabs and a terminal talk in one room. With a file's name as argument, the first tab is drawn there.
run(async () => {
  const one = await browser();
  const ada = await tab(one, "ada");
  const bob = await tab(one, "bob", { viewport: { width: 360, height: 640 }, colorScheme: "dark" });
  await hears(ada, "bob joined");
  const terminal = new Terminal("carol");
  await hears(bob, "is now carol");

  await say(ada, "Hello from a browser.");
  await terminal.hears("ada: Hello from a browser.");
  terminal.say("Hello from a terminal.");
  await hears(bob, "carol: Hello from a terminal.");
  await say(bob, "<b>And</b> from a small screen.");
  await hears(ada, "bob: <b>And</b> from a small screen.");
  await terminal.hears("bob: <b>And</b> from a small screen.");

  const last = (lines) => lines.slice(-3);
  equal(last(await said(ada)), last(await said(bob)));
  if (process.argv[1]) {
    await ada.screenshot({ path: `${process.argv[1]}/page.png` });
    await bob.screenshot({ path: `${process.argv[1]}/page-small.png` });
  }

  // A message that is too long stays where it is, and so does the connection.
  await say(ada, "x".repeat(5000));
  await ada.locator("#hint.refused", { hasText: "5000 bytes" }).waitFor();
  await say(ada, "short");
  await terminal.hears("ada: short");

  // A name that is too long is refused before it is sent.
  await ada.fill("#name", "é".repeat(20));
  await ada.click("#seat button");
  equal(await ada.$eval("#name", (field) => field.validationMessage), "At most 32 bytes in UTF-8.");
  await inLobby(ada, "ada");

  // With the keyboard alone, from the top of the page.
  await ada.focus("body");
  for (let key = 0; key < 20; key += 1) {
    await ada.keyboard.press("Tab");
    if (await ada.evaluate(() => document.activeElement.id) === "message") break;
  }
  await ada.keyboard.type("typed");
  await ada.keyboard.press("Enter");
  await terminal.hears("ada: typed");
});
