// report.mjs MODULES FOLDER PAGE...: looks at reports in a headless Chromium, as a reader would.
// Wide, on a tablet and on a phone, light and dark: axe-core audits each width, nothing may stand out
// of the window, sorting must sort, by keyboard too. Screenshots and an A4 PDF stay in FOLDER.
// Prints the faults as a JSON list. MODULES holds puppeteer-core, @sparticuz/chromium and axe-core.
import fs from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";

const [modules, folder, ...pages] = process.argv.slice(2);
const require = createRequire(path.join(modules, "node_modules", "none.js"));
const load = async name => (await import(pathToFileURL(require.resolve(name)))).default;
const [chromium, puppeteer] = [await load("@sparticuz/chromium"), await load("puppeteer-core")];
const axe = fs.readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const faults = [];
const A4 = 695; // pixels of a page within its margins
const AUDITED = ["dark 1440", "light 820", "light 390"]; // an audit of a long page takes long

async function open(browser, file, scheme, width) {
  const page = await browser.newPage();
  const where = `${path.basename(file)} ${scheme} ${width}`;
  const fault = text => faults.push(`${where}: ${text}`);
  page.on("console", message => fault(message.text()));
  page.on("pageerror", error => fault(error.message));
  page.on("request", request => /^(file|data):/.test(request.url()) || fault(`asks ${request.url()}`));
  await page.emulateMediaFeatures([{name: "prefers-color-scheme", value: scheme}]);
  await page.setViewport({width, height: 800});
  await page.goto(pathToFileURL(file), {waitUntil: "load"});
  return [page, fault];
}

async function audit(page, fault) {
  await page.evaluate(axe);
  const {violations} = await page.evaluate(() => axe.run());
  for (const {id, nodes} of violations) fault(`${id}: ${nodes[0].html.slice(0, 200)}`);
}

async function narrow(page, fault, where) {
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  if (wide > 0) fault(`is ${wide} pixels wider than its ${where}`);
}

async function prints(page, fault, file) {
  await page.setViewport({width: A4, height: 1000});
  await page.emulateMediaType("print");
  await narrow(page, fault, "paper");
  await page.pdf({path: file, format: "A4", printBackground: true});
}

async function fits(page, fault) {
  await narrow(page, fault, "window");
  const small = await page.evaluate(() => [...document.querySelectorAll("p, li, td, th, figcaption")]
    .filter(each => each.offsetParent && parseFloat(getComputedStyle(each).fontSize) < 11)
    .map(each => each.textContent.slice(0, 40)));
  if (small.length) fault(`text below 11 pixels: ${small[0]}`);
}

async function sorts(page, fault) {
  const button = await page.$("table.sortable thead th:nth-child(4) button");
  if (!button) return fault("has no column to sort by");
  await button.focus();
  const read = () => page.evaluate(() => [...document.querySelector("table.sortable").tBodies]
    .map(body => [...body.rows].filter(row => !row.classList.contains("model"))
      .map(row => Number(row.cells[3].dataset.value ?? NaN)).filter(number => !Number.isNaN(number))));
  for (const [name, direction] of [["ascending", 1], ["descending", -1]]) {
    await page.keyboard.press("Enter");
    const sorted = (await read()).every(numbers =>
      numbers.every((number, i) => i === 0 || direction * (number - numbers[i - 1]) >= 0));
    if (!sorted) fault(`does not sort ${name}`);
    const told = await button.evaluate(each => each.closest("th").getAttribute("aria-sort"));
    if (told !== name) fault(`says ${told}, not ${name}`);
  }
}

async function draws(page, fault) {
  const count = () => page.$$eval("#picture g.node", nodes => nodes.length);
  const before = await count();
  const block = await page.$("#picture g.node.block");
  if (!block) return fault("folds no block");
  await block.evaluate(each => each.focus());
  await page.keyboard.press("Enter");
  if (await count() <= before) fault("does not unfold a block");
  for (const figure of await page.$$eval("#figure option", all => all.map(each => each.value))) {
    await page.select("#figure", figure);
    const empty = await page.$$eval("#picture g.node:not(.end) .small", all => all.filter(each => !each.textContent).length);
    if (empty) fault(`says nothing of ${figure} in ${empty} boxes`);
  }
  await page.click("#unfold");
  await page.click("#picture g.node.operator");
  if (!(await page.$eval("#detail", each => each.textContent)).includes("operator")) fault("shows no operator");
  await page.click("#larger");
  await page.click("#fold");
}

async function unfolds(page) {
  await page.evaluate(() => document.querySelectorAll("details").forEach(each => each.open = true));
}

const executablePath = await chromium.executablePath();
const browser = await puppeteer.launch({args: chromium.args, executablePath, headless: "shell"});
for (const file of pages) {
  const name = path.basename(file, ".html");
  for (const [scheme, width] of [["light", 1440], ["dark", 1440], ["light", 820], ["light", 390], ["dark", 390]]) {
    const [page, fault] = await open(browser, file, scheme, width);
    if (width === 1440 && await page.$("table.results")) await sorts(page, fault);
    if (width === 1440 && await page.$("#picture")) await draws(page, fault);
    await unfolds(page);
    await fits(page, fault);
    const shot = part => `${folder}/${name}-${scheme}-${width}${part}.png`;
    await page.screenshot({path: shot(""), fullPage: true}); // true up to 16384 pixels
    for (const part of ["mistakes", "training", "reproduce"])
      await (await page.$(`#${part}`))?.screenshot({path: shot(`-${part}`)});
    if (AUDITED.includes(`${scheme} ${width}`)) await audit(page, fault);
    if (width === 1440 && scheme === "light") await prints(page, fault, `${folder}/${name}.pdf`);
    await page.close();
  }
}
await browser.close();
console.log(JSON.stringify(faults));
