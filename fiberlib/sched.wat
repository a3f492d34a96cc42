;; The scheduler: fibers that are ready run in turn, in the order in which they became
;; so, or with a seed in another one that is the same each time; the others wait for an
;; event. Nothing here happens by chance.

(global $fiber.ready (mut i32) (i32.const 0)) ;; the queue of fibers that are ready: its first
(global $fiber.ready_last (mut i32) (i32.const 0)) ;; and its last
(global $fiber.dice (mut i32) (i32.const 0)) ;; what the next choice is made by; 0: the first is chosen

;; spawn makes a new fiber that is ready to run entry with a value; 0 if there is no
;; memory. Its memory is given back when it is done.
(func $fiber.spawn (export "spawn") (param $entry i32) (param $value i32) (param $size i32) (result i32)
  (local $f i32)
  (if (local.tee $f (call $fiber.create (local.get $entry) (local.get $size)))
    (then
      (i32.store offset=60 (local.get $f) (i32.const -1))
      (call $fiber.wake (local.get $f) (local.get $value))))
  (local.get $f))

;; start makes a new fiber ready to run its entry with a value. When it is done, join
;; gets its result.
(func $fiber.start (export "start") (param $f i32) (param $value i32)
  (call $fiber.must_wait (local.get $f))
  (call $fiber.wake (local.get $f) (local.get $value)))

;; join waits for a fiber to end that was started, and returns its result. One fiber
;; can wait for it.
(func $fiber.join (export "join") (param $f i32) (result i32)
  (if (i32.eq (global.get $fiber.state) (i32.const 2)) (then (return (call $fiber.arrive))))
  (call $fiber.must_be (local.get $f))
  (if (i32.eq (i32.load offset=24 (local.get $f)) (i32.const 4)) (then (return (i32.load offset=32 (local.get $f)))))
  (if (i32.or (i32.load offset=60 (local.get $f)) (i32.eq (local.get $f) (call $fiber.self))) (then (call $fiber.cannot_join (local.get $f))))
  (i32.store offset=60 (local.get $f) (global.get $fiber.running))
  (i32.store offset=104 (global.get $fiber.running) (local.get $f))
  (i32.store offset=112 (global.get $fiber.running) (i32.const 1))
  (call $fiber.wait)
  (i32.const 0))

;; pass lets the other fibers run that are ready.
(func $fiber.pass (export "pass")
  (if (i32.eq (global.get $fiber.state) (i32.const 2)) (then (drop (call $fiber.arrive)) (return)))
  (if (i32.eqz (call $fiber.first (i32.const 0)))
    (then
      (call $hook.turn)
      (if (i32.eqz (call $fiber.first (i32.const 0))) (then (return)))))
  (call $fiber.wake (call $fiber.self) (i32.const 0))
  (call $fiber.leave (call $fiber.next)))

;; run lets the other fibers run until none is ready.
(func $fiber.run (export "run")
  (if (i32.eq (global.get $fiber.state) (i32.const 2)) (then (drop (call $fiber.arrive)) (return)))
  (if (i32.eqz (call $fiber.first (i32.const 0))) (then (return)))
  (call $fiber.wake (call $fiber.self) (i32.const 0))
  (i32.store offset=112 (global.get $fiber.running) (i32.const 8))
  (call $fiber.leave (call $fiber.next)))

;; park waits until another fiber calls unpark for this one, and returns the value that
;; it gives.
(func $fiber.park (export "park") (result i32)
  (if (i32.eq (global.get $fiber.state) (i32.const 2)) (then (return (call $fiber.arrive))))
  (i32.store offset=104 (call $fiber.self) (i32.const 0))
  (i32.store offset=112 (global.get $fiber.running) (i32.const 1))
  (call $fiber.wait)
  (i32.const 0))

;; unpark makes a fiber ready that has parked itself.
(func $fiber.unpark (export "unpark") (param $f i32) (param $value i32)
  (call $fiber.must_be (local.get $f))
  (if (i32.eqz (call $fiber.is_parked (local.get $f))) (then (call $fiber.not_parked (local.get $f))))
  (call $fiber.wake (local.get $f) (local.get $value)))

;; is_parked reports whether a fiber waits for unpark.
(func $fiber.is_parked (export "is_parked") (param $f i32) (result i32)
  (i32.and
    (i32.eq (i32.load offset=24 (local.get $f)) (i32.const 6))
    (i32.and (i32.eq (i32.load offset=112 (local.get $f)) (i32.const 1)) (i32.eqz (i32.load offset=104 (local.get $f))))))

;; wait leaves the fiber that runs, which has seen to it that somebody will wake it.
(func $fiber.wait
  (i32.store offset=24 (global.get $fiber.running) (i32.const 6))
  (call $fiber.leave (call $fiber.next)))

