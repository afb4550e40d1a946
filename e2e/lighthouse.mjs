// Measures the pages that a seller works on with Lighthouse, as a phone on a
// throttled line and as a desktop, and fails where performance, accessibility or
// best practices are below 95. Run it by make lighthouse: it starts a demo portal
// of its own on a free port.
import { spawn } from "node:child_process";
import { mkdtempSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

const from = createRequire(join(process.cwd(), ".cache/lighthouse/"));
const { default: lighthouse, desktopConfig } = await import(from.resolve("lighthouse"));
const chrome = await import(from.resolve("chrome-launcher"));

const least = 95;
const categories = ["performance", "accessibility", "best-practices"];
const pages = [
  ["active@demo.test", ["/account", "/recharge", "/reports", "/campaigns", "/advice"]],
  ["overdue@demo.test", ["/campaigns/restart"]],
];

const freePort = () => new Promise((found) => {
  const server = createServer().listen(0, "127.0.0.1", () => {
    const { port } = server.address();
    server.close(() => found(port));
  });
});

async function portal() {
  const folder = mkdtempSync(join(tmpdir(), "lighthouse-"));
  const [port, sandbox] = [await freePort(), await freePort()];
  const url = `http://127.0.0.1:${port}`;
  const process_ = spawn(".cache/lighthouse/portal", ["serve"], {
    env: { ...process.env, PORTAL_ADDR: `127.0.0.1:${port}`, PORTAL_SANDBOX_ADDR: `127.0.0.1:${sandbox}`, PORTAL_DATA_DIR: folder, PORTAL_DATABASE_URL: `sqlite:${folder}/portal.db`, PORTAL_SIMULATE: "off" },
    stdio: ["ignore", "ignore", "inherit"],
  });
  for (let tries = 0; ; tries++) {
    try {
      if ((await fetch(`${url}/readyz`)).ok) break;
    } catch (refused) {
      if (tries > 300) throw refused;
    }
    await new Promise((later) => setTimeout(later, 200));
  }
  return { url, stop: () => { process_.kill("SIGTERM"); rmSync(folder, { recursive: true, force: true }); } };
}

// signIn gives the cookies of a session.
async function signIn(url, email) {
  const cookies = new Map();
  const keep = (answer) => { for (const one of answer.headers.getSetCookie()) { const [pair] = one.split(";"); cookies.set(pair.slice(0, pair.indexOf("=")), pair); } };
  const header = () => [...cookies.values()].join("; ");
  const form = await fetch(`${url}/login`);
  keep(form);
  const token = /name="csrf" value="([^"]+)"/.exec(await form.text())[1];
  const answer = await fetch(`${url}/login`, {
    method: "POST", redirect: "manual", headers: { Cookie: header(), Origin: url },
    body: new URLSearchParams({ csrf: token, email, password: "demo-1234" }),
  });
  keep(answer);
  if (answer.status !== 303) throw new Error(`${email} is not signed in: ${answer.status}`);
  return header();
}

const site = await portal();
const browser = await chrome.launch({ chromePath: process.env.CHROMIUM ?? "/usr/bin/chromium", chromeFlags: ["--headless=new", "--no-sandbox", "--disable-gpu"] });
mkdirSync("e2e/out/lighthouse", { recursive: true });
let below = 0;
try {
  for (const [email, paths] of pages) {
    const Cookie = await signIn(site.url, email);
    for (const path of paths) {
      for (const device of ["phone", "desktop"]) {
        const options = { port: browser.port, onlyCategories: categories, output: "html", logLevel: "error", extraHeaders: { Cookie } };
        const { lhr, report } = await lighthouse(site.url + path, options, device === "desktop" ? desktopConfig : undefined);
        const scores = categories.map((name) => Math.round(lhr.categories[name].score * 100));
        const failed = Object.values(lhr.audits).filter((audit) => audit.score !== null && audit.score < 0.9 && audit.scoreDisplayMode !== "informative").map((audit) => audit.id);
        const arrived = lhr.finalDisplayedUrl === site.url + path;
        const low = !arrived || scores.some((score) => score < least);
        below += low ? 1 : 0;
        console.log(`${path.padEnd(20)} ${device.padEnd(8)} ${categories.map((name, i) => `${name} ${scores[i]}`).join("   ")}${arrived ? "" : `   led to ${lhr.finalDisplayedUrl}`}${low ? "   BELOW" : ""}${failed.length ? `   (${failed.join(", ")})` : ""}`);
        writeFileSync(`e2e/out/lighthouse/${path.slice(1).replaceAll("/", "-")}-${device}.html`, report);
      }
    }
  }
} finally {
  browser.kill();
  site.stop();
}
if (below > 0) {
  console.error(`${below} below ${least}; the reports are in e2e/out/lighthouse`);
  process.exit(1);
}
