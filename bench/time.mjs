// Times kernels and switches under node, for the command of this folder. The only
// argument is a task as JSON; the answer is printed as JSON.
//
//   modules   [who built it, path]; the original first
//   kernels   calls that never suspend: [name, argument]
//   switches  calls that suspend `rounds` times: [name, argument..., rounds]
//   shapes    programs that make fibers: [name, argument...]
//   runs      samples of each
//   best      a sample is the fastest of so many calls
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { WASI } from 'node:wasi';
import { Driver } from '../examples/driver.mjs';

const { modules, kernels, switches, shapes, runs, best } = JSON.parse(process.argv[2]);
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
async function time(subjects, divisor) {
  const want = subjects[0].call();
  for (let warm = 0; warm < 4; warm++) {
    for (const s of subjects) if (s.call() !== want) throw new Error(`the module of ${s.builder} returns something else`);
    await sleep(20); // the optimizing compiler works in the background
  }
  const samples = Object.fromEntries(subjects.map((s) => [s.builder, new Array(runs).fill(Infinity)]));
  for (let round = 0; round < runs * best; round++) {
    const run = round % runs;
    for (const s of subjects) {
      const start = performance.now();
      s.call();
      const sample = ((performance.now() - start) * 1e6) / divisor;
      samples[s.builder][run] = Math.min(samples[s.builder][run], sample);
    }
  }
  return samples;
}

const answer = { kernels: [], switches: [], shapes: [] };
for (const kernel of kernels) {
  const subjects = compiled.map((module) => kernelSubject(module, kernel));
  answer.kernels.push({ samples: await time(subjects, 1) });
}
for (const call of switches) {
  const subjects = compiled.slice(1).map((module) => switchSubject(module, call));
  const samples = await time(subjects, call.at(-1));
  answer.switches.push({ samples, bytes: Object.fromEntries(subjects.map((s) => [s.builder, s.bytes])) });
}
for (const shape of shapes) answer.shapes.push(await timeShape(shape));
console.log(JSON.stringify(answer));
