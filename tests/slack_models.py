"""Validates messages for Slack with Slack's own models.

Reads one JSON object a line, {"text": ..., "blocks": [...]} or {"view": {...}}, and lets slack_sdk parse every block
and run its validators. The models drop what they do not know without an error, so what comes out
is compared with what went in: a key or a block that is gone is a finding. Exits 1 with the
findings.

Run: cargo test --test it slack_models, or pipe lines into this file.
Needs: python3 -m venv target/venv && target/venv/bin/pip install slack_sdk
"""

import json
import logging
import sys

from slack_sdk.errors import SlackObjectFormationError
from slack_sdk.models.blocks import Block, Option
from slack_sdk.models.views import View
from slack_sdk.version import __version__


class Findings(logging.Handler):
    """Collects what the models only warn of: unknown keys and types."""

    def __init__(self):
        super().__init__(logging.WARNING)
        self.lines = []

    def emit(self, record):
        self.lines.append(record.getMessage())


def missing(given, kept, path):
    """What the models have dropped or changed."""
    if isinstance(given, dict) and isinstance(kept, dict):
        for key, value in given.items():
            # to_dict leaves out a flag that is false, which is its default on the wire too.
            if key in kept:
                yield from missing(value, kept[key], f"{path}.{key}")
            elif value is not False:
                yield f"{path}.{key} is not known to slack_sdk"
    elif isinstance(given, list) and isinstance(kept, list):
        if len(given) != len(kept):
            yield f"{path} has {len(given)} items, slack_sdk kept {len(kept)}"
        for index, (one, other) in enumerate(zip(given, kept)):
            yield from missing(one, other, f"{path}[{index}]")
    elif given != kept:
        yield f"{path} is {given!r}, slack_sdk made {kept!r} of it"


def plain(value):
    """A model, or anything that holds models, as JSON."""
    if hasattr(value, "to_dict"):
        return plain(value.to_dict())
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(inner) for inner in value]
    return value


def options(value):
    """Every option of a menu. The models keep those as they are, so they are validated apart."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from inner if key == "options" else options(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from options(inner)


def check(message, findings):
    """Every reason to refuse one message."""
    if "view" in message:
        try:
            View(**message["view"]).to_dict()
        except (SlackObjectFormationError, TypeError, ValueError, KeyError, AttributeError) as error:
            yield f"view: {error}"
        # The models let a second block of the same id pass.
        ids = [block["block_id"] for block in message["view"]["blocks"]]
        if len(set(ids)) < len(ids):
            yield f"block ids stand twice: {ids}"
        message = {"blocks": message["view"]["blocks"]}
    else:
        if not message["text"].strip():
            yield "text is empty"
        if len(message["text"]) > 4000:
            yield f"text has {len(message['text'])} characters"
        if len(message["blocks"]) > 50:
            yield f"{len(message['blocks'])} blocks"
    for index, given in enumerate(message["blocks"]):
        path = f"blocks[{index}] ({given.get('type')})"
        findings.lines.clear()
        try:
            block = Block.parse(given)
            if block is None:
                yield f"{path}: slack_sdk does not know this type"
                continue
            yield from missing(given, plain(block), path)
            for option in options(given):
                Option(**option).to_dict()
        except (SlackObjectFormationError, TypeError, ValueError, KeyError, AttributeError) as error:
            yield f"{path}: {error}"
        yield from (f"{path}: {line}" for line in findings.lines)


def main():
    findings = Findings()
    logger = logging.getLogger("slack_sdk")
    logger.addHandler(findings)
    logger.propagate = False
    refused = count = blocks = 0
    for number, line in enumerate(sys.stdin, 1):
        if not line.strip():
            continue
        message = json.loads(line)
        # A message may be its text alone.
        if "view" not in message:
            message["blocks"] = message.get("blocks") or []
        count += 1
        blocks += len(message.get("view", message)["blocks"])
        for reason in check(message, findings):
            refused += 1
            print(f"message {number}: {reason}")
    if count == 0:
        print("no message to check")
        return 1
    print(f"{count} messages, {blocks} blocks, {refused} findings by slack_sdk {__version__}")
    return 1 if refused else 0


if __name__ == "__main__":
    sys.exit(main())
