// The listing of a folder: a text is shown, and what cannot be shown is saved.
run(async () => {
  const one = await browser();
  const page = await one.page.newPage();
  page.setDefaultTimeout(20_000);
  await page.goto(`http://${HOST}/files/`);
  await page.click("text=a.txt");
  await page.waitForURL("**/a.txt");
  equal((await page.textContent("body")).trim(), "a text");
  await page.goBack();
  const download = page.waitForEvent("download");
  await page.click("text=a.zip");
  const saved = await (await (await download).createReadStream()).toArray();
  equal(Buffer.concat(saved).toString(), "no text\n");
});
