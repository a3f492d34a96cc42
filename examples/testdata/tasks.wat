;; Three tasks that take turns, on a runtime in the style of TinyGo's: written in
;; WebAssembly, on the imports of module asyncify. It relies on:
;;
;;   - the functions that call the imports not being instrumented themselves;
;;   - stop_unwind being called as well when a task has just ended, in state 0;
;;   - the second word of the data block being the runtime's live C stack pointer,
;;     so that the buffer ends where the stack begins.
(module
  (import "asyncify" "start_unwind" (func $start_unwind (param i32)))
  (import "asyncify" "stop_unwind" (func $stop_unwind))
  (import "asyncify" "start_rewind" (func $start_rewind (param i32)))
  (import "asyncify" "stop_rewind" (func $stop_rewind))
  (memory (export "memory") 1)
  (table 1 funcref)
  (elem (i32.const 0) $task)
  (type $entry (func (param i32)))
  (global $__stack_pointer (mut i32) (i32.const 4096))
  (global $rewinding (mut i32) (i32.const 0))
  (global $current (mut i32) (i32.const 0)) ;; a task
  (global $output (mut i32) (i32.const 0)) ;; the digits that tasks have written

  ;; A task: 4096 bytes. +0 its entry, +4 its argument; +8 the data block: position,
  ;; C stack pointer. Frames grow up from +16, the C stack grows down from +4096.

  (func $unwind (param $block i32) ;; a top: suspends whoever calls it
    (if (global.get $rewinding)
      (then
        (call $stop_rewind)
        (global.set $rewinding (i32.const 0)))
      (else
        (i32.store offset=4 (local.get $block) (global.get $__stack_pointer))
        (call $start_unwind (local.get $block)))))

  (func $launch (param $task i32) ;; a bottom: runs a task for the first time
    (local $sp i32)
    (local.set $sp (global.get $__stack_pointer))
    (global.set $__stack_pointer (i32.load offset=12 (local.get $task)))
    (call_indirect (type $entry) (i32.load offset=4 (local.get $task)) (i32.load (local.get $task)))
    (call $stop_unwind)
    (global.set $__stack_pointer (local.get $sp)))

  (func $rewind (param $task i32) ;; a bottom: resumes a task
    (local $sp i32)
    (local.set $sp (global.get $__stack_pointer))
    (global.set $__stack_pointer (i32.load offset=12 (local.get $task)))
    (global.set $rewinding (i32.const 1))
    (call $start_rewind (i32.add (local.get $task) (i32.const 8)))
    (call_indirect (type $entry) (i32.load offset=4 (local.get $task)) (i32.load (local.get $task)))
    (call $stop_unwind)
    (global.set $__stack_pointer (local.get $sp)))

  (func $pause
    (call $unwind (i32.add (global.get $current) (i32.const 8))))

  (func $write (param $digit i32)
    (global.set $output (i32.add (i32.mul (global.get $output) (i32.const 10)) (local.get $digit))))

  ;; Writes its digit, lets the others go on, and writes it again. The digit lies on
  ;; the C stack meanwhile.
  (func $task (param $digit i32)
    (local $frame i32)
    (global.set $__stack_pointer (local.tee $frame (i32.sub (global.get $__stack_pointer) (i32.const 16))))
    (i32.store (local.get $frame) (local.get $digit))
    (call $write (i32.load (local.get $frame)))
    (call $pause)
    (call $write (i32.load (local.get $frame)))
    (global.set $__stack_pointer (i32.add (local.get $frame) (i32.const 16))))

  (func $address (param $number i32) (result i32)
    (i32.mul (local.get $number) (i32.const 8192)))

  (func $prepare (param $number i32)
    (local $task i32)
    (local.set $task (call $address (local.get $number)))
    (i32.store offset=4 (local.get $task) (local.get $number))
    (i32.store offset=8 (local.get $task) (i32.add (local.get $task) (i32.const 16)))
    (i32.store offset=12 (local.get $task) (i32.add (local.get $task) (i32.const 4096))))

  (func (export "main") (result i32)
    (local $number i32)
    (loop $first
      (local.set $number (i32.add (local.get $number) (i32.const 1)))
      (call $prepare (local.get $number))
      (global.set $current (call $address (local.get $number)))
      (call $launch (global.get $current))
      (br_if $first (i32.lt_u (local.get $number) (i32.const 3))))
    (local.set $number (i32.const 0))
    (loop $again
      (local.set $number (i32.add (local.get $number) (i32.const 1)))
      (global.set $current (call $address (local.get $number)))
      (call $rewind (global.get $current))
      (br_if $again (i32.lt_u (local.get $number) (i32.const 3))))
    (global.get $output)))
