// Builds static/dist: the style sheet, the scripts and the icon sprite. Run by
// `npm run build`; needs nothing but what package-lock.json names.
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";

process.chdir(new URL("..", import.meta.url).pathname);
const dist = "static/dist";

const icons = [
  "arrow-down", "arrow-left", "arrow-right", "arrow-up", "badge-check", "bell", "calendar-clock", "chart-column", "check", "chevron-down", "chevron-left",
  "chevron-right", "circle", "circle-alert", "circle-check", "circle-dashed", "circle-help", "circle-pause", "circle-play",
  "circle-slash", "circle-x", "clock", "clock-alert", "copy", "credit-card", "download", "flag", "flask-conical", "gauge", "hourglass", "info", "key-round",
  "landmark", "languages", "lightbulb", "layout-dashboard", "list-filter", "log-out", "lock", "mail", "megaphone", "moon", "pencil", "plus",
  "qr-code", "receipt-text", "refresh-cw", "rotate-ccw", "scale", "scroll-text", "search", "send", "settings", "shield-check", "snowflake", "store",
  "sun", "sun-moon", "triangle-alert", "trending-up", "undo-2", "upload", "user-round", "users", "wallet", "zap",
];

// sprite makes one SVG with a <symbol> for each icon, to be shown by <use>.
function sprite() {
  const symbols = icons.map((name) => {
    const svg = readFileSync(`node_modules/lucide-static/icons/${name}.svg`, "utf8");
    const body = svg.slice(svg.indexOf(">", svg.indexOf("<svg")) + 1, svg.lastIndexOf("</svg>"));
    return `<symbol id="${name}" viewBox="0 0 24 24">${body.replace(/\s+/g, " ").trim()}</symbol>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg">\n${symbols.join("\n")}\n</svg>\n`;
}

mkdirSync(dist, { recursive: true });
execFileSync("node_modules/.bin/tailwindcss", ["-i", "static/css/app.css", "-o", `${dist}/app.css`, "--minify"], { stdio: "inherit" });
copyFileSync("node_modules/htmx.org/dist/htmx.min.js", `${dist}/htmx.js`);
copyFileSync("static/js/app.js", `${dist}/app.js`);
copyFileSync("static/js/desk.js", `${dist}/desk.js`);
copyFileSync("static/js/passkey.js", `${dist}/passkey.js`);
copyFileSync("static/favicon.svg", `${dist}/favicon.svg`);
writeFileSync(`${dist}/icons.svg`, sprite());
