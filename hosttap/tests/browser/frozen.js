// A browser that is frozen slows nobody, is let go in time, and comes back by itself.
run(async () => {
  const [one, other] = [await browser(), await browser()];
  const ada = await tab(one, "ada");
  const bob = await tab(other, "bob");
  await hears(ada, "bob joined");
  signal(other, "SIGSTOP");
  const terminal = new Terminal("carol");
  const lines = Array.from({ length: 100 }, (_, number) => `line ${number}`);
  for (const line of lines) terminal.say(line);
  await hears(ada, "carol: line 99");
  const carols = (await said(ada)).filter((line) => line.startsWith("carol: "));
  equal(carols, lines.map((line) => `carol: ${line}`));
  await hears(ada, "bob left");
  signal(other, "SIGCONT");
  await ada.waitForFunction(() => [...document.querySelectorAll("#log p")]
    .filter((line) => line.textContent.includes("bob joined")).length === 2);
  await say(bob, "I am back.");
  await hears(ada, "bob: I am back.");
});
