;; Contexts in memory of the program's own, for programs that have fibers already and lack
;; nothing but the switch. A region is any piece of memory, lowest address first:
;;
;;    0  entry: an index of the table, of a function i32 ->; 0: the main stack
;;    4  argument of the entry; of the main stack, its stack pointer while it is suspended
;;    8  position  \ the data block of the transform; position 0: it has not run
;;   12  end       /
;;   16  frames, which grow up … and the shadow stack, which grows down from end
;;
;; Before a region runs, end is where its shadow stack begins. While it is suspended, end
;; is its stack pointer, which is also where frames have to end. The region of the main
;; stack has frames only, up to its end; if that is 0, up to the stack pointer: then it is
;; the lowest part of the main stack.

(global $fiber.into (mut i32) (i32.const 0)) ;; the region that a switch leads to
(global $fiber.region (mut i32) (i32.const 0)) ;; the region that runs; 0: the main stack, which has not left yet
(global $fiber.wrapped (mut i32) (i32.const 0)) ;; 1 + the number of the call that wrap_with_fibers is under way in, 0 for none

;; swapcontext suspends what runs, in the region from, and runs what is in another one. It
;; returns when from is switched to.
(func $fiber.swapcontext (export "swapcontext") (param $from i32) (param $to i32)
  (if (i32.eq (global.get $fiber.state) (i32.const 2)) (then (call $fiber.return_to_region) (return)))
  (if (i32.ne (global.get $fiber.wrapped) (i32.add (global.get $fiber.call) (i32.const 1))) (then (call $fiber.not_wrapped)))
  (if (i32.load (local.get $from))
    (then (i32.store offset=12 (local.get $from) (global.get $program.sp)))
    (else
      (i32.store offset=4 (local.get $from) (global.get $program.sp))
      (if (i32.eqz (i32.load offset=12 (local.get $from))) (then (i32.store offset=12 (local.get $from) (global.get $program.sp))))))
  (i32.store offset=8 (local.get $from) (i32.add (local.get $from) (i32.const 16)))
  (if (i32.gt_u (i32.load offset=8 (local.get $from)) (i32.load offset=12 (local.get $from)))
    (then (call $fiber.stack_overflow (local.get $from) (i32.const 0) (i32.const 0))))
  (global.set $fiber.region (local.get $from))
  (global.set $fiber.into (local.get $to))
  (call $fiber.start_unwind (i32.add (local.get $from) (i32.const 8))))

;; return_to_region ends the rewind of the region that runs.
(func $fiber.return_to_region
  (local $r i32)
  (call $fiber.stop_rewind)
  (local.set $r (global.get $fiber.region))
  (if (i32.load (local.get $r)) (then (return)))
  (if (i32.eq (i32.load offset=12 (local.get $r)) (i32.load offset=4 (local.get $r))) (then (i32.store offset=12 (local.get $r) (i32.const 0)))))

;; wrap_with_fibers calls entry, a function i32 -> i32, on the stack that is there, and
;; follows the switches below it until it returns; it returns the result.
(func $fiber.wrap_with_fibers (export "wrap_with_fibers") (param $entry i32) (param $argument i32) (result i32)
  (local $outer i32) (local $region i32) (local $result i32)
  (if (global.get $fiber.state) (then (call $fiber.broken)))
  (local.set $outer (global.get $fiber.wrapped))
  (local.set $region (global.get $fiber.region))
  (global.set $fiber.wrapped (i32.add (global.get $fiber.call) (i32.const 1)))
  (global.set $fiber.region (i32.const 0))
  (local.set $result (call $fiber.main (local.get $entry) (local.get $argument)))
  (loop $next
    (if (global.get $fiber.state)
      (then
        (if (call $fiber.enter_region)
          (then (local.set $result (call $fiber.main (local.get $entry) (local.get $argument)))))
        (br $next))))
  (global.set $fiber.wrapped (local.get $outer))
  (global.set $fiber.region (local.get $region))
  (local.get $result))

;; main calls what runs on the main stack, for the first time or to rewind it.
(func $fiber.main (param $entry i32) (param $argument i32) (result i32)
  (call_indirect (param i32) (result i32) (local.get $argument) (local.get $entry)))

;; enter_region ends an unwind and runs the region that it leads to, until the next one.
;; For the main stack it returns 1: it is up to the caller.
(func $fiber.enter_region (result i32)
  (local $r i32)
  (local.set $r (global.get $fiber.region))
  (if (i32.eqz (global.get $fiber.into)) (then (call $fiber.cannot_leave (local.get $r))))
  (if (i32.gt_u (i32.load offset=8 (local.get $r)) (i32.load offset=12 (local.get $r)))
    (then (call $fiber.buffer_overflow (local.get $r) (i32.const 16))))
  (call $fiber.stop_unwind)
  (local.set $r (global.get $fiber.into))
  (global.set $fiber.into (i32.const 0))
  (global.set $fiber.region (local.get $r))
  (global.set $program.sp (i32.load offset=12 (local.get $r)))
  (call $hook.region (local.get $r))
  (if (i32.load offset=8 (local.get $r))
    (then
      (call $fiber.start_rewind (i32.add (local.get $r) (i32.const 8)))
      (global.set $fiber.taken (global.get $fiber.data))))
  (if (i32.eqz (i32.load (local.get $r)))
    (then
      (if (i32.eqz (i32.load offset=8 (local.get $r))) (then (call $fiber.cannot_resume (local.get $r))))
      (global.set $program.sp (i32.load offset=4 (local.get $r)))
      (return (i32.const 1))))
  (call_indirect (param i32) (i32.load offset=4 (local.get $r)) (i32.load (local.get $r)))
  (if (i32.eqz (global.get $fiber.state)) (then (call $fiber.entry_returned (local.get $r))))
  (i32.const 0))

(func $fiber.not_wrapped (unreachable))
(func $fiber.cannot_leave (param $f i32) (call $fiber.blame (local.get $f) (i32.const 0) (i32.const 0)) (unreachable))
(func $fiber.entry_returned (param $f i32) (call $fiber.blame (local.get $f) (i32.const 0) (i32.const 0)) (unreachable))
