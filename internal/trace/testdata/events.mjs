// Runs a module with probes in node, and prints what each probe says, a line each.
import { readFileSync, writeSync } from "node:fs";
import { WASI } from "node:wasi";

const module = new WebAssembly.Module(readFileSync(process.argv[2]));
const wasi = new WASI({ version: "preview1", args: ["program"], stdout: 2 });
const lines = [];
const instance = new WebAssembly.Instance(module, {
  wasi_snapshot_preview1: wasi.wasiImport,
  "watfiber.trace": { event: (...numbers) => { lines.push(numbers.map((n) => n >>> 0).join(" ")); } },
});
wasi.start(instance);
const text = lines.join("\n") + "\n";
for (let at = 0; at < text.length; ) at += writeSync(1, text.slice(at));
