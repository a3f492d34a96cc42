// Fibers for AssemblyScript, with the fiber library that `watfiber build` links:
//
//   import { Channel, spawn, sleep } from "fiber";
//
//   asc program.ts --lib fiberlib/assemblyscript --exportStart _start -O -o program.wasm
//   watfiber build program.wasm -o program.fiber.wasm
//
// There are no closures: what a fiber works on is the argument of its function, or are
// the fields of a class that extends Fiber. Objects are safe wherever they are, on the
// stacks of fibers that wait, in channels, in cases of a select: the garbage collector of
// `--runtime incremental` (which is asc's own choice) finds them.

import { OBJECT, TOTAL_OVERHEAD } from "rt/common";

// What `watfiber build` links. Addresses are of regions and channels of the library.
namespace library {
  // @ts-ignore: decorator
  @external("fiber", "set_allocator")
  export declare function setAllocator(malloc: u32, free: u32): void;
  // @ts-ignore: decorator
  @external("fiber", "next_stack")
  export declare function nextStack(fiber: usize, ends: usize): usize;
  // @ts-ignore: decorator
  @external("fiber", "create")
  export declare function create(entry: u32, size: usize): usize;
  // @ts-ignore: decorator
  @external("fiber", "start")
  export declare function start(fiber: usize, value: usize): void;
  // @ts-ignore: decorator
  @external("fiber", "spawn")
  export declare function spawn(entry: u32, value: usize, size: usize): usize;
  // @ts-ignore: decorator
  @external("fiber", "resume")
  export declare function resume(fiber: usize, value: usize): usize;
  // @ts-ignore: decorator
  @external("fiber", "yield")
  export declare function yield_(value: usize): usize;
  // @ts-ignore: decorator
  @external("fiber", "status")
  export declare function status(fiber: usize): i32;
  // @ts-ignore: decorator
  @external("fiber", "free")
  export declare function free(fiber: usize): void;
  // @ts-ignore: decorator
  @external("fiber", "get_local")
  export declare function getLocal(fiber: usize): usize;
  // @ts-ignore: decorator
  @external("fiber", "set_local")
  export declare function setLocal(fiber: usize, value: usize): void;
  // @ts-ignore: decorator
  @external("fiber", "pass")
  export declare function pass(): void;
  // @ts-ignore: decorator
  @external("fiber", "run")
  export declare function run(): void;
  // @ts-ignore: decorator
  @external("fiber", "sleep")
  export declare function sleep(nanoseconds: i64): void;
  // @ts-ignore: decorator
  @external("fiber", "now")
  export declare function now(): i64;
  // @ts-ignore: decorator
  @external("fiber", "cancel")
  export declare function cancel(fiber: usize, reason: i32): void;
  // @ts-ignore: decorator
  @external("fiber", "cancelled")
  export declare function cancelled(): i32;
  // @ts-ignore: decorator
  @external("fiber", "chan_make")
  export declare function makeChannel(capacity: u32): usize;
  // @ts-ignore: decorator
  @external("fiber", "chan_free")
  export declare function freeChannel(channel: usize): void;
  // @ts-ignore: decorator
  @external("fiber", "chan_len")
  export declare function lengthOf(channel: usize): i32;
  // @ts-ignore: decorator
  @external("fiber", "chan_close")
  export declare function close(channel: usize): void;
  // @ts-ignore: decorator
  @external("fiber", "chan_send")
  export declare function send(channel: usize, value: usize): i32;
  // @ts-ignore: decorator
  @external("fiber", "chan_receive")
  export declare function receive(channel: usize, address: usize): i32;
  // @ts-ignore: decorator
  @external("fiber", "select")
  export declare function select(cases: usize, n: u32, block: i32): i32;
  // @ts-ignore: decorator
  @external("fiber", "acquire")
  export declare function acquire(semaphore: usize): void;
  // @ts-ignore: decorator
  @external("fiber", "release")
  export declare function release(semaphore: usize): void;
  // @ts-ignore: decorator
  @external("fiber", "cond_wait")
  export declare function waitFor(condition: usize, mutex: usize): void;
  // @ts-ignore: decorator
  @external("fiber", "cond_signal")
  export declare function signal(condition: usize): void;
  // @ts-ignore: decorator
  @external("fiber", "cond_broadcast")
  export declare function broadcast(condition: usize): void;
  // @ts-ignore: decorator
  @external("fiber", "group_add")
  export declare function add(group: usize, n: i32): void;
  // @ts-ignore: decorator
  @external("fiber", "group_wait")
  export declare function waitGroup(group: usize): void;
}

