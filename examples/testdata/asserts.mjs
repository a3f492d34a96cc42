// Does to a module of kernels, built with assertions, what a host must not do, and prints
// which assertion fails, in which function, and what that has found:
//
//   node examples/testdata/asserts.mjs BUILT
import { readFileSync } from 'node:fs';
import { WASI } from 'node:wasi';

const module = new WebAssembly.Module(readFileSync(process.argv[2]));

// Returns the functions by the words that stand for them.
function namesOf(module) {
  const [section] = WebAssembly.Module.customSections(module, 'watfiber.asserts');
  const bytes = new Uint8Array(section), names = new Map();
  let at = 0;
  const number = () => {
    for (let n = 0, shift = 1; ; shift *= 128) {
      n += (bytes[at] & 127) * shift;
      if (bytes[at++] < 128) return n;
    }
  };
  if (number() !== 1) throw new Error('the section is of another version');
  for (let left = number(); left > 0; left--) {
    const word = number(), size = number();
    names.set(word, new TextDecoder().decode(bytes.subarray(at, at + size)));
    at += size + 1;
  }
  if (at !== bytes.length) throw new Error('the section has another length');
  return names;
}

const names = namesOf(module);

function trial(what, mistake) {
  const host = { yield: () => {} };
  const wasi = new WASI({ version: 'preview1' });
  const { exports } = new WebAssembly.Instance(module, { wasi_snapshot_preview1: wasi.wasiImport, env: { yield: () => (host.yield(), 1) } });
  wasi.initialize({ exports });
  exports.set_budget(1);
  const block = exports.async_buf();
  const words = (...values) => new Uint32Array(exports.memory.buffer, block, 2).set(values);
  const room = (bytes) => words(block + 8, block + 8 + bytes);
  const leave = () => exports.asyncify_start_unwind(block);
  const suspend = (name, ...args) => {
    host.yield = leave;
    exports[name](...args);
    exports.asyncify_stop_unwind();
    exports.asyncify_start_rewind(block);
  };
  room(4096);
  try {
    mistake({ exports, host, room, leave, suspend });
    console.log(`${what}: nothing has failed`);
  } catch (error) {
    const trap = /fiber\.assert\.(\w+)/.exec(error.stack)?.[1];
    const said = ['function', 'callee'].map((name) => exports[`fiber.assert.${name}`].value >>> 0);
    console.log(`${what}: ${trap} in ${names.get(said[0])}, ${names.get(said[1]) ?? said[1]}`);
  }
}

trial('another export', ({ exports, suspend }) => {
  suspend('k_fib', 8);
  exports.k_queens(5);
});
trial('while unwinding', ({ exports, host, leave }) => {
  host.yield = () => { leave(); exports.k_fib(3); };
  exports.k_queens(5);
});
trial('no end of the rewind', ({ exports, host, suspend }) => {
  suspend('k_fib', 1);
  host.yield = () => {};
  exports.k_fib(1);
});
trial('a small buffer', ({ exports, host, room, leave }) => {
  room(100);
  host.yield = leave;
  exports.sw(100, 1);
});
