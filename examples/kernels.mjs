// Compares a built module of kernels (see c/host.h) with the original, under node:
//
//   node examples/kernels.mjs ORIGINAL BUILT
//
// Every kernel is suspended at each 1st, 7th and 100th scheduling point. It has to
// return the same, call the host in the same order with the same arguments, and
// leave the same memory behind.
import { readFileSync } from 'node:fs';
import { WASI } from 'node:wasi';
import { Driver } from './driver.mjs';

const CALLS = [
  ['sw', 1, 5], ['sw', 10, 5], ['sw', 500, 2], ['swfat', 10, 5], ['swfat', 200, 2],
  ['k_fib', 12], ['k_tak', 1], ['k_queens', 7], ['k_nbody', 120], ['k_mandel', 16], ['k_matmul', 12],
  ['k_qsort', 300], ['k_trees', 4], ['k_json', 5], ['k_hash', 500], ['k_interp_call', 8], ['k_interp_loop', 50], ['k_format', 20],
  ['sw_lua', 100], ['k_lua_fib', 10], ['k_lua_spectral', 8], ['k_lua_strs', 100], ['k_lua_sorts', 100], ['k_lua_trees', 5],
];

// Starts an instance. A host call returns a number that depends on its argument.
function start(module, built) {
  const run = { trace: 0, hostCalls: 0 };
  const answer = (tag) => {
    run.trace = (Math.imul(run.trace, 31) + tag) | 0;
    run.hostCalls++;
    return Math.imul(tag, 3) + 1;
  };
  run.driver = new Driver();
  const wasi = new WASI({ version: 'preview1' });
  const stopped = (id, precision, at) => {
    new DataView(run.exports.memory.buffer).setBigUint64(at, 0n, true);
    return 0;
  };
  const instance = new WebAssembly.Instance(module, {
    wasi_snapshot_preview1: { ...wasi.wasiImport, clock_time_get: stopped }, // Lua's hashes depend on the time
    env: { yield: built ? run.driver.suspending(answer) : answer },
  });
  run.exports = instance.exports;
  wasi.initialize(instance);
  run.buffer = { from: run.exports.async_buf(), bytes: run.exports.async_buf_size() };
  run.driver.attach(run.exports, run.buffer.from, run.buffer.bytes);
  return run;
}

// Returns the memory below the buffer and the memory above it.
function memories({ exports, buffer }) {
  const bytes = Buffer.from(exports.memory.buffer);
  return [bytes.subarray(0, buffer.from), bytes.subarray(buffer.from + buffer.bytes)];
}

function compare(modules, name, args, every) {
  const [original, built] = modules.map((module, i) => start(module, i === 1));
  for (const run of [original, built]) run.exports.set_budget(every);
  const want = original.exports[name](...args);
  const got = built.driver.call(name, ...args);
  const differences = [];
  if (got !== want) differences.push(`returns ${got}, not ${want}`);
  if (built.trace !== original.trace) differences.push(`${built.hostCalls} host calls, not the same ${original.hostCalls}`);
  if (built.driver.suspends !== original.hostCalls) differences.push(`suspended ${built.driver.suspends} times for ${original.hostCalls} host calls`);
  const [before, after] = [memories(original), memories(built)];
  if (!before.every((part, i) => part.equals(after[i]))) differences.push('leaves another memory behind');
  const used = new Uint32Array(built.exports.memory.buffer, built.buffer.from, 1)[0] - built.buffer.from - 8;
  if (used !== 0) differences.push(`leaves ${used} bytes in the buffer`);
  for (const d of differences) console.error(`${name}(${args}), every ${every}: ${d}`);
  return { failed: differences.length > 0, suspends: built.driver.suspends };
}

const modules = process.argv.slice(2, 4).map((file) => new WebAssembly.Module(readFileSync(file)));
const exported = new Set(WebAssembly.Module.exports(modules[0]).map((e) => e.name));
const runs = [];
for (const [name, ...args] of CALLS) {
  if (!exported.has(name)) continue;
  for (const every of [1, 7, 100]) runs.push(compare(modules, name, args, every));
}
const failed = runs.filter((r) => r.failed).length;
console.log(`${runs.length} runs, ${runs.reduce((n, r) => n + r.suspends, 0)} suspensions, ${failed} failed`);
process.exitCode = failed > 0 || runs.length === 0 ? 1 : 0;
