// The server ends and comes again: the page says why it left, and returns by itself.
run(async () => {
  const one = await browser();
  const ada = await tab(one, "ada");
  console.log("ready");
  await hears(ada, "Disconnected: the server is going away.");
  console.log("told");
  await inLobby(ada, "ada");
});
