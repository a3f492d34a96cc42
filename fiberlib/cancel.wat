;; Cancellation: a fiber is told that what it does is no longer wanted. Where it waits it
;; stops to wait, and finds out; what it has deferred is done when it ends or is freed.

;; cancel gives a fiber a reason, not 0, to end. If it waits for a channel, a fiber, a
;; group, a time, a descriptor or to be unparked, its wait ends: sends and receives return 0,
;; a select returns -1, a park and a join 0, a call of WASI ECANCELED. Who waits for a
;; semaphore or a mutex goes on waiting.
(func $fiber.cancel (export "cancel") (param $f i32) (param $reason i32)
  (local $kind i32)
  (call $fiber.must_be (local.get $f))
  (i32.store offset=108 (local.get $f) (local.get $reason))
  (if (i32.ne (i32.load offset=24 (local.get $f)) (i32.const 6)) (then (return)))
  (local.set $kind (i32.load offset=112 (local.get $f)))
  (if (i32.eq (local.get $kind) (i32.const 9)) ;; both
    (then
      (call $fiber.unsleep (local.get $f))
      (local.set $kind (i32.const 2))))
  (if (i32.or (i32.eqz (local.get $kind)) (i32.gt_u (local.get $kind) (i32.const 5))) (then (return)))
  (if (i32.and (i32.eq (local.get $kind) (i32.const 1)) (i32.ne (i32.load offset=104 (local.get $f)) (i32.const 0)))
    (then (i32.store offset=60 (i32.load offset=104 (local.get $f)) (i32.const 0))))
  (if (i32.eq (local.get $kind) (i32.const 2))
    (then
      (call $fiber.unqueue_all (local.get $f))
      (i64.store offset=80 (local.get $f) (i64.const 0)) ;; of its own case: no value, and not done
      (call $fiber.wake (local.get $f) (i32.const -1))
      (return)))
  (if (i32.eq (local.get $kind) (i32.const 5))
    (then
      (call $hook.end_wait (local.get $f) (i32.const -1))
      (return)))
  (if (i32.eq (local.get $kind) (i32.const 3)) (then (call $fiber.unsleep (local.get $f))))
  (if (i32.eq (local.get $kind) (i32.const 4)) (then (call $fiber.unline (i32.load offset=104 (local.get $f)) (local.get $f))))
  (call $fiber.wake (local.get $f) (i32.const 0)))

;; cancelled returns the reason why the fiber that runs was cancelled, 0 if it was not.
(func $fiber.cancelled (export "cancelled") (result i32)
  (i32.load offset=108 (call $fiber.self)))

;; unline takes a fiber out of a line.
(func $fiber.unline (param $line i32) (param $f i32)
  (local $at i32) (local $before i32)
  (local.set $at (i32.load (local.get $line)))
  (loop $search
    (if (i32.ne (local.get $at) (local.get $f))
      (then
        (local.set $before (local.get $at))
        (local.set $at (i32.load offset=36 (local.get $at)))
        (br $search))))
  (if (local.get $before)
    (then (i32.store offset=36 (local.get $before) (i32.load offset=36 (local.get $f))))
    (else (i32.store (local.get $line) (i32.load offset=36 (local.get $f)))))
  (if (i32.eq (i32.load offset=4 (local.get $line)) (local.get $f)) (then (i32.store offset=4 (local.get $line) (local.get $before)))))

;; unsleep takes a fiber out of the sleepers.
(func $fiber.unsleep (param $f i32)
  (local $at i32) (local $before i32)
  (local.set $at (global.get $fiber.sleepers))
  (loop $search
    (if (i32.ne (local.get $at) (local.get $f))
      (then
        (local.set $before (local.get $at))
        (local.set $at (i32.load offset=36 (local.get $at)))
        (br $search))))
  (if (local.get $before)
    (then (i32.store offset=36 (local.get $before) (i32.load offset=36 (local.get $f))))
    (else (global.set $fiber.sleepers (i32.load offset=36 (local.get $f))))))

;; defer has a function called with a value when the fiber that runs ends or is freed, the
;; last one first. It must not suspend. 0 if there is no memory to remember it.
(func $fiber.defer (export "defer") (param $function i32) (param $value i32) (result i32)
  (local $node i32)
  (local.set $node (call $program.malloc (i32.const 12)))
  (if (i32.eqz (local.get $node)) (then (return (i32.const 0))))
  (i32.store (local.get $node) (i32.load offset=116 (call $fiber.self)))
  (i32.store offset=4 (local.get $node) (local.get $function))
  (i32.store offset=8 (local.get $node) (local.get $value))
  (i32.store offset=116 (global.get $fiber.running) (local.get $node))
  (i32.const 1))

;; cleanup does what a fiber has deferred.
(func $fiber.cleanup (param $f i32)
  (local $node i32)
  (loop $next
    (if (local.tee $node (i32.load offset=116 (local.get $f)))
      (then
        (i32.store offset=116 (local.get $f) (i32.load (local.get $node)))
        (call_indirect (param i32) (i32.load offset=8 (local.get $node)) (i32.load offset=4 (local.get $node)))
        (if (global.get $fiber.state) (then (call $fiber.cleanup_suspends (local.get $f))))
        (call $program.free (local.get $node))
        (br $next)))))

;; cleanup_suspends ends the unwind that leads nowhere.
(func $fiber.cleanup_suspends (param $f i32)
  (call $fiber.blame (local.get $f) (i32.const 0) (i32.const 0))
  (call $fiber.stop_unwind)
  (unreachable))
