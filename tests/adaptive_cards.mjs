// Validates messages for Microsoft Teams with Microsoft's own library.
//
// Reads one JSON object a line, {"card": ...}, and lets npm adaptivecards parse the card as version 1.5 and check its
// properties, with Teams' limit of six actions. The library drops what it does not know without an event, so what comes
// out is compared with what went in: a property or an element that is gone is a finding. Then each card is parsed as an
// older client would, where every table and button has to give way to its fallback. Exits 1 with the findings.
//
// Run: cargo test --test it adaptive_cards, or pipe lines into this file.
// Needs: npm install --prefix target/node adaptivecards@3.0.6

import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import path from "node:path";
import { fileURLToPath } from "node:url";

const here = path.dirname(fileURLToPath(import.meta.url));
const modules = process.env.AI_CRM_TEST_NODE_MODULES ?? path.join(here, "../target/node/node_modules");
const require = createRequire(path.join(path.resolve(modules), "_"));
// The bundle: the package's `main` imports its parts without extensions, which Node refuses.
const library = require("adaptivecards/dist/adaptivecards.js");
const { version } = require("adaptivecards/package.json");

// What the library keeps elsewhere than in its own JSON of an element.
const NOT_COMPARED = new Set(["fallback", "msteams"]);

// What is so by default and left out again, by the type that has it.
const DEFAULTS = new Map([
    ["Input.ChoiceSet.style", "compact"],
    ["Table.firstRowAsHeaders", true],
    ["Table.showGridLines", true],
]);

function* missing(given, kept, where, type) {
    if (Array.isArray(given) && Array.isArray(kept)) {
        if (given.length !== kept.length) {
            yield `${where} has ${given.length} items, the library kept ${kept.length}`;
        }
        for (let index = 0; index < Math.min(given.length, kept.length); index++) {
            yield* missing(given[index], kept[index], `${where}[${index}]`, type);
        }
    } else if (given !== null && kept !== null && typeof given === "object" && typeof kept === "object") {
        const name = given.type ?? type;
        for (const [key, value] of Object.entries(given)) {
            if (NOT_COMPARED.has(key)) {
                continue;
            }
            if (!(key in kept)) {
                if (DEFAULTS.get(`${name}.${key}`) !== value) {
                    yield `${where}.${key} is not known to the library`;
                }
                continue;
            }
            yield* missing(value, kept[key], `${where}.${key}`, key);
        }
    } else if (typeof given === "string" && kept?.type === "TextRun") {
        // A bare string is a run.
        yield* missing(given, kept.text, where, type);
    } else if (given !== kept) {
        yield `${where} is ${JSON.stringify(given)}, the library made ${JSON.stringify(kept)} of it`;
    }
}

function events(context) {
    return Array.from({ length: context.eventCount }, (_, index) => context.getEventAt(index))
        .map((event) => `${library.ValidationEvent[event.event]}: ${event.message}`);
}

function parse(given, target) {
    const context = new library.SerializationContext(target);
    const card = new library.AdaptiveCard();
    card.hostConfig = new library.HostConfig({ actions: { maxActions: 6 }, supportsInteractivity: true });
    card.parse(given, context);
    return { card, context };
}

// Everything that has a type, but nothing within a fallback.
function* typed(value) {
    if (Array.isArray(value)) {
        for (const inner of value) {
            yield* typed(inner);
        }
    } else if (value !== null && typeof value === "object") {
        if ("type" in value) {
            yield value;
        }
        for (const [name, inner] of Object.entries(value)) {
            if (name !== "fallback") {
                yield* typed(inner);
            }
        }
    }
}

// How many there are of each type.
function census(value, renamed = {}) {
    const counts = new Map();
    for (const { type } of typed(value)) {
        const name = renamed[type] ?? type;
        counts.set(name, (counts.get(name) ?? 0) + 1);
    }
    return counts;
}

// A client of before 1.4 has neither tables nor Action.Execute, and refreshes nothing.
function* checkOlder({ refresh: _, ...given }) {
    const kept = census(parse(given, library.Versions.v1_3).card.toJSON());
    const wanted = census(given, { "Table": "Container", "Action.Execute": "Action.Submit" });
    for (const type of ["Container", "ActionSet", "Action.Submit", "Action.OpenUrl", "Input.ChoiceSet"]) {
        if (kept.get(type) !== wanted.get(type)) {
            yield `an older client has ${kept.get(type)} of ${type}, not ${wanted.get(type)}`;
        }
    }
}

function* check(given) {
    const { card, context } = parse(given, library.Versions.v1_5);
    yield* events(context);
    yield* card.validateProperties().validationEvents
        .map((event) => `${library.ValidationEvent[event.event]}: ${event.message}`);
    yield* missing(given, card.toJSON(), "card", "AdaptiveCard");
    // Fallbacks are parsed only where they are needed, so each is shown to the library as an element of its own.
    for (const { fallback } of typed(given)) {
        if (fallback === undefined) {
            continue;
        }
        const alone = fallback.type.startsWith("Action.") ? { type: "ActionSet", actions: [fallback] } : fallback;
        const around = { type: "AdaptiveCard", version: "1.5", body: [alone] };
        const { card: shown, context: found } = parse(around, library.Versions.v1_5);
        yield* events(found).map((event) => `fallback: ${event}`);
        yield* missing(around, shown.toJSON(), "fallback", "AdaptiveCard");
    }
    yield* checkOlder(given);
}

let count = 0;
let findings = 0;
for await (const line of createInterface({ input: process.stdin })) {
    if (line.trim() === "") {
        continue;
    }
    count += 1;
    for (const finding of check(JSON.parse(line).card)) {
        findings += 1;
        console.log(`message ${count}: ${finding}`);
    }
}
if (count === 0) {
    console.log("no message to check");
    process.exitCode = 1;
} else {
    console.log(`${count} messages, ${findings} findings by adaptivecards ${version}`);
    process.exitCode = findings > 0 ? 1 : 0;
}