// ---- memory ----

function allocate(size: usize): usize { return heap.alloc(size); }
function release(address: usize): void { heap.free(address); }

// The allocator of a module has no name, and takes memory for its own that others have
// grown if the runtime is the stub.
library.setAllocator(allocate.index, release.index);

// The optimizer would drop the table, or what is in it, or the parameter of allocate, since
// it sees nobody who calls through it with a size: the library does. What has come from
// memory the optimizer does not know.
const unknown = memory.data(3 * sizeof<u32>());
store<u32>(unknown, allocate.index);
store<u32>(unknown, release.index, 4);
store<u32>(unknown, 16, 8);
call_indirect<void>(load<u32>(unknown, 4), call_indirect<usize>(load<u32>(unknown), load<u32>(unknown, 8)));

/**
 * The stacks of all fibers. As a pinned object it is among the roots that the collector
 * visits, and visits again before it sweeps: stacks may have changed in between.
 */
// @ts-ignore: decorator
@final class Stacks {
  // @ts-ignore: decorator
  @unsafe private __visit(cookie: u32): void {
    isVisited = true;
    const ends = memory.data(2 * sizeof<usize>());
    for (let fiber = library.nextStack(0, ends); fiber; fiber = library.nextStack(fiber, ends)) {
      if (__heap_base - __data_end < 16) throw new Error("fibers and --runtime minimal need --stackSize");
      __visit(library.getLocal(fiber), cookie);
      let end = load<usize>(ends, sizeof<usize>());
      if (!end) end = __heap_base;
      for (let at = load<usize>(ends); at < end; at += sizeof<usize>()) __visit(load<usize>(at), cookie);
    }
  }
}

let isVisited = false;
const stacks = __pin(changetype<usize>(new Stacks()));
__visit_members(stacks, 0);
if (!isVisited) throw new Error("fiber.ts has to be in a folder that is given with --lib");

/** The memory of a channel, which goes with this object. */
// @ts-ignore: decorator
@final class Buffer {
  constructor(public address: usize) {}
}

// The collector calls this for each object before it frees it.
export function __finalize(object: usize): void {
  if (changetype<OBJECT>(object - TOTAL_OVERHEAD).rtId == idof<Buffer>()) {
    library.freeChannel(changetype<Buffer>(object).address);
  }
}

/** What is in a variable before there is a value. */
function none<T>(): T {
  if (isReference<T>()) return changetype<T>(0);
  else return <T>0;
}

// ---- fibers ----

/** What a fiber does and works on. Extend it, or use spawn or task. */
export abstract class Fiber {
  private address: usize = 0; // while it is not done
  private group: WaitGroup = new WaitGroup(); // of those who wait for it
  private ended: bool = false;

  abstract run(): void;

  /** Makes it ready to run. Its two stacks have 64 KiB, or as many bytes as given. */
  start(stackSize: usize = 0): void {
    if (this.address || this.ended) throw new Error("the fiber was started before");
    this.address = library.spawn(enterFiber.index, changetype<usize>(this), stackSize);
    library.setLocal(this.address, changetype<usize>(this));
    this.group.add();
  }

  get done(): bool { return this.ended; }

  /** Waits until it is done; false if the fiber that waits is cancelled before. */
  join(): bool {
    this.group.wait();
    return this.done;
  }