;; wake puts a fiber behind those that are ready. The value is what its wait returns.
(func $fiber.wake (param $f i32) (param $value i32)
  (i32.store offset=24 (local.get $f) (i32.const 5))
  (i32.store offset=32 (local.get $f) (local.get $value))
  (i32.store offset=36 (local.get $f) (i32.const 0))
  (i32.store offset=112 (local.get $f) (i32.const 0))
  (if (global.get $fiber.ready)
    (then (i32.store offset=36 (global.get $fiber.ready_last) (local.get $f)))
    (else (global.set $fiber.ready (local.get $f))))
  (global.set $fiber.ready_last (local.get $f)))

;; next takes the first fiber that is ready, or else the first that has called run. -1: none
;; can go on before the host has done something.
(func $fiber.next (result i32)
  (local $f i32)
  (call $hook.events)
  (call $hook.shuffle)
  (if (i32.eqz (local.tee $f (call $fiber.first (i32.const 0))))
    (then
      (local.set $f (call $fiber.first (i32.const 1)))
      (if (i32.and (i32.eqz (local.get $f)) (call $hook.driven)) (then (return (i32.const -1))))
      (if (i32.eqz (local.get $f)) (then (return (call $program.stuck))))))
  (call $fiber.pick (local.get $f))
  (local.get $f))

;; seed has the next fiber chosen by a generator that starts from a number, for tests of
;; programs that should not depend on the order; 0 is the usual order.
(func $fiber.seed (export "seed") (param $number i32)
  (global.set $fiber.dice (local.get $number)))

;; shuffle puts one of the fibers that are ready in front of the others.
(func $fiber.shuffle
  (local $f i32) (local $n i32)
  (if (i32.eqz (global.get $fiber.dice)) (then (return)))
  (local.set $f (global.get $fiber.ready))
  (loop $count
    (if (local.get $f)
      (then
        (local.set $n (i32.add (local.get $n) (i32.const 1)))
        (local.set $f (i32.load offset=36 (local.get $f)))
        (br $count))))
  (if (i32.eqz (local.get $n)) (then (return)))
  (local.set $n (i32.rem_u (call $fiber.roll) (local.get $n)))
  (local.set $f (global.get $fiber.ready))
  (loop $search
    (if (local.get $n)
      (then
        (local.set $n (i32.sub (local.get $n) (i32.const 1)))
        (local.set $f (i32.load offset=36 (local.get $f)))
        (br $search))))
  (call $fiber.pick (local.get $f))
  (i32.store offset=36 (local.get $f) (global.get $fiber.ready))
  (if (i32.eqz (global.get $fiber.ready)) (then (global.set $fiber.ready_last (local.get $f))))
  (global.set $fiber.ready (local.get $f)))

;; roll returns the next number of the generator, a xorshift.
(func $fiber.roll (result i32)
  (local $x i32)
  (local.set $x (global.get $fiber.dice))
  (local.set $x (i32.xor (local.get $x) (i32.shl (local.get $x) (i32.const 13))))
  (local.set $x (i32.xor (local.get $x) (i32.shr_u (local.get $x) (i32.const 17))))
  (local.set $x (i32.xor (local.get $x) (i32.shl (local.get $x) (i32.const 5))))
  (global.set $fiber.dice (local.get $x))
  (local.get $x))

;; first returns the first fiber that is ready, or with 1 that has called run, 0 if there
;; is none. The main fiber of another call stays in line: it can run only when this call
;; has returned.
(func $fiber.first (param $run i32) (result i32)
  (local $f i32)
  (local.set $f (global.get $fiber.ready))
  (loop $search
    (if (local.get $f)
      (then
        (if (i32.and (i32.eq (i32.eq (i32.load offset=112 (local.get $f)) (i32.const 8)) (local.get $run)) (call $fiber.is_here (local.get $f)))
          (then (return (local.get $f))))
        (local.set $f (i32.load offset=36 (local.get $f)))
        (br $search))))
  (i32.const 0))

;; pick takes a fiber out of those that are ready.
(func $fiber.pick (param $f i32)
  (local $before i32)
  (if (i32.eq (local.get $f) (global.get $fiber.ready))
    (then (global.set $fiber.ready (i32.load offset=36 (local.get $f))))
    (else
      (local.set $before (global.get $fiber.ready))
      (loop $search
        (if (i32.ne (i32.load offset=36 (local.get $before)) (local.get $f))
          (then
            (local.set $before (i32.load offset=36 (local.get $before)))
            (br $search))))
      (i32.store offset=36 (local.get $before) (i32.load offset=36 (local.get $f)))))
  (if (i32.eq (local.get $f) (global.get $fiber.ready_last)) (then (global.set $fiber.ready_last (local.get $before)))))

;; stuck ends the program where it is.
(func $fiber.stuck (result i32)
  (call $fiber.deadlock (global.get $fiber.running))
  (i32.const 0))

(func $fiber.deadlock (param $f i32) (call $fiber.blame (local.get $f) (i32.const 0) (i32.const 0)) (unreachable))
(func $fiber.cannot_join (param $f i32) (call $fiber.blame (local.get $f) (i32.const 0) (i32.const 0)) (unreachable))
(func $fiber.not_parked (param $f i32) (call $fiber.blame (local.get $f) (i32.const 0) (i32.const 0)) (unreachable))
