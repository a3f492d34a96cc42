// Runs a WASI program that watfiber has built under node:
//
//   node examples/run.mjs [--stats] [--suspend=MODULE.NAME]... FILE [ARGUMENT]...
//
// An import that is named with --suspend lets the event loop turn once, and returns 0.
import { readFileSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { WASI } from 'node:wasi';
import { Driver } from './driver.mjs';

const words = process.argv.slice(2);
const suspend = [];
let stats = false;
while (words[0]?.startsWith('--')) {
  const [flag, value] = words.shift().split('=');
  if (flag === '--stats') stats = true;
  else if (flag === '--suspend' && value) suspend.push(value);
  else throw new Error(`unknown flag ${flag}`);
}

const wasi = new WASI({ version: 'preview1', args: words, env: process.env, returnOnExit: false });
const imports = { wasi_snapshot_preview1: wasi.wasiImport };
const driver = new Driver();
for (const name of suspend) {
  const [module, field] = name.split('.');
  imports[module] ??= {};
  imports[module][field] = driver.suspending(() => setImmediate(0));
}

const { instance } = await WebAssembly.instantiate(readFileSync(words[0]), imports);
wasi.initialize({ exports: { memory: instance.exports.memory } }); // the driver is who calls _start
driver.attach(instance.exports);
process.on('exit', () => stats && console.error(`suspended ${driver.suspends} times`));
await driver.callAsync('_start');