  /** Gives it a reason to end, not 0: what it waits for returns, as in docs/fiberlib.md. */
  cancel(reason: i32 = 1): void {
    if (this.address) library.cancel(this.address, reason);
  }

  /** Is called in the new fiber. */
  enter(): void {
    this.run();
    this.address = 0;
    this.ended = true;
    this.group.done();
  }
}

function enterFiber(fiber: usize): usize {
  changetype<Fiber>(fiber).enter();
  return 0;
}

// @ts-ignore: decorator
@final class Call<A> extends Fiber {
  constructor(private body: (argument: A) => void, private argument: A) { super(); }
  run(): void { this.body(this.argument); }
}

/** A fiber with a result. */
// @ts-ignore: decorator
@final export class Task<A, R> extends Fiber {
  result: R = none<R>(); // when it is done
  constructor(private body: (argument: A) => R, private argument: A) { super(); }
  run(): void { this.result = this.body(this.argument); }

  /** Waits until it is done. */
  wait(): R {
    this.join();
    return this.result;
  }
}

/** Starts a fiber that calls a function. */
export function spawn<A>(body: (argument: A) => void, argument: A): Fiber {
  const fiber = new Call<A>(body, argument);
  fiber.start();
  return fiber;
}

/** Starts a fiber that calls a function, for its result. */
export function task<A, R>(body: (argument: A) => R, argument: A): Task<A, R> {
  const fiber = new Task<A, R>(body, argument);
  fiber.start();
  return fiber;
}

/** Lets the others run that are ready, once. */
export function pass(): void { library.pass(); }

/** Lets the others run until none is ready. */
export function runOthers(): void { library.run(); }

/** The fiber waits, others run. */
export function sleep(milliseconds: f64): void { library.sleep(<i64>(milliseconds * 1e6)); }

/** Milliseconds of the monotonic clock. */
export function now(): f64 { return <f64>library.now() / 1e6; }

/** Why the fiber that runs was cancelled, 0 if it was not. */
export function cancelled(): i32 { return library.cancelled(); }

// ---- generators ----

/** A fiber that runs when its next value is asked for. */
export abstract class Resumed {
  private address: usize = 0; // 0 before it starts and when it is done
  private ended: bool = false;

  abstract run(): void;

  /** Runs it until it yields, or is done: then it returns false. */
  next(): bool {
    if (this.ended) return false;
    if (!this.address) {
      this.address = library.create(enterResumed.index, 0);
      library.setLocal(this.address, changetype<usize>(this));
    }
    library.resume(this.address, changetype<usize>(this));
    if (library.status(this.address) == DONE) this.close();
    return !this.ended;
  }

  /** Gives its stack back. One that is not asked until it is done has to be closed. */
  close(): void {
    if (this.address) library.free(this.address);
    this.address = 0;
    this.ended = true;
  }
}

const DONE = 4; // what status returns

function enterResumed(fiber: usize): usize {
  changetype<Resumed>(fiber).run();
  return 0;
}

/** A fiber that yields values. Extend it, or use generate. */
export abstract class Generator<T> extends Resumed {
  value: T = none<T>(); // the last one

  yield(value: T): void {
    this.value = value;
    library.yield_(0);
  }
}

// @ts-ignore: decorator
@final class GeneratorCall<A, T> extends Generator<T> {
  constructor(private body: (to: Generator<T>, argument: A) => void, private argument: A) { super(); }
  run(): void { this.body(this, this.argument); }
}

/** A generator of what a function yields. */
export function generate<A, T>(body: (to: Generator<T>, argument: A) => void, argument: A): Generator<T> {
  return new GeneratorCall<A, T>(body, argument);
}

// ---- channels ----

/**
 * A value on its way, if the collector has to know of it or it has more than 32 bits:
 * the library moves the address of its parcel, which is in the list of the channel.
 */
