// Times kernels and switches under node, for the command of this folder. The only
// argument is a task as JSON; the answer is printed as JSON.
//
//   modules   [who built it, path]; the original first
//   kernels   calls that never suspend: [name, argument]
//   switches  calls that suspend `rounds` times: [name, argument..., rounds]
//   shapes    programs that make fibers: [name, argument...]
//   runs      samples of each
//   best      a sample is the fastest of so many calls
//
// Where the engine switches stacks for promises, the original is timed with that as
// well, and what watfiber has built with a driver that waits for promises: their names
// are stackSwitching and awaited, ours is whose module it is.
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { WASI } from 'node:wasi';
import { Driver } from '../examples/driver.mjs';

const { modules, kernels, switches, shapes, runs, best, stackSwitching, awaited, ours } = JSON.parse(process.argv[2]);
const compiled = modules.map(([builder, path]) => [builder, new WebAssembly.Module(readFileSync(path))]);

function instantiate(module, yielded) {
  const wasi = new WASI({ version: 'preview1' });
  const instance = new WebAssembly.Instance(module, { wasi_snapshot_preview1: wasi.wasiImport, env: { yield: yielded } });
  wasi.initialize(instance);
  return instance.exports;
}

function kernelSubject([builder, module], [name, argument]) {
  const exports = instantiate(module, () => 0);
  exports.set_budget(0x7fffffff);
  return { builder, call: () => exports[name](argument) };
}

function switchSubject([builder, module], [name, ...args]) {
  const driver = new Driver();
  const subject = { builder, bytes: 0, call: () => driver.call(name, ...args) };
  const exports = instantiate(module, driver.suspending(() => {
    subject.bytes = new Uint32Array(exports.memory.buffer, driver.data, 1)[0] - driver.data - 8;
    return 1;
  }));
  driver.attach(exports, exports.async_buf(), exports.async_buf_size());
  return subject;
}

const promised = async () => 1;

// The same with a driver that waits for a promise.
function awaitedSubject([, module], [name, ...args]) {
  const driver = new Driver();
  const exports = instantiate(module, driver.suspending(promised));
  driver.attach(exports, exports.async_buf(), exports.async_buf_size());
  return { builder: awaited, bytes: 0, waits: true, call: () => driver.callAsync(name, ...args) };
}

// A call in the original, on a stack that the engine switches.
function stackSubject([, module], [name, ...args], setBudget) {
  const exports = instantiate(module, new WebAssembly.Suspending(promised));
  if (setBudget) exports.set_budget(0x7fffffff);
  const call = WebAssembly.promising(exports[name]);
  return { builder: stackSwitching, bytes: 0, waits: true, call: () => call(...args) };
}

// A program that has its fiber runtime in it.
function shapeSubject([builder, module], [name, ...args]) {
  const exports = instantiate(module, () => 0);
  return { builder, exports, call: () => exports[name](...args) };
}

// Times a shape in all modules in which it comes to its end.
async function timeShape(shape) {
  const timing = { Samples: {}, Bytes: {}, Resumptions: 0, Pages: {}, Failures: {} };
  const subjects = [];
  for (const module of compiled) {
    const s = shapeSubject(module, shape);
    try {
      s.call();
    } catch (error) {
      timing.Failures[s.builder] = error.message;
      continue;
    }
    timing.Resumptions = s.exports.resumptions();
    timing.Bytes[s.builder] = s.exports.parked_bytes();
    timing.Pages[s.builder] = s.exports.memory.buffer.byteLength / 65536;
    subjects.push(s);
  }
  if (subjects.length > 0) timing.Samples = await time(subjects, timing.Resumptions);
  return timing;
}

// Every round makes one call in each module, so that whatever else the machine
// does meets all of them. Returns samples in nanoseconds, divided by a number.
// The calls before the first sample let V8 compile with all optimizations what runs often.
async function time(subjects, divisor) {
  const want = await subjects[0].call();
  for (let warm = 0; warm < 8; warm++) {
    for (const s of subjects) if ((await s.call()) !== want) throw new Error(`the module of ${s.builder} returns something else`);
    await sleep(5); // V8 works in the background
  }
  const samples = Object.fromEntries(subjects.map((s) => [s.builder, new Array(runs).fill(Infinity)]));
  for (let round = 0; round < runs * best; round++) {
    const run = round % runs;
    for (const s of subjects) {
      const start = performance.now();
      const result = s.call();
      if (s.waits) await result;
      const sample = ((performance.now() - start) * 1e6) / divisor;
      samples[s.builder][run] = Math.min(samples[s.builder][run], sample);
    }
  }
  return samples;
}

const switchesStacks = typeof WebAssembly.Suspending === 'function';
const answer = { kernels: [], switches: [], shapes: [] };
for (const kernel of kernels) {
  const subjects = compiled.map((module) => kernelSubject(module, kernel));
  if (switchesStacks) subjects.push(stackSubject(compiled[0], kernel, true));
  answer.kernels.push({ samples: await time(subjects, 1) });
}
for (const call of switches) {
  const subjects = compiled.slice(1).map((module) => switchSubject(module, call));
  subjects.push(awaitedSubject(compiled.find(([builder]) => builder === ours), call));
  if (switchesStacks) subjects.push(stackSubject(compiled[0], call, false));
  const samples = await time(subjects, call.at(-1));
  answer.switches.push({ samples, bytes: Object.fromEntries(subjects.map((s) => [s.builder, s.bytes])) });
}
for (const shape of shapes) answer.shapes.push(await timeShape(shape));
console.log(JSON.stringify(answer));
