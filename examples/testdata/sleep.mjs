// A driver in the style of Emscripten's handleSleep. It relies on:
//
//   - a data block of three words: the third, which says what export to call for
//     the rewind, is the runtime's own;
//   - the driver, which never asks for the state but knows it;
//   - stop_unwind being called when the outermost export has returned;
//   - a new buffer for each suspension, and the export being called again from a
//     callback, without arguments.
import { readFileSync } from 'node:fs';
import { strictEqual, deepStrictEqual } from 'node:assert';

const NORMAL = 0, UNWINDING = 1, REWINDING = 2, STACK_SIZE = 4096, HEADER = 12;
const MARK = 0x5afec0de;

let exports, words;
let state = NORMAL, currentData = 0, free = 4096;
let result, finished;
const stack = [], ids = new Map(), names = [];

function allocateData() {
  const at = free;
  free += HEADER + STACK_SIZE + 4;
  const name = stack[0];
  if (!ids.has(name)) ids.set(name, names.push(name) - 1);
  words.set([at + HEADER, at + HEADER + STACK_SIZE, ids.get(name)], at / 4);
  words[(at + HEADER + STACK_SIZE) / 4] = MARK;
  return at;
}

function checkData(at) {
  strictEqual(words[at / 4], at + HEADER, 'the position is back at the start');
  strictEqual(words[at / 4 + 1], at + HEADER + STACK_SIZE);
  strictEqual(words[at / 4 + 2], ids.get('sum'), 'the third word is the runtime’s own');
  strictEqual(words[(at + HEADER + STACK_SIZE) / 4], MARK, 'nothing is written past the end');
}

// Wraps an export: when the outermost one returns while unwinding, the unwind ends.
function callExport(name, ...args) {
  stack.push(name);
  const value = exports[name](...args);
  strictEqual(stack.pop(), name);
  if (currentData !== 0 && state === UNWINDING && stack.length === 0) {
    state = NORMAL;
    exports.asyncify_stop_unwind();
  }
  return value;
}

function handleSleep(start) {
  if (state === NORMAL) {
    start((value) => {
      result = value;
      state = REWINDING;
      exports.asyncify_start_rewind(currentData);
      const name = names[words[currentData / 4 + 2]];
      const returned = callExport(name);
      if (currentData === 0) finished(returned);
    });
    state = UNWINDING;
    currentData = allocateData();
    exports.asyncify_start_unwind(currentData);
    return 0xdead; // nobody may read this
  }
  strictEqual(state, REWINDING);
  state = NORMAL;
  exports.asyncify_stop_rewind();
  checkData(currentData);
  currentData = 0;
  return result;
}

const asked = [];
const fetch = (node) => handleSleep((wakeUp) => {
  asked.push(node);
  setTimeout(wakeUp, 0, 10 * node);
});

const { instance } = await WebAssembly.instantiate(readFileSync(process.argv[2]), { env: { fetch } });
exports = instance.exports;
words = new Uint32Array(exports.memory.buffer);
const returned = await new Promise((done) => {
  finished = done;
  callExport('sum', 7);
});
strictEqual(returned, 280);
deepStrictEqual(asked, [4, 2, 5, 1, 6, 3, 7]);
