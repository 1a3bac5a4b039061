// SPDX-License-Identifier: Apache-2.0
// node page.mjs MADE_RUN FOLDER: opens reports of runs with known figures (made_run.cpp) in a browser. CB_PLAYWRIGHT names
// the folder with playwright-core, CHROMIUM the browser (/usr/bin/chromium). CB_SCREENSHOTS: a folder for pictures.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, statSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

const [made_run, folder] = process.argv.slice(2);
const { chromium } = createRequire(resolve(process.env.CB_PLAYWRIGHT, 'node_modules') + '/')('playwright-core');
const pictures = process.env.CB_SCREENSHOTS;
if (pictures) mkdirSync(pictures, { recursive: true });

function make(kind) {
  const run = resolve(folder, kind);
  rmSync(run, { recursive: true, force: true });
  execFileSync(made_run, [kind, run], { stdio: 'inherit' });
  return resolve(run, 'report.html');
}

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
  args: [
    '--no-sandbox',
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
  ],
});

/// The report in a page of its own, which fails the test when it complains or asks anybody for anything.
async function open(file, options) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 850 }, offline: true, ...options });
  const page = await context.newPage();
  const wrong = [];
  page.on('console', (m) => {
    if (m.type() !== 'log') wrong.push(`console ${m.type()}: ${m.text()}`);
  });
  page.on('pageerror', (e) => wrong.push(`error: ${e.message}`));
  page.on('dialog', (d) => {
    wrong.push(`dialog: ${d.message()}`);
    d.dismiss();
  });
  page.on('request', (r) => {
    if (r.url() !== pathToFileURL(file).href) wrong.push(`request: ${r.url()}`);
  });
  await page.goto(pathToFileURL(file).href);
  await page.waitForSelector('html[data-ready=yes]');
  return {
    page,
    close: async () => {
      assert.deepEqual(wrong, []);
      await context.close();
    },
  };
}

const rows = (page, caption) =>
  page.locator('table', { has: page.locator('caption', { hasText: caption }) }).locator('tbody tr');
const cells = async (row) => (await row.locator('th, td').allTextContents()).map((t) => t.trim());
const view = (page) =>
  page
    .locator('.timeline')
    .evaluate((e) => ({
      from: Number(e.dataset.from),
      to: Number(e.dataset.to),
      cursor: e.dataset.cursor === '' ? null : Number(e.dataset.cursor),
    }));
const no_scroll = (page) =>
  page.evaluate(() => document.documentElement.scrollWidth <= document.documentElement.clientWidth);
async function shows(page, chart, key, text) {
  const value = page
    .locator(`[data-chart="${chart}"] .key`, { has: page.locator('.name', { hasText: new RegExp(`^${key}$`) }) })
    .locator('.value');
  assert.equal(await value.textContent(), text, `${chart}: ${key}`);
}
/// Points at a moment of the run on a chart.
async function point_at(page, chart, ms, act = (x, y) => page.mouse.move(x, y)) {
  const plot = page.locator(`[data-chart="${chart}"] .plot`);
  await plot.scrollIntoViewIfNeeded();
  const box = await plot.boundingBox();
  const { from, to } = await view(page);
  await act(box.x + 66 + ((ms - from) / (to - from)) * (box.width - 66 - 10), box.y + box.height / 2);
}
const pixels = (page, chart) => page.locator(`[data-chart="${chart}"] canvas`).evaluate((c) => c.toDataURL());

