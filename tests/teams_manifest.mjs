// Checks manifests of Teams apps by Microsoft's own schema.
//
// Reads one manifest a line, takes the schema of the version that it names from npm @microsoft/app-manifest, and
// validates by it as that package does. Exits 1 with the findings.
//
// Run: cargo test --test it teams_manifest, or pipe lines into this file.
// Needs: npm install --prefix target/node @microsoft/app-manifest@1.1.2

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import path from "node:path";
import { fileURLToPath } from "node:url";

const here = path.dirname(fileURLToPath(import.meta.url));
const modules = path.resolve(process.env.AI_CRM_TEST_NODE_MODULES ?? path.join(here, "../target/node/node_modules"));
const require = createRequire(path.join(modules, "_"));
const Ajv = require("ajv-draft-04").default;
const addFormats = require("ajv-formats").default;

function validator(version) {
    const file = `@microsoft/app-manifest/build/json-schemas/teams/v${version}/MicrosoftTeams.schema.json`;
    const ajv = new Ajv({ allErrors: true, strictTypes: false });
    addFormats(ajv, ["uri", "email", "regex"]);
    return ajv.compile(JSON.parse(readFileSync(path.join(modules, file), "utf8")));
}

let count = 0;
for await (const line of createInterface({ input: process.stdin })) {
    if (line.trim() === "") {
        continue;
    }
    count += 1;
    const manifest = JSON.parse(line);
    const validate = validator(manifest.manifestVersion);
    if (!validate(manifest)) {
        for (const { instancePath, message, params } of validate.errors) {
            console.log(`manifest ${count}: ${instancePath} ${message} ${JSON.stringify(params)}`);
        }
        process.exitCode = 1;
    }
}
if (count === 0) {
    console.log("no manifest to check");
    process.exitCode = 1;
}
