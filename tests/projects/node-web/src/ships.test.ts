import assert from "node:assert";
import test from "node:test";
import { heaviest, ships } from "./ships";

test("the heaviest ship", () => assert.strictEqual(heaviest(ships)?.name, "Borealis"));
test("of none there is none", () => assert.strictEqual(heaviest([]), undefined));
