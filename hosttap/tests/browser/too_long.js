// A server that takes shorter messages than the page: the long one is in the field again, not the last.
run(async () => {
  const one = await browser();
  const ada = await tab(one, "ada");
  const long = "x".repeat(65);
  await ada.evaluate((texts) => {
    for (const text of texts) {
      document.getElementById("message").value = text;
      document.getElementById("say").requestSubmit();
    }
  }, ["the first", long, "the last"]);
  await ada.locator("#hint.refused", { hasText: "no message of this length" }).waitFor();
  equal(await ada.inputValue("#message"), long);
  await hears(ada, "may not have been heard. the last");
  await inLobby(ada, "ada");
});