// @ts-ignore: decorator
@final class Parcel<T> {
  next: Parcel<T> | null = null;
  previous: Parcel<T> | null = null;
  constructor(public value: T) {}
}

/** Values from fiber to fiber, in order. With capacity 0 a send waits for a receiver. */
export class Channel<T> {
  private buffer: Buffer;
  private parcels: Parcel<T> | null = null;

  constructor(capacity: i32 = 0) {
    const address = library.makeChannel(capacity);
    if (!address) throw new RangeError("the capacity of a channel is out of range");
    this.buffer = new Buffer(address);
  }

  /** How many values are in the buffer. */
  get length(): i32 { return library.lengthOf(this.address); }

  /** Where the library has it. */
  get address(): usize { return this.buffer.address; }

  /** Waits for room; false if the channel is closed. */
  send(value: T): bool {
    const word = this.pack(value);
    const sent = library.send(this.address, word);
    if (!sent) this.unpack(word);
    return sent != 0;
  }

  /** Waits for a value. When the channel is closed and empty there is an error. */
  receive(): T {
    const values = this.values();
    if (!values.next()) throw new Error("the channel is closed");
    return values.value;
  }

  /** What is still to come: for (const v = channel.values(); v.next(); ) use(v.value); */
  values(): Values<T> { return new Values<T>(this); }

  /** What is in the buffer can still be received. */
  close(): void { library.close(this.address); }

  /** The word that stands for a value in the library. */
  pack(value: T): usize {
    if (isFloat<T>() && sizeof<T>() == 4) return <usize>reinterpret<u32>(value);
    if (!isReference<T>() && sizeof<T>() <= 4) return <usize>value;
    const parcel = new Parcel<T>(value);
    const first = this.parcels;
    parcel.next = first;
    if (first) first.previous = parcel;
    this.parcels = parcel;
    return changetype<usize>(parcel);
  }

  /** The value that a word stands for, which is on its way no longer. */
  unpack(word: usize): T {
    if (isFloat<T>() && sizeof<T>() == 4) return reinterpret<f32>(<u32>word);
    if (!isReference<T>() && sizeof<T>() <= 4) return <T>word;
    const parcel = changetype<Parcel<T>>(word);
    const previous = parcel.previous, next = parcel.next;
    if (previous) previous.next = next;
    else this.parcels = next;
    if (next) next.previous = previous;
    return parcel.value;
  }
}

/** The values of a channel as one fiber receives them. */
// @ts-ignore: decorator
@final export class Values<T> {
  value: T = none<T>();
  private word: usize = 0;
  constructor(private channel: Channel<T>) {}

  /** Waits for a value; false when the channel is closed and empty. */
  next(): bool {
    const got = library.receive(this.channel.address, changetype<usize>(this) + offsetof<Values<T>>("word"));
    if (got) this.value = this.channel.unpack(this.word);
    return got != 0;
  }
}

class Timer extends Fiber {
  constructor(private milliseconds: f64, private channel: Channel<bool>) { super(); }
  run(): void {
    sleep(this.milliseconds);
    this.channel.send(true);
  }
}

/** A channel that gets true after a time. */
export function after(milliseconds: f64): Channel<bool> {
  const channel = new Channel<bool>(1);
  new Timer(milliseconds, channel).start(TIMER_STACK);
  return channel;
}

const TIMER_STACK: usize = 2048;

/** One of the operations that a select chooses from. */
export abstract class Case {
  enabled: bool = true; // false: out of the question
  abstract prepare(at: usize): void;
  abstract finish(at: usize, chosen: bool): void;
}

/** Receives from a channel. */
// @ts-ignore: decorator
@final export class Receiving<T> extends Case {
  value: T = none<T>();
  closed: bool = false; // and empty, when it was chosen
  constructor(public channel: Channel<T>) { super(); }

  prepare(at: usize): void {
    store<usize>(at, this.enabled ? this.channel.address : 0);
    store<i32>(at, 0, CASE_SENDS);
  }

