// A driver in the style of GoogleChromeLabs/asyncify: imports may return promises,
// exports become async functions. It relies on:
//
//   - the addresses 16 to 1024 being free: the data block lies at 16, and what is
//     behind it up to 1024 is the buffer;
//   - start_unwind being called inside the import, which then returns undefined;
//   - the export being called again with no arguments at all;
//   - the position being back at the start after each rewind: it is set only once.
import { readFileSync } from 'node:fs';
import { strictEqual, deepStrictEqual } from 'node:assert';

const DATA = 16, START = DATA + 8, END = 1024;
const NONE = 0, UNWINDING = 1, REWINDING = 2;

let raw; // the exports of the module
let value; // what the suspended import has returned, or its promise
const assertNone = () => strictEqual(raw.asyncify_get_state(), NONE);

const wrapImport = (fn) => (...args) => {
  if (raw.asyncify_get_state() === REWINDING) {
    raw.asyncify_stop_rewind();
    return value;
  }
  assertNone();
  const result = fn(...args);
  if (typeof result?.then !== 'function') return result;
  raw.asyncify_start_unwind(DATA);
  value = result;
};

const wrapExport = (fn) => async (...args) => {
  assertNone();
  let result = fn(...args);
  while (raw.asyncify_get_state() === UNWINDING) {
    raw.asyncify_stop_unwind();
    value = await value;
    assertNone();
    raw.asyncify_start_rewind(DATA);
    result = fn();
  }
  assertNone();
  return result;
};

const asked = [];
let waits = (node) => node % 2 === 0;
const fetch = (node) => {
  asked.push(node);
  return waits(node) ? new Promise((done) => setTimeout(done, 0, 10 * node)) : 10 * node;
};

const { instance } = await WebAssembly.instantiate(readFileSync(process.argv[2]), { env: { fetch: wrapImport(fetch) } });
raw = instance.exports;
new Int32Array(raw.memory.buffer, DATA).set([START, END]);
const sum = wrapExport(raw.sum);

strictEqual(await sum(7), 280);
deepStrictEqual(asked, [4, 2, 5, 1, 6, 3, 7]); // each once, in order
waits = () => true;
strictEqual(await sum(40), 8200); // the same buffer again
waits = () => false;
strictEqual(await sum(7), 280);
strictEqual(await sum(0), 0);
