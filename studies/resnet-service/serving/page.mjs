// page.mjs URL PICTURE FOLDER: tries the upload page in a headless Chromium, light and dark, wide and
// narrow; takes screenshots and asks axe-core for faults of accessibility. Ends with 1 for any fault.
//   npm install puppeteer-core @sparticuz/chromium axe-core && node page.mjs http://localhost:8000/ cat.jpg .
import chromium from "@sparticuz/chromium";
import fs from "node:fs";
import { createRequire } from "node:module";
import puppeteer from "puppeteer-core";

const [url, picture, folder] = process.argv.slice(2);
const axe = fs.readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const faults = [];

async function open(browser, scheme, width, {audited = false} = {}) {
  const page = await browser.newPage();
  page.on("console", message => faults.push(message.text()));
  page.on("pageerror", error => faults.push(error.message));
  await page.setBypassCSP(audited);
  await page.emulateMediaFeatures([{name: "prefers-color-scheme", value: scheme}]);
  await page.setViewport({width, height: 760});
  await page.goto(url, {waitUntil: "networkidle0"});
  return page;
}

async function audit(page) {
  await page.evaluate(axe);
  const {violations} = await page.evaluate(() => axe.run());
  faults.push(...violations.map(({id, nodes}) => `${id}: ${nodes[0].html}`));
}

async function choose(page) {
  await (await page.$("#file")).uploadFile(picture);
  await page.waitForSelector("li.class");
}

async function drop(page) {
  await page.evaluate(async () => {
    const canvas = Object.assign(document.createElement("canvas"), {width: 32, height: 32});
    canvas.getContext("2d").fillRect(0, 0, 20, 20);
    const blob = await new Promise(done => canvas.toBlob(done, "image/webp"));
    const dataTransfer = new DataTransfer();
    dataTransfer.items.add(new File([blob], "drawn.webp", {type: blob.type}));
    const event = new DragEvent("drop", {dataTransfer, bubbles: true, cancelable: true});
    document.getElementById("classes").replaceChildren();
    document.getElementById("drop").dispatchEvent(event);
  });
  await page.waitForSelector("li.class");
}

const executablePath = await chromium.executablePath();
const browser = await puppeteer.launch({args: chromium.args, executablePath, headless: "shell"});
for (const [scheme, width] of [["light", 800], ["dark", 390]]) {
  const page = await open(browser, scheme, width);
  await choose(page);
  await page.screenshot({path: `${folder}/page-${scheme}.png`, fullPage: true});
  await drop(page);
  const audited = await open(browser, scheme, width, {audited: true});
  await choose(audited);
  await audit(audited);
  await audited.goto(`${url}docs`);
  await audit(audited);
}
await browser.close();
console.log(faults.length ? faults.join("\n") : "no faults");
process.exit(faults.length ? 1 : 0);
