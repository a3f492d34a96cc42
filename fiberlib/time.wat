;; Time, on WASI preview 1: fibers that sleep wait in the order of their deadlines, and
;; the host is asked to sleep only when no fiber is ready. Where a program waits for
;; descriptors, too, poll.wat takes the place of turns and events.

(global $fiber.sleepers (mut i32) (i32.const 0)) ;; the fiber that sleeps and wakes first
(global $fiber.scratch (mut i32) (i32.const 0)) ;; 136 bytes to talk to the host
(global $fiber.rounds (mut i32) (i32.const 0)) ;; how many fibers have run since the last look at the clock

;; sleep waits for a number of nanoseconds.
(func $fiber.sleep (export "sleep") (param $nanoseconds i64)
  (if (i32.eq (global.get $fiber.state) (i32.const 2)) (then (drop (call $fiber.arrive)) (return)))
  (drop (call $fiber.self))
  (call $fiber.sleep_until (i64.add (call $fiber.now) (local.get $nanoseconds))))

;; now returns the time of the monotonic clock in nanoseconds.
(func $fiber.now (export "now") (result i64)
  (drop (call $program.clock_time_get (i32.const 1) (i64.const 1) (i32.add (call $fiber.talk) (i32.const 88))))
  (i64.load offset=88 (global.get $fiber.scratch)))

;; talk returns the address of what is used to talk to the host: at 0 a subscription, at 48 an
;; event, at 80 how many, at 88 the time, at 96 what a descriptor is, at 120 a piece to write, at
;; 128 how much of it was written.
(func $fiber.talk (result i32)
  (if (i32.eqz (global.get $fiber.scratch))
    (then
      (global.set $fiber.scratch (call $program.malloc (i32.const 136)))
      (if (i32.eqz (global.get $fiber.scratch)) (then (call $fiber.out_of_memory (i32.const 136))))))
  (global.get $fiber.scratch))

;; sleep_until has the fiber that runs sleep, and leaves it.
(func $fiber.sleep_until (param $deadline i64)
  (i64.store offset=96 (global.get $fiber.running) (local.get $deadline))
  (call $fiber.add_sleeper (global.get $fiber.running))
  (i32.store offset=112 (global.get $fiber.running) (i32.const 3))
  (call $fiber.wait))

;; add_sleeper puts a fiber among the sleepers, behind those that wake at the same time.
(func $fiber.add_sleeper (param $f i32)
  (local $deadline i64) (local $at i32) (local $before i32)
  (local.set $deadline (i64.load offset=96 (local.get $f)))
  (local.set $at (global.get $fiber.sleepers))
  (block $here
    (loop $search
      (br_if $here (i32.eqz (local.get $at)))
      (br_if $here (i64.gt_u (i64.load offset=96 (local.get $at)) (local.get $deadline)))
      (local.set $before (local.get $at))
      (local.set $at (i32.load offset=36 (local.get $at)))
      (br $search)))
  (i32.store offset=36 (local.get $f) (local.get $at))
  (if (local.get $before)
    (then (i32.store offset=36 (local.get $before) (local.get $f)))
    (else (global.set $fiber.sleepers (local.get $f)))))

;; wake_sleepers makes those ready whose time has come.
(func $fiber.wake_sleepers
  (local $f i32) (local $now i64) (local $value i32)
  (global.set $fiber.rounds (i32.const 0))
  (local.set $now (call $fiber.now))
  (loop $next
    (if (i32.eqz (local.tee $f (global.get $fiber.sleepers))) (then (return)))
    (if (i64.gt_u (i64.load offset=96 (local.get $f)) (local.get $now)) (then (return)))
    (global.set $fiber.sleepers (i32.load offset=36 (local.get $f)))
    (local.set $value (select (i32.const -1) (i32.const 0) (i32.eq (i32.load offset=112 (local.get $f)) (i32.const 9)))) ;; -1: of a select, none of its cases
    (call $hook.timed_out (local.get $f))
    (call $hook.unwatch (local.get $f))
    (call $fiber.wake (local.get $f) (local.get $value))
    (br $next)))

;; turns is called when a fiber gives up its turn. Every 64th time it looks at the clock.
(func $fiber.turns
  (if (i32.eqz (global.get $fiber.sleepers)) (then (return)))
  (global.set $fiber.rounds (i32.add (global.get $fiber.rounds) (i32.const 1)))
  (if (i32.ge_u (global.get $fiber.rounds) (i32.const 64)) (then (call $fiber.wake_sleepers))))

;; events is called before a fiber is chosen. If none is ready, it sleeps until one is.
(func $fiber.events
  (if (i32.eqz (global.get $fiber.sleepers)) (then (return)))
  (if (call $fiber.first (i32.const 0)) (then (call $fiber.turns) (return)))
  (loop $again
    (call $fiber.wake_sleepers)
    (if (call $fiber.first (i32.const 0)) (then (return)))
    (if (call $hook.driven) (then (return))) ;; the host asks host_timer
    (call $fiber.host_sleep (i64.sub (i64.load offset=96 (global.get $fiber.sleepers)) (call $fiber.now)))
    (br $again)))

;; host_sleep asks the host to sleep. The time is relative: not every host can wait for
;; an absolute one.
(func $fiber.host_sleep (param $nanoseconds i64)
  (local $s i32)
  (if (i64.le_s (local.get $nanoseconds) (i64.const 0)) (then (return)))
  (local.set $s (global.get $fiber.scratch))
  (i64.store (local.get $s) (i64.const 0))
  (i64.store offset=8 (local.get $s) (i64.const 0))
  (i64.store offset=16 (local.get $s) (i64.const 1)) ;; the monotonic clock
  (i64.store offset=24 (local.get $s) (local.get $nanoseconds))
  (i64.store offset=32 (local.get $s) (i64.const 1))
  (i64.store offset=40 (local.get $s) (i64.const 0))
  (drop (call $program.poll_oneoff (local.get $s) (i32.add (local.get $s) (i32.const 48)) (i32.const 1) (i32.add (local.get $s) (i32.const 80)))))
