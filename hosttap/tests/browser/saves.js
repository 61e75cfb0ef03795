// The listing of a folder: a text is shown, what cannot be shown is saved, and a file is sent.
run(async () => {
  const one = await browser();
  const page = await one.page.newPage();
  page.setDefaultTimeout(WAIT_MS);
  await page.goto(`http://${HOST}/files/`);
  await page.click("text=a.txt");
  await page.waitForURL("**/a.txt");
  equal((await page.textContent("body")).trim(), "a text");
  await page.goBack();
  const download = page.waitForEvent("download");
  await page.click("text=a.zip");
  const saved = await (await (await download).createReadStream()).toArray();
  equal(Buffer.concat(saved).toString(), "no text\n");
  const file = { name: "a ü.txt", mimeType: "text/plain", buffer: Buffer.from("sent\n") };
  await page.setInputFiles("input[type=file]", file);
  await page.click("button");
  await page.click("text=a ü.txt");
  await page.waitForURL("**/a%20%C3%BC.txt");
  equal((await page.textContent("body")).trim(), "sent");
});
