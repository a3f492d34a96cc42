// What happens when fibers go wrong: exported functions, one for each mistake.
import { Channel, Fiber, pass, spawn, task } from "fiber";
export { fail } from "./wasi"; // what --use abort names has to be compiled

function receiveFrom(channel: Channel<string>): i32 { return channel.receive().length; }

/** There is an error in a fiber: the program ends with its message. */
export function closed(): i32 {
  const channel = new Channel<string>();
  channel.close();
  return task(receiveFrom, channel).wait();
}

/** Everybody waits for a value that nobody sends. */
export function deadlock(): i32 { return task(receiveFrom, new Channel<string>()).wait(); }

/** Links in a ring. */
class Link {
  next: Link = this;
}

function ring(n: i32): Link {
  const first = new Link();
  for (; n > 1; n--) {
    const link = new Link();
    link.next = first.next;
    first.next = link;
  }
  return first;
}

/** Goes round a ring, and returns how many steps that took; each level has a link. */
function depth(link: Link, n: i32): i32 {
  if (n == 0) return 0;
  const next = link.next;
  return depth(next, n - 1) + (next === link ? 0 : 1);
}

class Dive extends Fiber {
  result: i32 = 0;
  private links: Link = ring(3);
  constructor(public n: i32) { super(); }
  run(): void { this.result = depth(this.links, this.n); }
}

/** Recursion in a fiber of 4 KiB. */
export function deep(n: i32): i32 {
  const dive = new Dive(n);
  dive.start(4096);
  dive.join();
  return dive.result;
}

/** The same without a fiber, on the stack of 32 KiB that asc gives a program. */
export function deepInMain(n: i32): i32 { return depth(ring(3), n); }

// ---- garbage ----

class Box {
  constructor(public value: i32) {}
}

/** Collects garbage, and has new objects take the place of what was freed. */
function collect(): void {
  __collect();
  for (let i = 0; i < 1000; i++) new Box(-1);
}

function hold(value: i32): i32 {
  const box = new Box(value);
  pass();
  return box.value;
}

/** Only the stack of a fiber that waits has the box. */
export function onStack(value: i32): i32 {
  const t = task(hold, value);
  pass();
  collect();
  return t.wait();
}

/** It is the argument of a fiber that has not run yet. */
export function inNewFiber(value: i32): i32 {
  const channel = new Channel<i32>(1);
  spawn((both: Both) => { both.channel.send(both.box.value); }, new Both(new Box(value), channel));
  collect();
  return channel.receive();
}

class Both {
  constructor(public box: Box, public channel: Channel<i32>) {}
}

/** It is in the buffer of a channel. */
export function inBuffer(value: i32): i32 {
  const channel = new Channel<Box>(1);
  channel.send(new Box(value));
  collect();
  return channel.receive().value;
}

function openNext(channel: Channel<Box>): i32 { return channel.receive().value; }

/** It was sent to a fiber that has not gone on yet. */
export function onItsWay(value: i32): i32 {
  const channel = new Channel<Box>();
  const t = task(openNext, channel);
  pass();
  channel.send(new Box(value));
  collect();
  return t.wait();
}

/** Memory of channels that nobody has any longer is used again; returns pages. */
export function channels(n: i32): i32 {
  for (let i = 0; i < n; i++) new Channel<i32>(100).send(i);
  return memory.size();
}
