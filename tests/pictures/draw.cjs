// Draws samples of messages, modals and pages as pictures, light beside dark: node draw.cjs FOLDER, in which
// `samples/` holds what `ai-crm sim … --json` has printed, and `node_modules/` the renderers.
"use strict";
const fs = require("fs");
const path = require("path");
const { createRequire } = require("module");

const folder = path.resolve(process.argv[2]);
const load = createRequire(path.join(folder, "package.json"));
const { chromium } = load("playwright-core");
const React = load("react");
const { renderToStaticMarkup } = load("react-dom/server");
const { Message } = load("slack-blocks-to-jsx");
const slackStyle = fs.readFileSync(path.join(folder, "node_modules/slack-blocks-to-jsx/dist/style.css"), "utf8");
const adaptiveCards = path.join(folder, "node_modules/adaptivecards/dist/adaptivecards.js");

// A picture where a person has a face.
const LOGO = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg'%3E%3Crect width='100%25' height='100%25' fill='%235b5fc7'/%3E%3C/svg%3E";

const SHADES = {
	light: { page: "#ffffff", text: "#1d1c1d", card: "#ffffff", field: "#f0f0f0", subtle: "#616161", emphasis: "#f5f5f5",
		accent: "#5b5fc7", good: "#237b4b", warning: "#835c00", attention: "#c4314b" },
	dark: { page: "#1a1d21", text: "#d1d2d3", card: "#292929", field: "#1f1f1f", subtle: "#adadad", emphasis: "#242424",
		accent: "#7f85f5", good: "#92c353", warning: "#f8d22a", attention: "#f9526b" },
};

// The renderer of Slack's blocks shows a text that is `verbatim` without any formatting, and reads formatting in a text
// that is plain; Slack does neither. So the one loses its mark, and of the other what would be read is taken apart.
function asSlackReads(value) {
	if (Array.isArray(value)) return value.map(asSlackReads);
	if (!value || typeof value !== "object") return value;
	const copy = Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, asSlackReads(inner)]));
	delete copy.verbatim;
	if (copy.type === "plain_text") copy.text = copy.text.replace(/[*_`~]|&lt;/g, (mark) => `${mark}\u2060`);
	return copy;
}

function slackPage(messages, shade) {
	const drawn = messages.map((message) => {
		const blocks = message.blocks ?? [{ type: "section", text: { type: "mrkdwn", text: message.text ?? "" } }];
		const name = message.title?.text ?? (message.type === "home" ? "Home" : "AI-CRM");
		const buttons = [message.submit?.text, message.close?.text].filter(Boolean).map((text) => `[ ${text} ]`).join(" ");
		const props = { blocks: asSlackReads(blocks), name, logo: LOGO, time: new Date(0), theme: shade };
		return `<div data-theme="${shade}" class="message">${renderToStaticMarkup(React.createElement(Message, props))}${buttons}</div>`;
	});
	const { page, text } = SHADES[shade];
	const style = `body{margin:0;background:${page};color:${text};font:15px Lato,Arial}.message{width:640px;padding:8px}
		td,th{color:${text}}`;
	return `<style>${slackStyle}</style><style>${style}</style>${drawn.join("")}`;
}

function cardsOf(sample) {
	const shown = sample.messages.flatMap((message) => (message.activity ?? message).attachments ?? []);
	if (shown.length > 0) return shown.map((attachment) => attachment.content);
	// A dialog and a search are shown in the answers themselves.
	const bodies = (sample.sent.answers ?? []).map((answer) => answer.body).filter(Boolean).map((body) => JSON.parse(body));
	return bodies.flatMap((body) => body.task ? [body.task.value.card.content]
		: (body.composeExtension?.attachments ?? []).flatMap((found) => [found.content, found.preview?.content].filter((card) => card?.type === "AdaptiveCard")));
}

async function teamsPage(page, cards, shade) {
	const { page: back, text, card, field, accent, attention } = SHADES[shade];
	await page.setContent(`<style>body{margin:0;background:${back};color:${text};font:14px "Segoe UI",Arial}
		.card{width:640px;margin:8px;background:${card};border:1px solid #8884;border-radius:4px}
		.ac-pushButton{padding:5px 12px;border:1px solid #8888;border-radius:4px;background:transparent;color:inherit;font-weight:600}
		.style-positive{background:${accent};color:#fff}.style-destructive{background:${attention};color:#fff}
		input,select,textarea{width:100%;background:${field};color:inherit;border:0;padding:6px}</style>`);
	await page.addScriptTag({ path: adaptiveCards });
	await page.evaluate(([cards, shade]) => {
		const colour = (name) => ({ default: name, subtle: shade.subtle });
		const foregroundColors = { default: colour(shade.text), accent: colour(shade.accent), good: colour(shade.good),
			warning: colour(shade.warning), attention: colour(shade.attention), light: colour(shade.text), dark: colour(shade.text) };
		const hostConfig = new AdaptiveCards.HostConfig({
			fontFamily: "Segoe UI, Arial", supportsInteractivity: true,
			fontSizes: { small: 12, default: 14, medium: 14, large: 18, extraLarge: 24 },
			containerStyles: { default: { backgroundColor: shade.card, foregroundColors }, emphasis: { backgroundColor: shade.emphasis, foregroundColors } },
			actions: { maxActions: 6, buttonSpacing: 8, actionsOrientation: "horizontal", actionAlignment: "left" },
		});
		for (const payload of cards) {
			const card = new AdaptiveCards.AdaptiveCard();
			card.hostConfig = hostConfig;
			card.parse(payload);
			const frame = document.createElement("div");
			frame.className = "card";
			frame.appendChild(card.render());
			document.body.appendChild(frame);
		}
	}, [cards, SHADES[shade]]);
}

async function picture(browser, name, sample, shade) {
	const page = await browser.newPage({ viewport: { width: 680, height: 80 } });
	if (name.startsWith("slack")) await page.setContent(slackPage(sample.messages, shade));
	else await teamsPage(page, cardsOf(sample), shade);
	const taken = await page.screenshot({ fullPage: true });
	await page.close();
	return `<img src="data:image/png;base64,${taken.toString("base64")}">`;
}

(async () => {
	const args = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"];
	const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args });
	for (const file of fs.readdirSync(path.join(folder, "samples"))) {
		const name = path.basename(file, ".json");
		const sample = JSON.parse(fs.readFileSync(path.join(folder, "samples", file), "utf8"));
		if ([sample.messages, cardsOf(sample)].every((shown) => shown.length === 0)) throw new Error(`${name} shows nothing`);
		const both = [await picture(browser, name, sample, "light"), await picture(browser, name, sample, "dark")];
		const page = await browser.newPage({ viewport: { width: 1380, height: 80 } });
		await page.setContent(`<body style="margin:0;display:flex;gap:20px;align-items:start">${both.join("")}</body>`);
		await page.screenshot({ path: path.join(folder, `${name}.png`), fullPage: true });
		await page.close();
	}
	await browser.close();
})().catch((error) => {
	console.error(error.message);
	process.exit(1);
});