const tests = {
  async 'verdict, facts and tables'(known) {
    const { page, close } = await open(known);
    assert.equal(await page.locator('h1').textContent(), 'Half the payments arrive twice');
    assert.match(await page.locator('blockquote').textContent(), /^Nobody is paid twice/);
    assert.equal(await page.locator('.verdict .word').textContent(), '✕Failed');
    assert.deepEqual(await page.locator('.verdict > ol li').allTextContents(), [
      '3 were paid twice, all while rule twice was on',
      'lag of billing: samples are missing',
      'billing-0 was killed, out of memory',
    ]);
    assert.match(await page.locator('.facts').textContent(), /63,000.*300/);
    const word = await page.locator('.verdict .word').boundingBox();
    assert.ok(word.y + word.height < 850, 'the verdict is on the first screen');
    assert.deepEqual((await cells(rows(page, 'All judged phases').first())).slice(0, 4), [
      'announce a good',
      '21,000',
      '300 (1.43 %)',
      '100/s',
    ]);
    assert.equal(await page.locator('table.steps').count(), 5);
    assert.deepEqual(await cells(rows(page, 'Rules: exact counts').nth(1)), [
      'twice',
      'duplicate',
      '240',
      '120',
      '0',
      '50.0 %',
    ]);
    assert.deepEqual(await cells(rows(page, 'What had to hold').nth(1)), [
      'audit',
      'whole run',
      '✕ failed',
      'paid_twice = 0',
      'paid_twice = 3',
    ]);
    assert.match(
      (await cells(rows(page, 'Replicas').nth(2))).join('|'),
      /billing\|billing-0\|0:00.0\|2:24.0\|out of memory, signal 9\|oom_kill/,
    );
    assert.match(await page.locator('#environment pre').first().textContent(), /--seed 18446744073709551615$/);
    assert.match(await page.locator('#environment').textContent(), /6\.1\.0-25-amd64.*phase: warm-up/s);
    assert.match(await page.locator('#errors').textContent(), /3 are missing/);
    for (const canvas of await page.locator('canvas[role=img]').all())
      assert.ok((await canvas.getAttribute('aria-label')).length > 10);
    if (pictures) await page.screenshot({ path: `${pictures}/light.png`, fullPage: true });
    await close();
  },
  async 'columns sort'(known) {
    const { page, close } = await open(known);
    const head = page.locator('table.steps').first().locator('thead button', { hasText: 'p99' }).first();
    await head.click();
    assert.equal((await cells(rows(page, 'All judged phases').first()))[0], 'departure');
    await head.click();
    assert.equal((await cells(rows(page, 'All judged phases').first()))[0], 'announce a good');
    await close();
  },
  async 'the cursor shows what was measured, on every chart'(known) {
    const { page, close } = await open(known);
    await point_at(page, 'rate', 130_500);
    await shows(page, 'rate', 'requests', '300/s');
    await shows(page, 'rate', 'failed', '5.00/s');
    await shows(page, 'errors', 'status 503', '3.00/s');
    await shows(page, 'users', 'requesting', '40');
    await shows(page, 'lag', 'billing', '100');
    await shows(page, 'busy:host', 'busy', '3.10 cores');
    await shows(page, 'memory:billing', 'limit', '256 MiB');
    const second = 130;
    const us = await page.evaluate(
      (s) => JSON.parse(document.getElementById('data').textContent).load.steps[0].p99[s],
      second,
    );
    await shows(page, 'latency', 'p99', Math.round(us / 1000) + ' ms');
    assert.match(await page.locator('.readout').textContent(), /2:10.*duplicates/);
    await point_at(page, 'rate', 60_500);
    await shows(page, 'rate', 'failed', '0/s');
    await point_at(page, 'rate', 200_500);
    await shows(page, 'memory:billing', 'billing-0', '–'); // it is dead
    await point_at(page, 'cpu:billing', 144_000);
    assert.match(await page.locator('.readout').textContent(), /billing-0 ended: out of memory.*oom_kill/);
    await close();
  },
  async 'zoom by mouse'(known) {
    const { page, close } = await open(known);
    await point_at(page, 'rate', 60_000);
    await page.mouse.down();
    await point_at(page, 'rate', 120_000, (x, y) => page.mouse.move(x, y, { steps: 4 }));
    await page.mouse.up();
    const zoomed = await view(page);
    assert.ok(Math.abs(zoomed.from - 60_000) < 500 && Math.abs(zoomed.to - 120_000) < 500, JSON.stringify(zoomed));
    if (pictures) await page.screenshot({ path: `${pictures}/zoomed.png` });
    await point_at(page, 'latency', 90_500);
    await shows(page, 'rate', 'requests', '300/s');
    await point_at(page, 'latency', 90_000, (x, y) => page.mouse.dblclick(x, y));
    assert.equal((await view(page)).to, 240_000);
    assert.ok(await page.locator('.reset').isDisabled());
    await close();
  },
  async 'zoom and cursor by keyboard'(known) {
    const { page, close } = await open(known);
    await page.locator('.timeline').focus();
    await page.keyboard.press('ArrowRight');
    assert.equal((await view(page)).cursor, 120_000);
    await page.keyboard.press('ArrowRight');
    assert.ok((await view(page)).cursor > 120_000);
    await page.keyboard.press('+');
    const zoomed = await view(page);
    assert.equal(zoomed.to - zoomed.from, 120_000);
    await page.keyboard.press('Shift+ArrowLeft');
    assert.equal((await view(page)).from, zoomed.from - 24_000);
    await page.waitForFunction(() =>
      /phase duplicates.*Rate: requests 300/.test(document.getElementById('live').textContent),
    );
    await page.keyboard.press('-');
    await page.keyboard.press('+');
    await page.keyboard.press('Escape');
    assert.deepEqual(await view(page), { from: 0, to: 240_000, cursor: null });
    await close();
  },
  async 'lines are switched off, steps chosen, the scale changed'(known) {
    const { page, close } = await open(known);
    const before = await pixels(page, 'rate');
    const key = page.locator('[data-chart=rate] .key').first();
    await key.click();
    assert.equal(await key.getAttribute('aria-pressed'), 'false');
    assert.notEqual(await pixels(page, 'rate'), before);
    await key.click();
    await page.mouse.move(0, 0);
    assert.equal(await pixels(page, 'rate'), before);
    const scale = await pixels(page, 'latency');
    await page.locator('#log-scale').click();
    assert.notEqual(await pixels(page, 'latency'), scale);
    await page.locator('#step').selectOption({ label: 'departure' });
    await point_at(page, 'rate', 130_500);
    await shows(page, 'rate', 'requests', '100/s');
    await shows(page, 'rate', 'failed', '0/s');
    const spectrum = await page.locator('#latency canvas').evaluate((c) => c.toDataURL());
    await page.locator('#spectrum-of').selectOption({ label: 'duplicates' });
    assert.notEqual(await page.locator('#latency canvas').evaluate((c) => c.toDataURL()), spectrum);
    await close();
  },
  async 'dark, by preference and by hand'(known) {
    const { page, close } = await open(known, { colorScheme: 'dark' });
    const paper = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    assert.equal(await paper(), 'rgb(20, 24, 31)');
    if (pictures) await page.screenshot({ path: `${pictures}/dark.png`, fullPage: true });
    const drawn = await pixels(page, 'rate');
    await page.locator('#theme').click();
    assert.equal(await paper(), 'rgb(251, 251, 249)');
    assert.notEqual(await pixels(page, 'rate'), drawn);
    await close();
  },
  async 'on paper everything is shown, in light colours'(known) {
    const { page, close } = await open(known, { colorScheme: 'dark' });
    await page.emulateMedia({ media: 'print', colorScheme: 'dark' });
    await page.waitForFunction(() => document.documentElement.dataset.theme === 'light');
    assert.equal(await page.locator('details:not([open])').count(), 0);
    assert.equal(await page.locator('.bar').isVisible(), false);
    assert.ok(await rows(page, 'Ledger entries').first().isVisible());
    if (pictures) await page.pdf({ path: `${pictures}/print.pdf`, format: 'A4' });
    await page.emulateMedia({ media: 'screen', colorScheme: 'dark' });
    await page.waitForFunction(() => document.documentElement.dataset.theme === 'dark');
    assert.ok((await page.locator('details:not([open])').count()) > 0);
    await close();
  },
  async 'names that would break out of the page are text'() {
    const file = make('hostile');
    const text = readFileSync(file, 'utf8');
    assert.equal(text.split('</script>').length - 1, 2, 'two scripts end');
    assert.ok(!text.includes('alert(1)</'), 'nothing of it is markup');
    for (const viewport of [
      { width: 1280, height: 850 },
      { width: 380, height: 800 },
    ]) {
      const { page, close } = await open(file, { viewport });
      assert.match(
        await page.locator('h1').textContent(),
        /^Title <\/script><script>alert\(1\)<\/script> "quoted" 'q' & <b>bold<\/b> <!-- \u2028 \u2029 \\ \{\{data\}\}/,
      );
      assert.match(await page.title(), /^Title <\/script>/);
      assert.match((await cells(rows(page, 'All judged phases').first()))[0], /^announce a good <\/script>/);
      assert.equal(await page.locator('b').count(), 0);
      assert.equal(await page.locator('script').count(), 2);
      assert.ok(await no_scroll(page), `no horizontal scroll at ${viewport.width}`);
      await close();
    }
  },
  async narrow(known) {
    for (const width of [380, 320]) {
      const { page, close } = await open(known, { viewport: { width, height: 800 } });
      assert.ok(await no_scroll(page), `no horizontal scroll at ${width}`);
      if (pictures) await page.screenshot({ path: `${pictures}/narrow-${width}.png`, fullPage: true });
      await close();
    }
  },
  async 'a run without load, without a verdict'() {
    const { page, close } = await open(make('watch'));
    assert.equal(await page.locator('.verdict .word').textContent(), '–No verdict asked for');
    assert.equal(await page.locator('[data-chart=rate], #steps, #latency, #checks').count(), 0);
    assert.equal(await page.locator('[data-chart^="memory:"]').count(), 2);
    await close();
  },
  async 'an hour of ten steps and twenty instances'() {
    const file = make('hour');
    const mib = statSync(file).size / 1024 / 1024;
    assert.ok(mib < 3, `${mib.toFixed(2)} MiB`);
    const { page, close } = await open(file);
    assert.match(await page.locator('#timeline').textContent(), /A point of requests is 4 s/);
    const opened = await page.evaluate(() => Math.round(performance.getEntriesByType('navigation')[0].domComplete));
    console.log(`  an hour: ${mib.toFixed(2)} MiB, opened in ${opened} ms`);
    await point_at(page, 'rate', 2_000_000);
    await shows(page, 'rate', 'requests', '1,000/s');
    await close();
  },
};

let failed = 0;
const known = make('known');
for (const [name, test] of Object.entries(tests)) {
  try {
    await test(known);
    console.log(`ok ${name}`);
  } catch (wrong) {
    ++failed;
    console.log(`FAILED ${name}\n${wrong.stack}`);
  }
}
await browser.close();
process.exitCode = failed === 0 ? 0 : 1;