  finish(at: usize, chosen: bool): void {
    if (!chosen) return;
    this.closed = !load<i32>(at, CASE_OK);
    if (!this.closed) this.value = this.channel.unpack(load<usize>(at, CASE_VALUE));
  }
}

/** Sends to a channel. */
// @ts-ignore: decorator
@final export class Sending<T> extends Case {
  closed: bool = false; // when it was chosen
  constructor(public channel: Channel<T>, public value: T) { super(); }

  prepare(at: usize): void {
    store<usize>(at, this.enabled ? this.channel.address : 0);
    store<i32>(at, 1, CASE_SENDS);
    if (this.enabled) store<usize>(at, this.channel.pack(this.value), CASE_VALUE);
  }

  finish(at: usize, chosen: bool): void {
    if (chosen) this.closed = !load<i32>(at, CASE_OK);
    if (this.enabled && (!chosen || this.closed)) this.channel.unpack(load<usize>(at, CASE_VALUE));
  }
}

// What the library knows a case by, see chan.wat.
const CASE_SIZE: i32 = 32;
const CASE_SENDS: usize = 4;
const CASE_VALUE: usize = 8;
const CASE_OK: usize = 12;

/** Does the first of several operations that can go ahead. One fiber can use it at a time. */
export class Select {
  private cases: Case[] = [];
  private memory: ArrayBuffer = new ArrayBuffer(4 * CASE_SIZE);

  receive<T>(channel: Channel<T>): Receiving<T> {
    const c = new Receiving<T>(channel);
    this.cases.push(c);
    return c;
  }

  send<T>(channel: Channel<T>, value: T): Sending<T> {
    const c = new Sending<T>(channel, value);
    this.cases.push(c);
    return c;
  }

  /** Waits until a case can go ahead, and returns it; null if the fiber is cancelled. */
  wait(): Case | null { return this.choose(true); }

  /** Returns null rather than wait. */
  poll(): Case | null { return this.choose(false); }

  private choose(block: bool): Case | null {
    const n = this.cases.length;
    if (this.memory.byteLength < n * CASE_SIZE) this.memory = new ArrayBuffer(2 * n * CASE_SIZE);
    const memory = changetype<usize>(this.memory);
    for (let i = 0; i < n; i++) this.cases[i].prepare(memory + i * CASE_SIZE);
    const chosen = library.select(memory, n, i32(block));
    for (let i = 0; i < n; i++) this.cases[i].finish(memory + i * CASE_SIZE, i == chosen);
    return chosen < 0 ? null : this.cases[chosen];
  }
}

// ---- locks: fibers wait in line. Objects do not move, so the library works in them. ----

/** Lets as many fibers in as it counts. */
export class Semaphore {
  private first: usize = 0;
  private last: usize = 0;
  constructor(private count: i32) {}
  acquire(): void { library.acquire(changetype<usize>(this)); }
  release(): void { library.release(changetype<usize>(this)); }
}

export class Mutex {
  private count: i32 = 1;
  private first: usize = 0;
  private last: usize = 0;
  lock(): void { library.acquire(changetype<usize>(this)); }
  unlock(): void { library.release(changetype<usize>(this)); }
}

export class Condition {
  private first: usize = 0;
  private last: usize = 0;

  /** Gives the mutex back and waits for a signal; has the mutex again when it returns. */
  wait(mutex: Mutex): void { library.waitFor(changetype<usize>(this), changetype<usize>(mutex)); }
  signal(): void { library.signal(changetype<usize>(this)); }
  broadcast(): void { library.broadcast(changetype<usize>(this)); }
}

/** Waits until as many are done as were added. */
export class WaitGroup {
  private count: i32 = 0;
  private first: usize = 0;
  private last: usize = 0;
  add(n: i32 = 1): void { library.add(changetype<usize>(this), n); }
  done(): void { library.add(changetype<usize>(this), -1); }
  wait(): void { library.waitGroup(changetype<usize>(this)); }
}
